/** Which curves are drawn: chips with the value at the playhead, and a list of all 52 to pick from. */
import type { Animation } from "../animation";
import { COEFFICIENTS, grouped, spoken } from "../head/names";
import { h, icon } from "../ui/dom";
import { curveVariable } from "../ui/palette";
import { Signal } from "../ui/signal";

export const MOST = 8;
export const USUAL = ["jawOpen", "mouthSmileLeft", "mouthPucker", "browInnerUp", "eyeBlinkLeft"];

export class CurvePicker {
  readonly changed = new Signal<string[]>();
  private chosen = [...USUAL];
  private values: HTMLElement[] = [];
  private readonly boxes = new Map<string, HTMLInputElement>();
  private animation: Animation | null = null;
  private readonly row = new Float32Array(256);

  constructor(
    private readonly chips: HTMLElement,
    list: HTMLElement,
    private readonly count: HTMLElement,
  ) {
    const most = h(
      "button",
      {
        type: "button",
        class: "quiet",
        onclick: () => this.animation && this.set(this.animation.byMovement().slice(0, 6)),
      },
      "What moves most",
    );
    const usual = h("button", { type: "button", class: "quiet", onclick: () => this.set(USUAL) }, "The usual five");
    list.append(h("div", { class: "row" }, most, usual));
    for (const [title, names] of grouped(COEFFICIENTS)) {
      const boxes = names.map((name) => {
        const box = h("input", { type: "checkbox", onchange: () => this.toggle(name) });
        this.boxes.set(name, box);
        return h("label", { class: "check" }, box, spoken(name));
      });
      list.append(h("fieldset", {}, h("legend", {}, title), ...boxes));
    }
    this.set(this.chosen);
  }

  get names(): string[] {
    return this.chosen;
  }

  follow(animation: Animation | null): void {
    this.animation = animation;
  }

  /** The values at a moment, beside the names. */
  tell(seconds: number): void {
    const { animation } = this;
    if (animation) animation.weightsAt(seconds, this.row);
    this.chosen.forEach((name, i) => {
      const text = animation ? this.row[animation.names.indexOf(name)].toFixed(2) : "–";
      if (this.values[i].textContent !== text) this.values[i].textContent = text;
    });
  }

  private toggle(name: string): void {
    this.set(this.chosen.includes(name) ? this.chosen.filter((other) => other !== name) : [...this.chosen, name]);
  }

  private set(names: string[]): void {
    this.chosen = names.slice(-MOST);
    for (const [name, box] of this.boxes) box.checked = this.chosen.includes(name);
    this.values = this.chosen.map(() => h("output", {}, "–"));
    this.chips.replaceChildren(
      ...this.chosen.map((name, i) => {
        const dot = h("i", { class: "dot" });
        dot.style.background = `var(${curveVariable(i)})`;
        const off = h(
          "button",
          { type: "button", class: "bare", "aria-label": `Hide ${spoken(name)}`, onclick: () => this.toggle(name) },
          icon("close"),
        );
        return h("li", {}, dot, name, this.values[i], off);
      }),
    );
    this.count.textContent = `${this.chosen.length} of 52`;
    this.changed.emit(this.chosen);
  }
}
