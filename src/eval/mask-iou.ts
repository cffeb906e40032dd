import { type Rle, rleArea } from '../vision/rle.ts';
import { rleBoundary } from '../vision/rle-boundary.ts';
import { intersectRuns, rleIou } from '../vision/rle-overlap.ts';
import { matrix } from './iou.ts';

/**
 * IoU of every mask of `a` with every mask of `b`; over the area of the mask of `a` alone where `crowd` marks the one
 * of `b`. −1, as COCO has it, for overlapping boxes in images of different sizes.
 * @returns n·m values, row-major: mask i of `a` with mask j of `b` at i · m + j.
 */
export function maskIouMatrix(a: readonly Rle[], b: readonly Rle[], crowd?: ArrayLike<number | boolean>): Float64Array {
  return matrix(a.length, b.length, (i, j) => rleIou(a[i]!, b[j]!, Boolean(crowd?.[j])));
}

/**
 * The Dice coefficient 2 · shared / (area + area), which is F1 of the pixels; 1 for two empty masks.
 * @throws RangeError for masks of different sizes.
 */
export function maskDice(a: Rle, b: Rle): number {
  if (a.width !== b.width || a.height !== b.height) {
    throw new RangeError(`cannot compare a mask of ${a.width}×${a.height} with one of ${b.width}×${b.height}`);
  }
  const total = rleArea(a) + rleArea(b);
  return total === 0 ? 1 : (2 * intersectRuns(a.counts, 0, a.counts.length, b.counts, 0, b.counts.length)) / total;
}

/**
 * Boundary IoU (Cheng et al., CVPR 2021) of every mask of `a` with every mask of `b`: IoU of the pixels within
 * `ratio` · diagonal of the masks' edges. Their AP uses the smaller of this and the mask IoU.
 * @returns n·m values, row-major.
 */
export function boundaryIouMatrix(a: readonly Rle[], b: readonly Rle[], ratio = 0.02): Float64Array {
  const boundaries = (masks: readonly Rle[]) => masks.map((mask) => rleBoundary(mask, ratio));
  return maskIouMatrix(boundaries(a), boundaries(b));
}
