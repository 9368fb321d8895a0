/** Panels of which one is seen: arrow keys go from tab to tab, as ARIA's pattern wants it. */
import { byId, h } from "../ui/dom";

/** Returns what shows a panel. */
export function tabs(
  place: HTMLElement,
  panels: readonly (readonly [id: string, title: string])[],
): (id: string) => void {
  const buttons = panels.map(([id, title]) =>
    h(
      "button",
      { type: "button", role: "tab", id: `tab-${id}`, "aria-controls": id, onclick: () => choose(id) },
      title,
    ),
  );
  const choose = (chosen: string) => {
    panels.forEach(([id], i) => {
      byId(id).hidden = id !== chosen;
      buttons[i].setAttribute("aria-selected", String(id === chosen));
      buttons[i].tabIndex = id === chosen ? 0 : -1;
    });
  };
  place.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const at = (buttons.indexOf(event.target as HTMLButtonElement) + step + buttons.length) % buttons.length;
    buttons[at].click();
    buttons[at].focus();
  });
  place.append(...buttons);
  choose(panels[0][0]);
  return choose;
}
