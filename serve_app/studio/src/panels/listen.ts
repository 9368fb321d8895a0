/** The microphone, two ways: recorded and then animated, or live, with the face following after a measured delay. */
import type { Animation } from "../animation";
import { Capture } from "../audio/capture";
import { RATE } from "../audio/resample";
import { wavFile } from "../audio/wav";
import { Waveform } from "../audio/waveform";
import type { Client } from "../service/client";
import { LiveSession } from "../service/live";
import type { Session } from "../session";
import { controlsOf } from "../settings";
import { Signal } from "../ui/signal";

export type Mode = "record" | "live";
const MEMORY_S = 2;
const SLOWER = 0.1; // seconds of delay given back per second, so that time never jumps

export class Listening {
  readonly changed = new Signal<Mode | null>();
  readonly failed = new Signal<unknown>();
  mode: Mode | null = null;
  waveform = new Waveform(RATE);
  animation: Animation | null = null;
  /** How far the face is behind the voice, in seconds; null: nothing has come yet. */
  delay: number | null = null;
  private capture: Capture | null = null;
  private live: LiveSession | null = null;
  private chunks: Int16Array<ArrayBuffer>[] = [];
  private samples = 0;
  /** When sample 0 was heard, on the page's clock: never later than any chunk allows. */
  private origin = Infinity;
  private arrivals: { at: number; delay: number }[] = [];
  private drawnAt = 0;

  constructor(
    private readonly session: Session,
    private readonly client: Client,
  ) {
    session.chosen.on(() => this.live?.setControls(this.controls()));
  }

  get modelDelay(): number {
    return this.live?.modelDelay ?? 0;
  }

  get heard(): number {
    return this.samples / RATE;
  }

  async start(mode: Mode): Promise<void> {
    if (this.mode) return;
    this.mode = mode;
    this.chunks = [];
    this.samples = 0;
    this.origin = Infinity;
    this.arrivals = [];
    this.delay = this.animation = null;
    this.waveform = new Waveform(RATE);
    try {
      this.capture = await Capture.start((pcm) => this.take(pcm));
      if (mode === "live") this.connect();
      this.changed.emit(mode);
    } catch (error) {
      this.mode = null;
      this.failed.emit(error);
      this.changed.emit(null);
    }
  }

  /** What was heard becomes the recording; what was seen live, its animation. */
  async stop(): Promise<void> {
    const { capture, live, mode } = this;
    if (!capture || !mode) return;
    this.capture = null;
    await capture.stop();
    await live?.end();
    this.live = null;
    this.mode = null;
    this.changed.emit(null);
    if (!this.samples) return;
    const stamp = new Date().toTimeString().slice(0, 8).replaceAll(":", "-");
    await this.session.open(
      wavFile(this.chunks, `${mode === "live" ? "live" : "recording"}-${stamp}.wav`),
      this.animation,
    );
  }

  /** The moment of the recording whose face is due now. */
  due(): number {
    const now = performance.now() / 1000;
    this.settle(now - this.drawnAt);
    this.drawnAt = now;
    return Math.max(0, now - this.origin - (this.delay ?? 0));
  }

  private take(pcm: Int16Array<ArrayBuffer>): void {
    this.chunks.push(pcm);
    this.samples += pcm.length;
    this.origin = Math.min(this.origin, performance.now() / 1000 - this.heard - (this.capture?.deviceDelay ?? 0));
    this.waveform.push(pcm, 1 / 32768);
    this.live?.push(pcm.slice());
  }

  private connect(): void {
    const live = new LiveSession(this.client, this.session.model?.name ?? null, this.controls());
    this.live = live;
    live.ready.on((animation) => (this.animation = animation));
    live.arrived.on(({ first }) => {
      const at = performance.now() / 1000;
      this.arrivals = this.arrivals.filter((one) => at - one.at < MEMORY_S);
      this.arrivals.push({ at, delay: at - this.origin - first / this.animation!.fps });
    });
    live.failed.on((error) => {
      this.failed.emit(error);
      void this.stop();
    });
  }

  /** The delay is that of the latest frame of the last seconds: up at once, down slowly. */
  private settle(passed: number): void {
    if (!this.arrivals.length) return;
    const needed = Math.max(...this.arrivals.map(({ delay }) => delay));
    this.delay = this.delay === null ? needed : Math.max(needed, this.delay - SLOWER * Math.min(passed, 0.1));
  }

  private controls(): Record<string, unknown> {
    return controlsOf(this.session.slot.settings, this.session.abilities);
  }
}
