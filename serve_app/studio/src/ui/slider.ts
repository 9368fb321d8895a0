/** A number with a slider, its value as a field, and the way back to where it rests. */
import { freshId, h } from "./dom";

interface Range {
  low: number;
  high: number;
  step: number;
  rest: number;
}

export interface Slider {
  element: HTMLElement;
  show(value: number): void;
}

export function slider(title: string, range: Range, onInput: (value: number) => void, hint = ""): Slider {
  const id = freshId("slider");
  const { low, high, step, rest } = range;
  const bounds = { min: low, max: high, step };
  const take = (text: string) => {
    const value = Math.min(Math.max(Number(text), low), high);
    if (text.trim() === "" || Number.isNaN(value)) return;
    show(value);
    onInput(value);
  };
  const bar = h("input", {
    id,
    type: "range",
    ...bounds,
    oninput: () => take(bar.value),
    ondblclick: () => take(String(rest)),
  });
  const field = h("input", {
    type: "number",
    ...bounds,
    "aria-label": `${title}, as a number`,
    onchange: () => take(field.value),
  });
  const show = (value: number) => {
    bar.value = String(value);
    field.value = String(Math.round(value * 100) / 100);
    bar.style.setProperty("--part", `${((value - low) / (high - low)) * 100}%`);
    element.classList.toggle("moved", Math.abs(value - rest) > 1e-9);
  };
  const element = h("div", { class: "slider", title: hint }, h("label", { for: id }, title), field, bar);
  show(rest);
  return { element, show };
}
