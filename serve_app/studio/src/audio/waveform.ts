/** The outline of a sound: its lowest and highest sample in every 1/100 s. Grows while it is heard. */

export const PEAKS_PER_SECOND = 100;

export class Waveform {
  private low = new Float32Array(1024);
  private high = new Float32Array(1024);
  private samples = 0;

  constructor(private readonly rate: number) {}

  static of(buffer: AudioBuffer): Waveform {
    const waveform = new Waveform(buffer.sampleRate);
    waveform.push(buffer.getChannelData(0));
    return waveform;
  }

  get duration(): number {
    return this.samples / this.rate;
  }

  push(samples: ArrayLike<number>, scale = 1): void {
    for (let i = 0; i < samples.length; i++, this.samples++) {
      const slot = Math.floor((this.samples / this.rate) * PEAKS_PER_SECOND);
      if (slot >= this.low.length) this.grow();
      const value = samples[i] * scale;
      if (value < this.low[slot]) this.low[slot] = value;
      if (value > this.high[slot]) this.high[slot] = value;
    }
  }

  /** Lowest and highest value between two moments. */
  between(from: number, to: number): [number, number] {
    const first = Math.max(0, Math.floor(from * PEAKS_PER_SECOND));
    const last = Math.min(
      Math.ceil(this.duration * PEAKS_PER_SECOND),
      Math.max(first + 1, Math.ceil(to * PEAKS_PER_SECOND)),
    );
    let low = 0;
    let high = 0;
    for (let i = first; i < last; i++) {
      low = Math.min(low, this.low[i]);
      high = Math.max(high, this.high[i]);
    }
    return [low, high];
  }

  /** The loudest sample, at least a tenth: silence stays a line. */
  get peak(): number {
    let peak = 0.1;
    for (let i = 0; i < this.high.length; i++) peak = Math.max(peak, this.high[i], -this.low[i]);
    return peak;
  }

  private grow(): void {
    for (const name of ["low", "high"] as const) {
      const wider = new Float32Array(2 * this[name].length);
      wider.set(this[name]);
      this[name] = wider;
    }
  }
}
