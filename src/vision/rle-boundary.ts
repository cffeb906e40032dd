import { pixelCount, type Rle } from './rle.ts';
import { rleMerge } from './rle-overlap.ts';
import { RunWriter } from './rle-runs.ts';

/** Sorted, disjoint intervals [start, end) as start, end, start, end, … */
type Intervals = Uint32Array;

/**
 * How wide the boundary of masks in an image is, in pixels: `ratio` of the diagonal, at least 1, rounded half to even.
 * As in Boundary IoU (Cheng et al., CVPR 2021), whose ratio is 0.02.
 */
export function boundaryWidth(width: number, height: number, ratio: number): number {
  const exact = ratio * Math.sqrt(height * height + width * width);
  const floor = Math.floor(exact);
  const isUp = exact - floor > 0.5 || (exact - floor === 0.5 && floor % 2 === 1);
  return Math.max(1, floor + (isUp ? 1 : 0));
}

/** Keeps the pixels whose (2 · distance + 1)² neighbours all are set. Pixels outside the image count as not set. */
export function rleErode(rle: Rle, distance: number): Rle {
  const { width, height } = rle;
  pixelCount(width, height);
  // A pixel of padding below each column keeps the runs of neighbouring columns apart.
  const stride = height + 1;
  let eroded = shrink(rle, stride, distance);
  // Horizontally the mask is intersected with itself, shifted by whole columns: twice as wide a window each time.
  const windowSize = 2 * distance + 1;
  for (let reach = 1; reach < windowSize; ) {
    const step = Math.min(reach, windowSize - reach);
    eroded = intersectShifted(eroded, step * stride);
    reach += step;
  }
  return { width, height, counts: toRuns(eroded, rle, stride, distance) };
}

/** The pixels of a mask within `boundaryWidth` of its edge or of the image's. */
export function rleBoundary(rle: Rle, ratio = 0.02): Rle {
  const inner = rleErode(rle, boundaryWidth(rle.width, rle.height, ratio));
  return rleMerge([rle, complement(inner)], 'intersection');
}

function complement(rle: Rle): Rle {
  const { counts } = rle;
  return { ...rle, counts: counts[0] === 0 ? counts.slice(1) : Uint32Array.of(0, ...counts) };
}

/** The mask's vertical stretches, `distance` shorter at both ends. */
function shrink({ counts, height }: Rle, stride: number, distance: number): Intervals {
  const kept = new RunWriter(counts.length);
  for (let i = 0, start = 0; i + 1 < counts.length; i += 2) {
    start += counts[i]!;
    const end = start + counts[i + 1]!;
    while (start < end) {
      const x = Math.floor(start / height);
      const bottom = Math.min(end, (x + 1) * height);
      const from = start - x * height + distance;
      const to = bottom - x * height - distance;
      if (from < to) {
        kept.push(x * stride + from);
        kept.push(x * stride + to);
      }
      start = bottom;
    }
  }
  return kept.finish();
}

/** Where both the mask and its copy moved right by `shift` are set. */
function intersectShifted(intervals: Intervals, shift: number): Intervals {
  const kept = new RunWriter(intervals.length);
  for (let i = 0, j = 0; i < intervals.length && j < intervals.length; ) {
    const from = Math.max(intervals[i]!, intervals[j]! + shift);
    const to = Math.min(intervals[i + 1]!, intervals[j + 1]! + shift);
    if (from < to) {
      kept.push(from);
      kept.push(to);
    }
    if (intervals[i + 1]! < intervals[j + 1]! + shift) i += 2;
    else j += 2;
  }
  return kept.finish();
}

/** Back to runs. Windows ended at their rightmost column, so everything lies `distance` columns too far right. */
function toRuns(intervals: Intervals, { width, height }: Rle, stride: number, distance: number): Uint32Array {
  const runs = new RunWriter(intervals.length + 1);
  let end = 0;
  let inside = 0;
  for (let i = 0; i < intervals.length; i += 2) {
    const x = Math.floor(intervals[i]! / stride);
    const start = (x - distance) * height + intervals[i]! - x * stride;
    const length = intervals[i + 1]! - intervals[i]!;
    if (start > end || i === 0) {
      if (i > 0) runs.push(inside);
      runs.push(start - end);
      inside = 0;
    }
    inside += length;
    end = start + length;
  }
  if (inside > 0) runs.push(inside);
  if (end < width * height) runs.push(width * height - end);
  return runs.finish();
}
