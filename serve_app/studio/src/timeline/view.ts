/** Which part of the recording is shown: seconds ↔ pixels. */
import { Signal } from "../ui/signal";

const CLOSEST_S = 0.4;

export class View {
  readonly changed = new Signal();
  from = 0;
  span = 1;
  width = 1;
  private whole = 1;

  /** Another length; what was all of it stays all of it. */
  setDuration(seconds: number): void {
    const all = this.span >= this.whole - 1e-6;
    this.whole = Math.max(seconds, CLOSEST_S);
    if (all || this.span > this.whole) this.fit();
    else this.moveTo(this.from);
  }

  fit(): void {
    this.from = 0;
    this.span = this.whole;
    this.changed.emit();
  }

  get zoomed(): boolean {
    return this.span < this.whole - 1e-6;
  }

  x(seconds: number): number {
    return ((seconds - this.from) / this.span) * this.width;
  }

  seconds(x: number): number {
    return this.from + (x / this.width) * this.span;
  }

  zoom(factor: number, around: number): void {
    const span = Math.min(Math.max(this.span / factor, CLOSEST_S), this.whole);
    const share = (around - this.from) / this.span;
    this.span = span;
    this.moveTo(around - share * span);
  }

  moveTo(from: number): void {
    this.from = Math.min(Math.max(from, 0), Math.max(0, this.whole - this.span));
    this.changed.emit();
  }

  /** Turns the page where a moment lies outside. */
  follow(seconds: number): void {
    if (seconds < this.from || seconds > this.from + this.span) this.moveTo(seconds - 0.1 * this.span);
  }
}
