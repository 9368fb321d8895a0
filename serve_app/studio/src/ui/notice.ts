/** Messages over the stage: what went wrong and what to do; they move nothing else. */
import { explained } from "../service/problems";
import { h, icon } from "./dom";

const MOST = 3;

export class Notices {
  constructor(private readonly place: HTMLElement) {}

  error(error: unknown, retry?: () => void): void {
    const { title, detail, advice } = explained(error);
    this.put("error", title, [detail, advice].filter(Boolean), retry);
  }

  tell(title: string, ...lines: string[]): void {
    this.put("tell", title, lines);
  }

  /** What was said of something that has been tried anew. */
  clear(): void {
    this.place.replaceChildren();
  }

  private put(kind: string, title: string, lines: string[], retry?: () => void): void {
    const close = () => note.remove();
    const again = () => {
      close();
      retry!();
    };
    const note = h(
      "div",
      { class: `notice ${kind}`, role: kind === "error" ? "alert" : "status" },
      h("div", {}, h("strong", {}, title), ...lines.map((line) => h("p", {}, line))),
      retry ? h("button", { type: "button", onclick: again }, "Try again") : null,
      h("button", { type: "button", class: "bare", "aria-label": "Dismiss", onclick: close }, icon("close")),
    );
    this.place.prepend(note);
    while (this.place.childElementCount > MOST) this.place.lastElementChild!.remove();
  }
}
