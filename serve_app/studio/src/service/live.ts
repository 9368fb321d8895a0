/** A live session: samples go out as they are heard, frames come in. A lost connection is taken up again. */
import { Animation } from "../animation";
import { RATE } from "../audio/resample";
import { Signal } from "../ui/signal";
import { type Client, pause } from "./client";
import { unpackFrames } from "./frames";
import { ServiceError, UNREACHABLE } from "./problems";

const HELD_S = 20; // of samples that a service which has lost ours may ask for again
const ATTEMPTS = 5;
const GOODBYE_S = 5;

interface Ready {
  resume: string | null;
  fps: number;
  names: string[];
  emotion_names: string[];
  delay_ms: number;
  next_sample?: number;
}

export class LiveSession {
  readonly ready = new Signal<Animation>();
  readonly arrived = new Signal<{ first: number; count: number }>();
  readonly failed = new Signal<unknown>();
  /** What the model must hear before it can show a frame, in seconds. */
  modelDelay = 0;
  animation: Animation | null = null;
  private socket: WebSocket | null = null;
  private token: string | null = null;
  private open = false;
  private ended = false;
  private held: Int16Array<ArrayBuffer>[] = [];
  private heldFrom = 0;
  private sent = 0;
  private finished: (() => void) | null = null;

  constructor(
    private readonly client: Client,
    private readonly model: string | null,
    private controls: Record<string, unknown>,
  ) {
    this.connect(1);
  }

  push(pcm: Int16Array<ArrayBuffer>): void {
    this.held.push(pcm);
    this.sent += pcm.length;
    while (this.sent - this.heldFrom - this.held[0].length > HELD_S * RATE) this.heldFrom += this.held.shift()!.length;
    if (this.open) this.socket!.send(pcm);
  }

  setControls(controls: Record<string, unknown>): void {
    this.controls = controls;
    if (this.open) this.say({ type: "controls", controls });
  }

  /** Resolves when the last frame has come, or the service is not heard of any more. */
  async end(): Promise<void> {
    if (this.ended) return;
    this.ended = true;
    if (!this.open) return this.close();
    const done = new Promise<void>((resolve) => (this.finished = resolve));
    this.say({ type: "end" });
    await Promise.race([done, pause(GOODBYE_S)]);
    this.close();
  }

  private connect(attempt: number): void {
    const url = this.client.url(`v1/live${this.model ? `?model=${encodeURIComponent(this.model)}` : ""}`);
    url.protocol = url.protocol.replace("http", "ws");
    const socket = new WebSocket(url, this.client.protocols());
    socket.binaryType = "arraybuffer";
    this.socket = socket;
    let problem: unknown = null;
    socket.onopen = () => {
      const again = this.token ? { resume: this.token, received_frames: this.animation?.frames ?? 0 } : {};
      const audio = { encoding: "pcm16", rate: RATE };
      this.say({ type: "hello", audio, format: "binary", controls: this.controls, ...again });
    };
    socket.onmessage = ({ data }) => {
      if (data instanceof ArrayBuffer) return this.take(data);
      const message = JSON.parse(data);
      if (message.type === "ready") {
        attempt = 1;
        this.begin(message);
      } else if (message.type === "end") this.finished?.();
      else if (message.type === "error") problem = new ServiceError(message.problem ?? {});
    };
    socket.onclose = async ({ code }) => {
      if (this.socket !== socket) return;
      this.open = false;
      this.finished?.();
      if (this.ended) return;
      const worthwhile = this.token && [1001, 1005, 1006, 1011, 1012, 1013].includes(code);
      if (!worthwhile || attempt > ATTEMPTS) {
        this.ended = true;
        this.failed.emit(problem ?? UNREACHABLE);
        return;
      }
      await pause(0.1 * 2 ** attempt);
      if (!this.ended) this.connect(attempt + 1);
    };
  }

  private begin(message: Ready): void {
    this.token = message.resume;
    this.modelDelay = message.delay_ms / 1000;
    this.open = true;
    if (!this.animation) {
      this.animation = new Animation(message.fps, message.names, message.emotion_names);
      this.ready.emit(this.animation);
    }
    this.sendFrom(message.next_sample ?? 0);
  }

  private sendFrom(sample: number): void {
    let at = this.heldFrom;
    for (const chunk of this.held) {
      if (at + chunk.length > sample) this.socket!.send(chunk.subarray(Math.max(0, sample - at)));
      at += chunk.length;
    }
  }

  private take(data: ArrayBuffer): void {
    const animation = this.animation;
    if (!animation) return;
    const frames = unpackFrames(data, animation.names.length, animation.emotionNames.length);
    animation.put(frames.first, frames.weights, frames.emotion, frames.head);
    this.arrived.emit({ first: frames.first, count: frames.weights.length });
  }

  private say(message: object): void {
    this.socket!.send(JSON.stringify(message));
  }

  private close(): void {
    const socket = this.socket;
    this.socket = null;
    socket?.close(1000);
  }
}
