/** Normals of morph targets: without them a face moves but its light does not. */
import { BufferAttribute, type BufferGeometry, type TypedArray } from "three";

/** Gives a geometry's morph targets normals where it has none; displacements, as glTF has them. */
export function giveMorphNormals(geometry: BufferGeometry): void {
  const targets = geometry.morphAttributes.position;
  if (!targets?.length || geometry.morphAttributes.normal) return;
  const position = geometry.getAttribute("position");
  const count = position.count;
  const rest = new Float32Array(count * 3);
  for (let i = 0; i < count; i++) {
    rest[3 * i] = position.getX(i);
    rest[3 * i + 1] = position.getY(i);
    rest[3 * i + 2] = position.getZ(i);
  }
  const welded = weld(rest);
  const index = geometry.index?.array ?? Uint32Array.from({ length: count }, (_, i) => i);
  const before = normalsOf(rest, index, welded);
  if (!geometry.getAttribute("normal")) geometry.setAttribute("normal", new BufferAttribute(before, 3));
  geometry.morphAttributes.normal = targets.map((target) => {
    const moved = rest.slice();
    for (let i = 0; i < count; i++) {
      moved[3 * i] += target.getX(i);
      moved[3 * i + 1] += target.getY(i);
      moved[3 * i + 2] += target.getZ(i);
    }
    if (!geometry.morphTargetsRelative) for (let i = 0; i < moved.length; i++) moved[i] -= rest[i];
    const after = normalsOf(moved, index, welded);
    for (let i = 0; i < after.length; i++) after[i] -= geometry.morphTargetsRelative ? before[i] : 0;
    return new BufferAttribute(after, 3);
  });
}

/** For each vertex the first that lies at the same place: seams of textures must not show as creases. */
function weld(position: Float32Array): Uint32Array {
  const first = new Map<string, number>();
  return Uint32Array.from({ length: position.length / 3 }, (_, i) => {
    const key = `${position[3 * i]},${position[3 * i + 1]},${position[3 * i + 2]}`;
    const known = first.get(key);
    if (known !== undefined) return known;
    first.set(key, i);
    return i;
  });
}

function normalsOf(p: Float32Array, index: TypedArray | ArrayLike<number>, welded: Uint32Array): Float32Array {
  const sum = new Float32Array(p.length);
  for (let f = 0; f < index.length; f += 3) {
    const [a, b, c] = [3 * index[f], 3 * index[f + 1], 3 * index[f + 2]];
    const [ux, uy, uz] = [p[b] - p[a], p[b + 1] - p[a + 1], p[b + 2] - p[a + 2]];
    const [vx, vy, vz] = [p[c] - p[a], p[c + 1] - p[a + 1], p[c + 2] - p[a + 2]];
    const [x, y, z] = [uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx];
    for (let k = 0; k < 3; k++) {
      const at = 3 * welded[index[f + k]];
      sum[at] += x;
      sum[at + 1] += y;
      sum[at + 2] += z;
    }
  }
  const out = new Float32Array(p.length);
  for (let i = 0; i < welded.length; i++) {
    const at = 3 * welded[i];
    const length = Math.hypot(sum[at], sum[at + 1], sum[at + 2]) || 1;
    for (let k = 0; k < 3; k++) out[3 * i + k] = sum[at + k] / length;
  }
  return out;
}
