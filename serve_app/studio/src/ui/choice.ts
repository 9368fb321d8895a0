/** One of several, as a row of segments: a group of radio buttons, with all that keys do there. */
import { freshId, h } from "./dom";

export interface Choice<T extends string> {
  element: HTMLElement;
  show(value: T): void;
}

export function choice<T extends string>(
  title: string,
  options: readonly (readonly [T, string])[],
  onChoose: (value: T) => void,
  kind = "segments",
): Choice<T> {
  const name = freshId("choice");
  const inputs = new Map<T, HTMLInputElement>();
  const labels = options.map(([value, text]) => {
    const input = h("input", { type: "radio", name, value, onchange: () => onChoose(value) });
    inputs.set(value, input);
    return h("label", { "data-value": value }, input, h("span", {}, text));
  });
  const element = h("div", { class: kind, role: "radiogroup", "aria-label": title }, ...labels);
  return { element, show: (value) => inputs.forEach((input, key) => (input.checked = key === value)) };
}
