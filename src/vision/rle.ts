import { RunWriter } from './rle-runs.ts';
import type { BinaryMask } from './types.ts';

/**
 * A binary mask of a whole image as COCO writes it: run lengths over the pixels in column-major order (down the first
 * column, then the second), background and foreground in turn, background first (0 where the first pixel is set). The
 * runs add up to width · height. Same results as maskApi.c of cocodataset/cocoapi.
 */
export interface Rle {
  readonly width: number;
  readonly height: number;
  readonly counts: Uint32Array;
}

/** 16384 × 16384. Sizes come from strangers, and a decoded mask takes a byte per pixel. */
const MAX_PIXELS = 2 ** 28;

/** The number of pixels. @throws RangeError unless both sides are positive integers and the product is at most 2^28. */
export function pixelCount(width: number, height: number): number {
  if (!(Number.isInteger(width) && Number.isInteger(height) && width > 0 && height > 0)) {
    throw new RangeError(`a mask needs a width and a height of at least 1 pixel, got ${width}×${height}`);
  }
  if (width * height > MAX_PIXELS) {
    throw new RangeError(`a mask of ${width}×${height} exceeds ${MAX_PIXELS} pixels`);
  }
  return width * height;
}

/**
 * Checks run lengths that were given as numbers, COCO's "uncompressed" form.
 * @throws RangeError when a run is not a non-negative integer or the runs do not cover the image exactly.
 */
export function rleFromCounts(counts: ArrayLike<number>, width: number, height: number): Rle {
  const pixels = pixelCount(width, height);
  let covered = 0;
  for (let i = 0; i < counts.length; i++) {
    const run = counts[i]!;
    if (!(Number.isInteger(run) && run >= 0)) throw new RangeError(`run ${i} is ${run}, not a non-negative integer`);
    covered += run;
    if (covered > pixels) throw new RangeError(`runs 0 to ${i} add up to ${covered}, beyond ${width}×${height} pixels`);
  }
  if (covered < pixels) throw new RangeError(`the runs add up to ${covered} of ${width}×${height} pixels`);
  return { width, height, counts: Uint32Array.from(counts) };
}

/** Encodes a column-major mask: pixel (x, y) is `mask[x · height + y]`, set where not 0. */
export function rleFromColumns(mask: Uint8Array, width: number, height: number): Rle {
  const pixels = checkLength(mask, width, height);
  const runs = new RunWriter();
  let inside = false;
  let start = 0;
  for (let i = 0; i < pixels; i++) {
    if ((mask[i] !== 0) === inside) continue;
    runs.push(i - start);
    start = i;
    inside = !inside;
  }
  runs.push(pixels - start);
  return { width, height, counts: runs.finish() };
}

/** Encodes a row-major mask: pixel (x, y) is `mask[y · width + x]`, set where not 0. */
export function rleFromRows(mask: Uint8Array, width: number, height: number): Rle {
  checkLength(mask, width, height);
  return rleFromCrop({ x: 0, y: 0, width, height, data: mask }, width, height);
}

/**
 * Encodes a mask cut out of an image of `width` × `height`.
 * @throws RangeError when the crop does not lie inside the image.
 */
export function rleFromCrop(mask: BinaryMask, width: number, height: number): Rle {
  const pixels = pixelCount(width, height);
  const { x, y, data } = mask;
  const isWhole = [x, y, mask.width, mask.height].every((n) => Number.isInteger(n) && n >= 0);
  const isInside = x + mask.width <= width && y + mask.height <= height;
  if (!(isWhole && isInside && data.length === mask.width * mask.height)) {
    const crop = `${mask.width}×${mask.height} at (${x}, ${y}) with ${data.length} pixels`;
    throw new RangeError(`the crop ${crop} does not fit an image of ${width}×${height}`);
  }
  const runs = new RunWriter();
  let inside = false;
  let start = 0;
  const turn = (at: number) => {
    runs.push(at - start);
    start = at;
    inside = !inside;
  };
  for (let column = 0; column < mask.width; column++) {
    const top = (x + column) * height + y;
    // The previous column's run goes on only where the crop reaches both the bottom and the top of the image.
    if (inside && mask.height < height) turn(top - height + mask.height);
    for (let row = 0, i = column; row < mask.height; row++, i += mask.width) {
      if ((data[i] !== 0) !== inside) turn(top + row);
    }
  }
  if (inside) {
    const end = (x + mask.width - 1) * height + y + mask.height;
    if (end < pixels) turn(end);
  }
  runs.push(pixels - start);
  return { width, height, counts: runs.finish() };
}

/** Column-major pixels, 0 or 1. The inverse of `rleFromColumns`. */
export function rleToColumns(rle: Rle): Uint8Array {
  const mask = new Uint8Array(pixelCount(rle.width, rle.height));
  eachRun(rle, (start, end) => mask.fill(1, start, end));
  return mask;
}

/** Row-major pixels, 0 or 1. The inverse of `rleFromRows`. */
export function rleToRows(rle: Rle): Uint8Array {
  const { width, height } = rle;
  const mask = new Uint8Array(pixelCount(width, height));
  eachRun(rle, (start, end) => {
    let x = Math.floor(start / height);
    let y = start - x * height;
    for (let i = start; i < end; i++) {
      mask[y * width + x] = 1;
      if (++y < height) continue;
      y = 0;
      x++;
    }
  });
  return mask;
}

/** The number of set pixels. */
export function rleArea(rle: Rle): number {
  return areaOfRuns(rle.counts, 0, rle.counts.length);
}

/** The same for runs `from` to `to` (exclusive) of a pool; `from` is the mask's first background run. */
export function areaOfRuns(counts: Uint32Array, from: number, to: number): number {
  let area = 0;
  for (let i = from + 1; i < to; i += 2) area += counts[i]!;
  return area;
}

/** The tight box [x, y, width, height] in pixels, COCO's bbox; all 0 for an empty mask. */
export function rleToBox(rle: Rle): [x: number, y: number, width: number, height: number] {
  const box: [number, number, number, number] = [0, 0, 0, 0];
  boxOfRuns(rle.counts, 0, rle.counts.length, rle.height, box, 0);
  return box;
}

/** The same for runs `from` to `to` (exclusive) of a pool, written to `boxes[at]` and the three after it. */
export function boxOfRuns(
  counts: Uint32Array,
  from: number,
  to: number,
  height: number,
  boxes: Float64Array | number[],
  at: number,
): void {
  let left = Number.POSITIVE_INFINITY;
  let right = -1;
  let top = height;
  let bottom = -1;
  for (let i = from, start = 0; i + 1 < to; i += 2) {
    start += counts[i]!;
    const end = start + counts[i + 1]! - 1;
    if (end < start) continue;
    const first = Math.floor(start / height);
    const last = Math.floor(end / height);
    left = Math.min(left, first);
    right = last;
    top = first === last ? Math.min(top, start - first * height) : 0;
    bottom = first === last ? Math.max(bottom, end - last * height) : height - 1;
    start = end + 1;
  }
  boxes[at] = right < 0 ? 0 : left;
  boxes[at + 1] = right < 0 ? 0 : top;
  boxes[at + 2] = right < 0 ? 0 : right - left + 1;
  boxes[at + 3] = right < 0 ? 0 : bottom - top + 1;
}

function eachRun(rle: Rle, visit: (start: number, end: number) => void): void {
  for (let i = 0, start = 0; i + 1 < rle.counts.length; i += 2) {
    start += rle.counts[i]!;
    const end = start + rle.counts[i + 1]!;
    visit(start, end);
    start = end;
  }
}

function checkLength(mask: Uint8Array, width: number, height: number): number {
  const pixels = pixelCount(width, height);
  if (mask.length !== pixels) throw new RangeError(`expected ${width}×${height} pixels, got ${mask.length}`);
  return pixels;
}
