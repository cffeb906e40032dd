import { pixelCount, type Rle } from './rle.ts';
import { RunWriter } from './rle-runs.ts';

/** maskApi.c traces outlines on a grid five times as fine as the pixels. */
const SCALE = 5;

/** Outlines are traced step by step: this many fifths of a pixel, far beyond any drawn outline, take under a second. */
const MAX_STEPS = 2 ** 26;

/**
 * Fills one polygon, given as x, y, x, y, … in continuous pixel coordinates, the way maskApi.c does: pixels are chosen
 * by the outline's crossings of pixel columns, upsampled five times. Parts outside the image are cut off.
 * @throws RangeError for an odd or too short list, coordinates that are not finite, or an absurdly long outline.
 */
export function rleFromPolygon(points: ArrayLike<number>, width: number, height: number): Rle {
  const pixels = pixelCount(width, height);
  checkPolygon(points);
  const crossings = new RunWriter(256);
  traceOutline(points, (u, v, previousU, previousV) => {
    if (u === previousU) return;
    const x = ((u < previousU ? u : u - 1) + 0.5) / SCALE - 0.5;
    if (!Number.isInteger(x) || x < 0 || x > width - 1) return;
    const y = (Math.min(v, previousV) + 0.5) / SCALE - 0.5;
    crossings.push(x * height + Math.ceil(Math.min(Math.max(y, 0), height)));
  });
  crossings.push(pixels);
  return { width, height, counts: runsBetween(crossings.finish().sort()) };
}

/** Fills a box [x, y, width, height] as a polygon of four points. */
export function rleFromBox(box: ArrayLike<number>, width: number, height: number): Rle {
  const left = box[0]!;
  const top = box[1]!;
  const right = left + box[2]!;
  const bottom = top + box[3]!;
  return rleFromPolygon([left, top, left, bottom, right, bottom, right, top], width, height);
}

/** Visits neighbouring points of the closed outline on the fine grid, each with the one before it. */
function traceOutline(
  points: ArrayLike<number>,
  visit: (u: number, v: number, previousU: number, previousV: number) => void,
): void {
  const corners = points.length / 2;
  const fine = (i: number) => Math.trunc(SCALE * points[i]! + 0.5);
  let previousU = 0;
  let previousV = 0;
  let isFirst = true;
  let steps = 0;
  for (let corner = 0; corner < corners; corner++) {
    const next = (corner + 1) % corners;
    let fromX = fine(2 * corner);
    let fromY = fine(2 * corner + 1);
    let toX = fine(2 * next);
    let toY = fine(2 * next + 1);
    const dx = Math.abs(toX - fromX);
    const dy = Math.abs(toY - fromY);
    const isFlat = dx >= dy;
    // Every edge is sampled from its lower end, so that the direction in which it is drawn does not matter.
    const flip = isFlat ? fromX > toX : fromY > toY;
    if (flip) [fromX, fromY, toX, toY] = [toX, toY, fromX, fromY];
    const length = isFlat ? dx : dy;
    const slope = length === 0 ? 0 : (isFlat ? toY - fromY : toX - fromX) / length;
    steps += length + 1;
    if (!(steps <= MAX_STEPS)) throw new RangeError('the outline of a polygon is too long');
    for (let d = 0; d <= length; d++) {
      const t = flip ? length - d : d;
      const u = isFlat ? fromX + t : Math.trunc(fromX + slope * t + 0.5);
      const v = isFlat ? Math.trunc(fromY + slope * t + 0.5) : fromY + t;
      if (!isFirst) visit(u, v, previousU, previousV);
      isFirst = false;
      previousU = u;
      previousV = v;
    }
  }
}

/** Runs between sorted places where inside and outside change. Two changes at one place cancel out. */
function runsBetween(places: Uint32Array): Uint32Array {
  const runs = new RunWriter(places.length);
  let run = places[0]!;
  for (let i = 1; i < places.length; i++) {
    const gap = places[i]! - places[i - 1]!;
    if (gap > 0) {
      runs.push(run);
      run = gap;
    } else if (++i < places.length) {
      run += places[i]! - places[i - 1]!;
    }
  }
  runs.push(run);
  return runs.finish();
}

function checkPolygon(points: ArrayLike<number>): void {
  if (points.length < 6 || points.length % 2 !== 0) {
    throw new RangeError(`a polygon needs x and y of at least 3 points, got ${points.length} numbers`);
  }
  for (let i = 0; i < points.length; i++) {
    if (!Number.isFinite(points[i])) throw new RangeError(`coordinate ${i} of a polygon is ${points[i]}`);
  }
}
