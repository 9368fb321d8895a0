/** Any rate → 16 kHz, block by block, by a windowed sinc that lets nothing through that 16 kHz cannot hold. */

export const RATE = 16_000;
const LOBES = 12;
const STEPS = 64;

export class Resampler {
  private readonly step: number;
  private readonly half: number;
  private readonly kernel: Float32Array;
  private held = new Float32Array(0);
  private at: number;

  constructor(rate: number) {
    this.step = rate / RATE;
    const wide = Math.max(1, this.step);
    this.half = Math.ceil(LOBES * wide);
    this.at = this.half;
    this.held = new Float32Array(this.half); // silence before the first sample
    this.kernel = Float32Array.from({ length: this.half * STEPS + 2 }, (_, i) => {
      const x = i / STEPS / wide;
      const window = 0.5 + 0.5 * Math.cos((Math.PI * Math.min(x, LOBES)) / LOBES);
      return (x ? Math.sin(Math.PI * x) / (Math.PI * x) : 1) * window * (0.97 / wide);
    });
  }

  /** What a block makes certain; `end`: silence follows it. */
  push(block: Float32Array, end = false): Float32Array<ArrayBuffer> {
    const room = new Float32Array(this.held.length + block.length + (end ? this.half : 0));
    room.set(this.held);
    room.set(block, this.held.length);
    const out: number[] = [];
    for (; this.at + this.half < room.length; this.at += this.step) {
      const middle = Math.floor(this.at);
      const part = this.at - middle;
      let sum = 0;
      for (let k = -this.half + 1; k <= this.half; k++) {
        const place = Math.abs(k - part) * STEPS;
        const left = Math.floor(place);
        const share = place - left;
        if (left < this.kernel.length - 1) {
          sum += room[middle + k] * (this.kernel[left] * (1 - share) + this.kernel[left + 1] * share);
        }
      }
      out.push(sum);
    }
    const keep = Math.max(0, Math.floor(this.at) - this.half);
    this.held = room.slice(keep);
    this.at -= keep;
    return Float32Array.from(out);
  }
}

export function toPcm16(samples: Float32Array): Int16Array<ArrayBuffer> {
  return Int16Array.from(samples, (value) => Math.round(Math.min(Math.max(value, -1), 32767 / 32768) * 32768));
}
