import { areaOfRuns, type Rle, rleToBox } from './rle.ts';
import { RunWriter } from './rle-runs.ts';

/**
 * The union or the intersection of masks of one size.
 * @throws RangeError when there is none or the sizes differ.
 */
export function rleMerge(rles: readonly Rle[], how: 'union' | 'intersection' = 'union'): Rle {
  const first = rles[0];
  if (!first) throw new RangeError('cannot merge no masks');
  const { width, height } = first;
  let counts = first.counts;
  for (const rle of rles.slice(1)) {
    if (rle.width !== width || rle.height !== height) {
      throw new RangeError(`cannot merge a mask of ${rle.width}×${rle.height} with one of ${width}×${height}`);
    }
    counts = mergeRuns(counts, rle.counts, how === 'intersection');
  }
  return { width, height, counts };
}

function mergeRuns(a: Uint32Array, b: Uint32Array, intersect: boolean): Uint32Array {
  const runs = new RunWriter(a.length + b.length);
  let inA = false;
  let inB = false;
  let inside = false;
  let leftA = a[0]!;
  let leftB = b[0]!;
  let run = 0;
  for (let i = 0, j = 0; ; ) {
    while (leftA === 0 && i + 1 < a.length) {
      leftA = a[++i]!;
      inA = !inA;
    }
    while (leftB === 0 && j + 1 < b.length) {
      leftB = b[++j]!;
      inB = !inB;
    }
    const step = Math.min(leftA, leftB);
    if (step === 0) break;
    const next = intersect ? inA && inB : inA || inB;
    if (next !== inside) {
      runs.push(run);
      run = 0;
      inside = next;
    }
    run += step;
    leftA -= step;
    leftB -= step;
  }
  runs.push(run);
  return runs.finish();
}

/**
 * Intersection over union of two masks; over the area of `a` alone where `crowd` says that `b` marks a crowd. 0 where
 * either is empty, −1 where boxes overlap but the images differ in size: COCO compares such masks without complaint.
 */
export function rleIou(a: Rle, b: Rle, crowd = false): number {
  const [ax, ay, aw, ah] = rleToBox(a);
  const [bx, by, bw, bh] = rleToBox(b);
  if (Math.min(ax + aw, bx + bw) <= Math.max(ax, bx) || Math.min(ay + ah, by + bh) <= Math.max(ay, by)) return 0;
  if (a.width !== b.width || a.height !== b.height) return -1;
  const shared = intersectRuns(a.counts, 0, a.counts.length, b.counts, 0, b.counts.length);
  if (shared === 0) return 0;
  const area = areaOfRuns(a.counts, 0, a.counts.length);
  return shared / (crowd ? area : area + areaOfRuns(b.counts, 0, b.counts.length) - shared);
}

/** Pixels set in both of two masks of one image, given as runs `from` to `to` (exclusive) of pools. */
export function intersectRuns(
  a: Uint32Array,
  fromA: number,
  toA: number,
  b: Uint32Array,
  fromB: number,
  toB: number,
): number {
  let shared = 0;
  let i = fromA;
  let j = fromB;
  if (i + 1 >= toA || j + 1 >= toB) return 0;
  let startA = a[i]!;
  let endA = startA + a[i + 1]!;
  let startB = b[j]!;
  let endB = startB + b[j + 1]!;
  for (;;) {
    const overlap = Math.min(endA, endB) - Math.max(startA, startB);
    if (overlap > 0) shared += overlap;
    if (endA <= endB) {
      i += 2;
      if (i + 1 >= toA) return shared;
      startA = endA + a[i]!;
      endA = startA + a[i + 1]!;
    } else {
      j += 2;
      if (j + 1 >= toB) return shared;
      startB = endB + b[j]!;
      endB = startB + b[j + 1]!;
    }
  }
}
