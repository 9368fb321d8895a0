/** Colours of the theme for canvases, which know no CSS variables. */
import { Signal } from "./signal";

const EMOTIONS = ["neutral", "calm", "happy", "sad", "angry", "fearful", "disgust", "surprised"];
const OTHERS = ["--curve-1", "--curve-3", "--curve-4", "--curve-6"];
const CURVES = 8;

export const themeChanged = new Signal();
const known = new Map<string, string>();
const probe = document.createElement("i");
probe.hidden = true;
document.documentElement.append(probe);

export function forgetColours(): void {
  known.clear();
  themeChanged.emit();
}
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", forgetColours);

/** `--ink` as the theme in force has it. */
export function colour(variable: string): string {
  let value = known.get(variable);
  if (value === undefined) {
    probe.style.color = `var(${variable})`;
    value = getComputedStyle(probe).color;
    known.set(variable, value);
  }
  return value;
}

export function emotionVariable(label: string, index: number): string {
  return EMOTIONS.includes(label) ? `--emotion-${label}` : OTHERS[index % OTHERS.length];
}

export const curveVariable = (index: number): string => `--curve-${(index % CURVES) + 1}`;
