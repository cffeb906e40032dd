import { flatten, type Lists, matrix } from './iou.ts';
import { pairwiseSum } from './sum.ts';

/** numpy's spacing(1), which COCO adds where it divides by an area. */
const EPSILON = 2 ** -52;

/** Per-keypoint spread of human annotators, as COCO defines it: literals over 10, a rounding of its own. */
export const COCO_SIGMAS: Float64Array = Float64Array.of(
  0.26 / 10,
  0.25 / 10,
  0.25 / 10,
  0.35 / 10,
  0.35 / 10,
  0.79 / 10,
  0.79 / 10,
  0.72 / 10,
  0.72 / 10,
  0.62 / 10,
  0.62 / 10,
  1.07 / 10,
  1.07 / 10,
  0.87 / 10,
  0.87 / 10,
  0.89 / 10,
  0.89 / 10,
);

/** The constants of the object keypoint similarity, with room for its terms. */
export interface OksKernel {
  /** (2σ)² of each keypoint. */
  readonly variances: Float64Array;
  readonly terms: Float64Array;
}

export function oksKernel(sigmas: ArrayLike<number>): OksKernel {
  const variances = Float64Array.from(sigmas, (sigma) => (sigma * 2) ** 2);
  return { variances, terms: new Float64Array(variances.length) };
}

/**
 * Object keypoint similarity of pose i of `poses` with true pose j of `truths`, both k·3 numbers (x, y, visibility)
 * per pose. Only keypoints labelled in the truth count. Where none is, the distance outside the truth's box (x, y,
 * width, height; doubled in size) counts instead, as COCO does for ignored people.
 * @param enough similarities below this may come back as 0: most pairs are far apart, and exp() costs the most here.
 */
export function oks(
  kernel: OksKernel,
  poses: Float64Array,
  i: number,
  truths: Float64Array,
  j: number,
  boxes: Float64Array,
  areas: Float64Array,
  enough = 0,
): number {
  const { variances, terms } = kernel;
  const k = variances.length;
  const area = areas[j]! + EPSILON;
  let nearest = Number.POSITIVE_INFINITY;
  let n = 0;
  for (let p = 0, at = 3 * k * i, truth = 3 * k * j; p < k; p++, at += 3, truth += 3) {
    if (!(truths[truth + 2]! > 0)) continue;
    const dx = poses[at]! - truths[truth]!;
    const dy = poses[at + 1]! - truths[truth + 1]!;
    const term = (dx * dx + dy * dy) / variances[p]! / area / 2;
    if (term < nearest) nearest = term;
    terms[n++] = term;
  }
  if (n === 0) {
    const x = boxes[4 * j]!;
    const y = boxes[4 * j + 1]!;
    const width = boxes[4 * j + 2]!;
    const height = boxes[4 * j + 3]!;
    for (let p = 0, at = 3 * k * i; p < k; p++, at += 3) {
      const dx = Math.max(0, x - width - poses[at]!) + Math.max(0, poses[at]! - (x + width * 2));
      const dy = Math.max(0, y - height - poses[at + 1]!) + Math.max(0, poses[at + 1]! - (y + height * 2));
      const term = (dx * dx + dy * dy) / variances[p]! / area / 2;
      if (term < nearest) nearest = term;
      terms[n++] = term;
    }
  }
  // The mean is at most its largest term.
  if (Math.exp(-nearest) < enough) return 0;
  for (let p = 0; p < n; p++) terms[p] = Math.exp(-terms[p]!);
  return pairwiseSum(terms, 0, n) / n;
}

/** True poses to compare with, one entry each in every list. */
export interface TruePoses {
  /** k·3 numbers each: x, y and visibility (0: not labelled). */
  readonly keypoints: Lists;
  /** x, y, width, height. */
  readonly boxes: Lists;
  /** Of the people, in square pixels: the scale of the comparison. */
  readonly areas: ArrayLike<number>;
}

/**
 * Object keypoint similarity of every pose with every true pose.
 * @param poses k·3 numbers each: x, y and a score that does not matter here.
 * @returns n·m values in [0, 1], row-major: pose i with truth j at i · m + j.
 * @throws RangeError for lists of another length.
 */
export function oksMatrix(poses: Lists, truths: TruePoses, sigmas: ArrayLike<number> = COCO_SIGMAS): Float64Array {
  const numbers = 3 * sigmas.length;
  const m = truths.keypoints.length;
  if (truths.boxes.length !== m || truths.areas.length !== m) {
    throw new RangeError(`${m} true poses have ${truths.boxes.length} boxes and ${truths.areas.length} areas`);
  }
  const found = flatten(poses, numbers, 'pose');
  const labelled = flatten(truths.keypoints, numbers, 'true pose');
  const boxes = flatten(truths.boxes, 4, 'box');
  const areas = Float64Array.from(truths.areas);
  const kernel = oksKernel(sigmas);
  return matrix(poses.length, m, (i, j) => oks(kernel, found, i, labelled, j, boxes, areas));
}
