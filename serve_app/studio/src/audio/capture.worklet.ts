/** Runs beside the sound card: its blocks become chunks of 16-bit samples at 16 kHz. */
import { Resampler, toPcm16 } from "./resample";

declare const sampleRate: number;
declare class AudioWorkletProcessor {
  readonly port: MessagePort;
}
declare function registerProcessor(name: string, kind: new () => AudioWorkletProcessor): void;

const CHUNK = 640; // 40 ms

class Capture extends AudioWorkletProcessor {
  private readonly resampler = new Resampler(sampleRate);
  private waiting = new Float32Array(0);
  private running = true;

  constructor() {
    super();
    this.port.onmessage = () => {
      this.running = false;
      this.take(this.resampler.push(new Float32Array(0), true));
      this.send(this.waiting);
      this.port.postMessage(null);
    };
  }

  process(inputs: Float32Array[][]): boolean {
    const channels = inputs[0] ?? [];
    if (!this.running || !channels.length) return this.running;
    const mono = new Float32Array(channels[0].length);
    for (const channel of channels) for (let i = 0; i < mono.length; i++) mono[i] += channel[i] / channels.length;
    this.take(this.resampler.push(mono));
    while (this.waiting.length >= CHUNK) {
      this.send(this.waiting.slice(0, CHUNK));
      this.waiting = this.waiting.slice(CHUNK);
    }
    return true;
  }

  private take(samples: Float32Array): void {
    const all = new Float32Array(this.waiting.length + samples.length);
    all.set(this.waiting);
    all.set(samples, this.waiting.length);
    this.waiting = all;
  }

  private send(samples: Float32Array): void {
    if (!samples.length) return;
    const pcm = toPcm16(samples);
    this.port.postMessage(pcm, [pcm.buffer]);
  }
}

registerProcessor("capture", Capture);
