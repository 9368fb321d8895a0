/** What the timeline shows, drawn on a canvas: ruler, waveform, emotion as stacked bands, curves. */
import type { Animation } from "../animation";
import type { Waveform } from "../audio/waveform";
import { colour, curveVariable, emotionVariable } from "../ui/palette";
import type { View } from "./view";

export interface Area {
  top: number;
  height: number;
}

type Pen = CanvasRenderingContext2D;
const STEPS = [0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600];
const FONT = "10px system-ui, sans-serif";

export function paintRuler(pen: Pen, view: View, area: Area, through: number): void {
  const step = STEPS.find((s) => (s / view.span) * view.width >= 56) ?? 1200;
  pen.font = FONT;
  pen.textBaseline = "middle";
  for (let k = Math.ceil(view.from / step - 1e-9); k * step <= view.from + view.span; k++) {
    const x = Math.round(view.x(k * step)) + 0.5;
    pen.fillStyle = colour("--grid");
    pen.fillRect(x - 0.5, area.top + area.height - 4, 1, through - area.top - area.height + 4);
    const label = clock(k * step, step < 1 ? 1 : 0);
    if (x + pen.measureText(label).width + 4 > view.width) continue;
    pen.fillStyle = colour("--soft");
    pen.fillText(label, x + 4, area.top + area.height / 2);
  }
}

export function paintWaveform(pen: Pen, view: View, area: Area, waveform: Waveform): void {
  const middle = area.top + area.height / 2;
  const scale = (0.48 * area.height) / waveform.peak;
  pen.fillStyle = colour("--wave");
  const end = Math.min(view.width, view.x(waveform.duration));
  for (let x = Math.max(0, Math.floor(view.x(0))); x < end; x++) {
    const [low, high] = waveform.between(view.seconds(x), view.seconds(x + 1));
    const top = middle - high * scale;
    pen.fillRect(x, top, 1, Math.max(1, middle - low * scale - top));
  }
}

/** Every label a band as high as its share. */
export function paintEmotion(pen: Pen, view: View, area: Area, animation: Animation): void {
  const { emotion, emotionNames, fps, frames } = animation;
  if (!emotion) return;
  const labels = emotionNames.length;
  const [first, last] = visible(view, fps, frames);
  const step = Math.max(1, Math.floor((last - first) / view.width));
  const ends = new Map<number, number>(); // frame → where the bands below end
  for (let label = 0; label < labels; label++) {
    const under: [number, number][] = [];
    pen.beginPath();
    let started = false;
    for (let frame = first; frame <= last; frame += step) {
      const x = view.x(frame / fps);
      const below = ends.get(frame) ?? 0;
      const above = Math.min(1, below + Math.max(0, emotion[frame * labels + label]));
      ends.set(frame, above);
      under.push([x, area.top + area.height * (1 - below)]);
      const y = area.top + area.height * (1 - above);
      if (started) pen.lineTo(x, y);
      else pen.moveTo(x, y);
      started = true;
    }
    for (const [x, y] of under.reverse()) pen.lineTo(x, y);
    pen.fillStyle = colour(emotionVariable(emotionNames[label], label));
    pen.fill();
  }
}

/** `other`: the other setting's animation, as thin lines behind. */
export function paintCurves(
  pen: Pen,
  view: View,
  area: Area,
  animation: Animation,
  names: string[],
  other: Animation | null,
): void {
  pen.fillStyle = colour("--grid");
  for (const share of [0, 0.5, 1])
    pen.fillRect(0, Math.round(area.top + area.height * share) - (share === 1 ? 1 : 0), view.width, 1);
  names.forEach((name, index) => {
    if (other && other !== animation) line(pen, view, area, other, name, colour(curveVariable(index)), 1, 0.38);
    line(pen, view, area, animation, name, colour(curveVariable(index)), 1.6, 1);
  });
}

function line(
  pen: Pen,
  view: View,
  area: Area,
  animation: Animation,
  name: string,
  ink: string,
  width: number,
  alpha: number,
): void {
  const column = animation.names.indexOf(name);
  if (column < 0) return;
  const columns = animation.names.length;
  const [first, last] = visible(view, animation.fps, animation.frames);
  const perPixel = Math.max(1, Math.floor((last - first) / view.width));
  pen.beginPath();
  for (let frame = first; frame <= last; frame += perPixel) {
    let value = 0;
    const end = Math.min(frame + perPixel, last + 1);
    for (let i = frame; i < end; i++) value = Math.max(value, animation.weights[i * columns + column]);
    const y = area.top + area.height - 1 - (area.height - 2) * Math.min(Math.max(value, 0), 1);
    pen.lineTo(view.x(frame / animation.fps), y);
  }
  pen.globalAlpha = alpha;
  pen.strokeStyle = ink;
  pen.lineWidth = width;
  pen.lineJoin = "round";
  pen.stroke();
  pen.globalAlpha = 1;
}

function visible(view: View, fps: number, frames: number): [number, number] {
  const first = Math.max(0, Math.floor(view.from * fps) - 1);
  return [first, Math.min(frames - 1, Math.ceil((view.from + view.span) * fps) + 1)];
}

/** 75.25 → 1:15.2 */
export function clock(seconds: number, digits = 0): string {
  const unit = 10 ** digits;
  const whole = Math.round(seconds * unit) / unit;
  const rest = (whole % 60).toFixed(digits).padStart(digits ? 3 + digits : 2, "0");
  return `${Math.floor(whole / 60)}:${rest}`;
}
