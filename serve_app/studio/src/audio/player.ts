/** Plays a sound. The sound card's clock says where we are: what is seen follows what is heard. */
import { Signal } from "../ui/signal";

export class Player {
  readonly changed = new Signal();
  loop = false;
  private context: AudioContext | null = null;
  private source: AudioBufferSourceNode | null = null;
  private buffer: AudioBuffer | null = null;
  private length = 0;
  private from = 0;
  private startedAt = 0;
  private running = false;

  /** Made by the first use: browsers want a person's act before they let sound out. */
  private get sound(): AudioContext {
    return (this.context ??= new AudioContext());
  }

  decode(data: ArrayBuffer): Promise<AudioBuffer> {
    return this.sound.decodeAudioData(data);
  }

  /** `buffer` null: the clock runs in silence. */
  load(buffer: AudioBuffer | null, duration: number): void {
    this.pause();
    this.buffer = buffer;
    this.length = duration;
    this.from = 0;
    this.changed.emit();
  }

  get duration(): number {
    return this.length;
  }

  /** The face may go on for a while behind the sound. */
  set duration(seconds: number) {
    this.length = seconds;
  }

  get playing(): boolean {
    return this.running;
  }

  /** What is heard at this moment, in seconds. */
  get time(): number {
    if (!this.running) return this.from;
    const heard = this.sound.currentTime - (this.sound.outputLatency || 0) - this.startedAt;
    return Math.min(this.from + Math.max(0, heard), this.length);
  }

  async play(): Promise<void> {
    if (this.running || !this.length) return;
    await this.sound.resume();
    if (this.running) return;
    if (this.from >= this.length - 0.02) this.from = 0;
    this.start();
    this.running = true;
    this.changed.emit();
  }

  pause(): void {
    if (!this.running) return;
    this.from = this.time;
    this.running = false;
    this.end();
    this.changed.emit();
  }

  toggle(): void {
    if (this.running) this.pause();
    else void this.play();
  }

  seek(seconds: number): void {
    const target = Math.min(Math.max(seconds, 0), this.length);
    if (this.running) this.end();
    this.from = target;
    if (this.running) this.start();
    this.changed.emit();
  }

  /** To be called with every picture: ends or begins anew behind the last frame. */
  tick(): void {
    if (!this.running || this.time < this.length) return;
    if (this.loop) {
      this.seek(0);
    } else {
      this.pause();
    }
  }

  private start(): void {
    this.startedAt = this.sound.currentTime;
    if (!this.buffer || this.from >= this.buffer.duration) return;
    this.source = this.sound.createBufferSource();
    this.source.buffer = this.buffer;
    this.source.connect(this.sound.destination);
    this.source.start(0, this.from);
  }

  private end(): void {
    this.source?.stop();
    this.source?.disconnect();
    this.source = null;
  }
}
