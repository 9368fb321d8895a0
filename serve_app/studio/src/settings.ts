/** How the person at the page wants the face to speak, and the same as the service's controls. */
import { type Abilities, takes } from "./service/abilities";

export type Source = "heard" | "label" | "mix" | "recording";

/** A number that a slider sets. `of`: the object of the controls that it belongs to. */
export interface Dial {
  key: string;
  title: string;
  of: "controls" | "shaping";
  low: number;
  high: number;
  step: number;
  rest: number;
  hint?: string;
}

export const INTENSITY: Dial = {
  key: "intensity",
  title: "Intensity",
  of: "controls",
  low: 0,
  high: 3,
  step: 0.05,
  rest: 1,
  hint: "0 is neutral, 1 as heard or as the label",
};
export const BLEND: Dial = {
  key: "blend",
  title: "Blend",
  of: "controls",
  low: 0,
  high: 1,
  step: 0.01,
  rest: 1,
  hint: "0 is what is heard, 1 what is asked for",
};
export const SURENESS: Dial = {
  key: "confidence",
  title: "Neutral when unsure",
  of: "controls",
  low: 0,
  high: 1,
  step: 0.01,
  rest: 0,
  hint: "Where the emotion is heard less surely than this, it fades to neutral",
};
export const FACE: Dial[] = [
  {
    key: "upper_face",
    title: "Upper face",
    of: "shaping",
    low: 0,
    high: 3,
    step: 0.05,
    rest: 1,
    hint: "Brows, eyes, cheeks, nose",
  },
  {
    key: "lower_face",
    title: "Lower face",
    of: "shaping",
    low: 0,
    high: 3,
    step: 0.05,
    rest: 1,
    hint: "Jaw, mouth, tongue",
  },
  {
    key: "lip_close",
    title: "Lips close",
    of: "shaping",
    low: 0,
    high: 1,
    step: 0.05,
    rest: 0,
    hint: "Lips that nearly meet do",
  },
  {
    key: "eyelid",
    title: "Eyelids",
    of: "shaping",
    low: -1,
    high: 1,
    step: 0.05,
    rest: 0,
    hint: "-1 wide open, 1 closed",
  },
];
export const MOTION: Dial[] = [
  { key: "smoothing", title: "Smoothing", of: "controls", low: 0, high: 1, step: 0.05, rest: 1 },
  { key: "silence_gate", title: "Rest in silence", of: "controls", low: 0, high: 1, step: 0.05, rest: 1 },
  { key: "blinks_per_minute", title: "Blinks a minute", of: "controls", low: 0, high: 60, step: 1, rest: 15 },
  {
    key: "gaze",
    title: "Gaze",
    of: "shaping",
    low: 0,
    high: 2,
    step: 0.05,
    rest: 0,
    hint: "Small movements of the eyes",
  },
  {
    key: "sway",
    title: "Sway",
    of: "shaping",
    low: 0,
    high: 3,
    step: 0.05,
    rest: 0,
    hint: "Slow movement of the head",
  },
];
export const GAIN = { low: 0, high: 3, step: 0.05, rest: 1 };

export interface Settings {
  source: Source;
  label: string | null;
  /** Weights by label: their proportion counts. */
  mix: Record<string, number>;
  emotionAudio: File | null;
  /** Index of a training speaker; null: none. */
  style: number | null;
  /** Weights by index of a speaker, which come before `style`; null: no mix. */
  styleMix: Record<string, number> | null;
  /** Dials that are not at rest. */
  dials: Record<string, number>;
  /** Factors by coefficient. */
  gain: Record<string, number>;
  seed: number;
}

export const freshSettings = (): Settings => ({
  source: "heard",
  label: null,
  mix: {},
  emotionAudio: null,
  style: null,
  styleMix: null,
  dials: {},
  gain: {},
  seed: 0,
});

export const valueOf = (settings: Settings, dial: Dial): number => settings.dials[dial.key] ?? dial.rest;

/** Whether the service knows a dial. */
export function knows(abilities: Abilities, dial: Dial): boolean {
  return dial.key in (dial.of === "shaping" ? abilities.shaping : abilities.controls);
}

export function knowsMixes(abilities: Abilities): boolean {
  return takes(abilities.controls.emotion, "object") || "blend" in abilities.controls;
}

/** Only what differs from the service's own defaults. */
export function controlsOf(settings: Settings, abilities: Abilities): Record<string, unknown> {
  const controls: Record<string, unknown> = {};
  const shaping: Record<string, unknown> = {};
  if (settings.source === "label" && settings.label) controls.emotion = settings.label;
  if (settings.source === "mix") assign(controls, "emotion", shares(settings.mix));
  if (settings.styleMix) assign(controls, "style", shares(settings.styleMix));
  else if (settings.style !== null) controls.style = settings.style;
  if (settings.seed) controls.seed = settings.seed;
  for (const dial of [INTENSITY, BLEND, SURENESS, ...FACE, ...MOTION]) {
    const value = settings.dials[dial.key];
    if (value === undefined || value === dial.rest || !knows(abilities, dial)) continue;
    if (dial.of === "shaping") shaping[dial.key] = value;
    else controls[dial.key] = isSwitch(abilities, dial) ? value >= 0.5 : value;
  }
  const gain = Object.entries(settings.gain).filter(([, factor]) => factor !== GAIN.rest);
  if (gain.length && "gain" in abilities.shaping) shaping.gain = Object.fromEntries(gain);
  if (Object.keys(shaping).length) controls.shaping = shaping;
  return controls;
}

/** Whether the service takes true or false where others take a number. */
export const isSwitch = (abilities: Abilities, dial: Dial): boolean =>
  dial.of === "controls" &&
  takes(abilities.controls[dial.key], "boolean") &&
  !takes(abilities.controls[dial.key], "number");

/** Weights that add up to 1, to a thousandth; null where all are 0. */
function shares(weights: Record<string, number>): Record<string, number> | null {
  const heavy = Object.entries(weights).filter(([, weight]) => weight > 0);
  const total = heavy.reduce((sum, [, weight]) => sum + weight, 0);
  return total ? Object.fromEntries(heavy.map(([name, weight]) => [name, round(weight / total)])) : null;
}

function assign(controls: Record<string, unknown>, name: string, value: unknown): void {
  if (value !== null) controls[name] = value;
}

const round = (value: number): number => Math.round(value * 1000) / 1000;
