/** Frames of a live session as the service packs them: little-endian, a header of 16 bytes, then float32 rows.
 *
 * u8 version = 1, u8 flags (1: head, 2: emotion), u16 count, u32 first, u64 heard_samples, weights, head, emotion.
 */
import { HEAD_COLUMNS } from "../animation";

export interface Frames {
  first: number;
  heardSamples: number;
  weights: Float32Array[];
  head: Float32Array[] | null;
  emotion: Float32Array[] | null;
}

const HEADER = 16;
const HEAD = 1;
const EMOTION = 2;

/** Throws an Error for bytes that are no such message. */
export function unpackFrames(data: ArrayBuffer, coefficients: number, labels: number): Frames {
  const view = new DataView(data);
  if (data.byteLength < HEADER || view.getUint8(0) !== 1) throw new Error("frames of an unknown version");
  const flags = view.getUint8(1);
  const count = view.getUint16(2, true);
  const columns = coefficients + (flags & HEAD ? HEAD_COLUMNS : 0) + (flags & EMOTION ? labels : 0);
  if (data.byteLength !== HEADER + 4 * count * columns) throw new Error("frames that are cut short");
  let at = HEADER;
  const rows = (width: number) =>
    Array.from({ length: count }, () => {
      const row = new Float32Array(width);
      for (let k = 0; k < width; k++, at += 4) row[k] = view.getFloat32(at, true);
      return row;
    });
  return {
    first: view.getUint32(4, true),
    heardSamples: Number(view.getBigUint64(8, true)),
    weights: rows(coefficients),
    head: flags & HEAD ? rows(HEAD_COLUMNS) : null,
    emotion: flags & EMOTION ? rows(labels) : null,
  };
}
