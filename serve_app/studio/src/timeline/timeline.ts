/** Waveform, emotion and curves over time, with a playhead: seek by mouse, finger and key; zoom; follow. */
import type { Animation } from "../animation";
import type { Waveform } from "../audio/waveform";
import { colour, themeChanged } from "../ui/palette";
import { Signal } from "../ui/signal";
import { type Area, clock, paintCurves, paintEmotion, paintRuler, paintWaveform } from "./paint";
import { View } from "./view";

const RULER: Area = { top: 0, height: 20 };
const GAP = 8;

export interface Shown {
  waveform: Waveform | null;
  animation: Animation | null;
  other: Animation | null;
  duration: number;
}

export class Timeline {
  readonly view = new View();
  readonly sought = new Signal<number>();
  curves: string[] = [];
  private shown: Shown = { waveform: null, animation: null, other: null, duration: 0 };
  private time = 0;
  /** Where keys step from: they may come faster than pictures. */
  private aim = 0;
  private stale = true;
  private readonly pen: CanvasRenderingContext2D;
  private readonly above: CanvasRenderingContext2D;

  constructor(
    private readonly area: HTMLElement,
    private readonly below: HTMLCanvasElement,
    private readonly over: HTMLCanvasElement,
  ) {
    this.pen = below.getContext("2d")!;
    this.above = over.getContext("2d")!;
    new ResizeObserver(() => this.resize()).observe(area);
    this.view.changed.on(() => this.redraw());
    themeChanged.on(() => this.redraw());
    this.listen();
  }

  show(shown: Shown): void {
    this.shown = shown;
    this.view.setDuration(shown.duration);
    this.area.setAttribute("aria-valuemax", shown.duration.toFixed(2));
    this.redraw();
  }

  redraw(): void {
    this.stale = true;
  }

  /** To be called with every picture; draws only what has changed. */
  draw(time: number, following: boolean): void {
    const moved = time !== this.time;
    this.time = this.aim = time;
    if (following && this.view.zoomed) this.view.follow(time);
    if (this.stale) this.paint();
    if (!moved && !this.stale) return;
    this.stale = false;
    this.paintPlayhead();
    if (moved) {
      this.area.setAttribute("aria-valuenow", time.toFixed(2));
      this.area.setAttribute("aria-valuetext", `${clock(time, 1)} of ${clock(this.shown.duration, 1)}`);
    }
  }

  private areas(): { wave: Area; emotion: Area; curves: Area } {
    const room = this.area.clientHeight - RULER.height - 2 * GAP - 4;
    const wave = { top: RULER.height, height: Math.round(room * 0.3) };
    const emotion = { top: wave.top + wave.height + GAP, height: Math.round(room * 0.16) };
    const top = emotion.top + emotion.height + GAP;
    return { wave, emotion, curves: { top, height: this.area.clientHeight - top - 4 } };
  }

  private paint(): void {
    const { pen, view } = this;
    const { waveform, animation, other } = this.shown;
    const { wave, emotion, curves } = this.areas();
    pen.clearRect(0, 0, view.width, this.area.clientHeight);
    pen.fillStyle = colour("--well");
    for (const { top, height } of [wave, emotion, curves]) pen.fillRect(0, top, view.width, height);
    if (this.shown.duration) paintRuler(pen, view, RULER, curves.top + curves.height);
    if (waveform) paintWaveform(pen, view, wave, waveform);
    if (!animation) return;
    paintEmotion(pen, view, emotion, animation);
    paintCurves(pen, view, curves, animation, this.curves, other);
  }

  private paintPlayhead(): void {
    const { above, view } = this;
    above.clearRect(0, 0, view.width, this.area.clientHeight);
    if (!this.shown.duration) return;
    const x = Math.round(view.x(this.time));
    above.fillStyle = colour("--accent");
    above.fillRect(x - 0.75, RULER.height - 6, 1.5, this.area.clientHeight);
    above.beginPath();
    above.moveTo(x - 5, RULER.height - 12);
    above.lineTo(x + 5, RULER.height - 12);
    above.lineTo(x, RULER.height - 4);
    above.fill();
  }

  private resize(): void {
    const { clientWidth: width, clientHeight: height } = this.area;
    if (!width) return;
    this.view.width = width;
    for (const [canvas, pen] of [
      [this.below, this.pen],
      [this.over, this.above],
    ] as const) {
      canvas.width = Math.round(width * devicePixelRatio);
      canvas.height = Math.round(height * devicePixelRatio);
      pen.setTransform(devicePixelRatio, 0, 0, devicePixelRatio, 0, 0);
    }
    this.redraw();
    this.draw(this.time, false);
  }

  private listen(): void {
    const { area, view } = this;
    const place = (event: MouseEvent) => event.clientX - area.getBoundingClientRect().left;
    area.addEventListener("pointerdown", (event) => {
      if (event.button) return;
      area.setPointerCapture(event.pointerId);
      this.sought.emit(view.seconds(place(event)));
    });
    area.addEventListener("pointermove", (event) => {
      if (area.hasPointerCapture(event.pointerId)) this.sought.emit(view.seconds(place(event)));
    });
    area.addEventListener(
      "wheel",
      (event) => {
        const sideways = Math.abs(event.deltaX) > Math.abs(event.deltaY) || event.shiftKey;
        if (!event.ctrlKey && !event.metaKey && !(sideways && view.zoomed)) return; // the page scrolls
        event.preventDefault();
        if (sideways) view.moveTo(view.from + ((event.deltaX || event.deltaY) / view.width) * view.span);
        else view.zoom(Math.exp(-event.deltaY * 0.004), view.seconds(place(event)));
      },
      { passive: false },
    );
    area.addEventListener("keydown", (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      const frame = 1 / (this.shown.animation?.fps ?? 30);
      const step = event.shiftKey ? 1 : frame;
      const seek = (seconds: number) => {
        this.aim = Math.min(Math.max(seconds, 0), this.shown.duration);
        this.sought.emit(this.aim);
        view.follow(this.aim);
      };
      const acts: Record<string, () => void> = {
        ArrowLeft: () => seek(this.aim - step),
        ArrowRight: () => seek(this.aim + step),
        PageUp: () => seek(this.aim + 5),
        PageDown: () => seek(this.aim - 5),
        Home: () => seek(0),
        End: () => seek(this.shown.duration),
        "+": () => view.zoom(1.5, this.aim),
        "=": () => view.zoom(1.5, this.aim),
        "-": () => view.zoom(1 / 1.5, this.aim),
        "0": () => view.fit(),
      };
      if (!acts[event.key]) return;
      event.preventDefault();
      acts[event.key]();
    });
  }
}
