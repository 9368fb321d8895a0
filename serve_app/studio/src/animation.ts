/** A face over time: rows of weights, of the emotion's shares, and of the head's turn, that may still be growing. */

export const HEAD_COLUMNS = 6;

export class Animation {
  frames = 0;
  weights = new Float32Array(0);
  emotion: Float32Array | null = null;
  head: Float32Array | null = null;
  meta: Record<string, unknown> = {};

  constructor(
    readonly fps: number,
    readonly names: readonly string[],
    readonly emotionNames: readonly string[],
  ) {}

  get duration(): number {
    return this.frames / this.fps;
  }

  /** Rows put at frame `first`: what is known of later frames already stays. */
  put(
    first: number,
    weights: ArrayLike<number>[],
    emotion?: ArrayLike<number>[] | null,
    head?: ArrayLike<number>[] | null,
  ) {
    const end = Math.max(this.frames, first + weights.length);
    this.weights = filled(this.weights, this.names.length, first, end, weights);
    if (emotion?.length)
      this.emotion = filled(this.emotion ?? new Float32Array(0), this.emotionNames.length, first, end, emotion);
    if (head?.length) this.head = filled(this.head ?? new Float32Array(0), HEAD_COLUMNS, first, end, head);
    this.frames = end;
  }

  /** The straight line between the two frames around a moment; before the first and behind the last they hold. */
  weightsAt(seconds: number, into: Float32Array): Float32Array {
    return this.row(this.weights, this.names.length, seconds, into);
  }

  emotionAt(seconds: number, into: Float32Array): Float32Array | null {
    return this.emotion && this.row(this.emotion, this.emotionNames.length, seconds, into);
  }

  headAt(seconds: number, into: Float32Array): Float32Array | null {
    return this.head && this.row(this.head, HEAD_COLUMNS, seconds, into);
  }

  private row(values: Float32Array, columns: number, seconds: number, into: Float32Array): Float32Array {
    if (!this.frames) return into.fill(0);
    const at = Math.min(Math.max(seconds * this.fps, 0), this.frames - 1);
    const left = Math.floor(at);
    const share = at - left;
    const from = left * columns;
    const to = Math.min(left + 1, this.frames - 1) * columns;
    for (let k = 0; k < columns; k++) into[k] = values[from + k] * (1 - share) + values[to + k] * share;
    return into;
  }

  /** Mean share of each label over all frames. */
  meanEmotion(): Float32Array | null {
    if (!this.emotion || !this.frames) return null;
    const labels = this.emotionNames.length;
    const mean = new Float32Array(labels);
    for (let i = 0; i < this.frames * labels; i++) mean[i % labels] += this.emotion[i] / this.frames;
    return mean;
  }

  /** Names of the coefficients, the one that moves most first. */
  byMovement(): string[] {
    const columns = this.names.length;
    const moved = this.names.map((name, k) => {
      let sum = 0;
      let squares = 0;
      for (let i = k; i < this.frames * columns; i += columns) {
        sum += this.weights[i];
        squares += this.weights[i] ** 2;
      }
      return { name, spread: squares / this.frames - (sum / this.frames) ** 2 };
    });
    return moved.sort((a, b) => b.spread - a.spread).map(({ name }) => name);
  }
}

function filled(values: Float32Array, columns: number, first: number, end: number, rows: ArrayLike<number>[]) {
  let room: Float32Array<ArrayBuffer> = values as Float32Array<ArrayBuffer>;
  if (room.length < end * columns) {
    room = new Float32Array(Math.max(end * columns, 2 * values.length));
    room.set(values);
  }
  rows.forEach((row, i) => room.set(row, (first + i) * columns));
  return room;
}
