import { rectCorners } from './rotated-rect.ts';
import type { Limits } from './types.ts';

/** Numbers of a rotated box: centre x, centre y, width, height, angle in radians from x towards y. */
export const ROTATED = 5;

/** Keeps logarithms and quotients of flat boxes finite, as the reference has it. */
const EPSILON = 1e-7;

/** ProbIoU of boxes this distant is 0 in float32. */
const FAR = 30;

/**
 * Writes the corners of rotated box i, in order around it.
 * @param boxes 5n.
 * @param result takes 8 numbers, x and y of each corner, from `at`.
 */
export function rotatedCorners(boxes: Float32Array, i: number, result: Float32Array, at: number): void {
  const box = boxes.subarray(ROTATED * i, ROTATED * i + ROTATED) as unknown as [number, number, number, number, number];
  const [centerX, centerY, width, height, angle] = box;
  result.set(rectCorners({ centerX, centerY, width, height, angle }), at);
}

/** A rotated box as a Gaussian: the upper half of its covariance, and its determinant. */
interface Gaussians {
  readonly xx: Float64Array;
  readonly yy: Float64Array;
  readonly xy: Float64Array;
  readonly determinant: Float64Array;
}

/** A uniform box of side w varies by w²/12 along that side; the rotation turns the axes. */
function gaussians(boxes: Float32Array): Gaussians {
  const n = boxes.length / ROTATED;
  const [xx, yy, xy] = [new Float64Array(n), new Float64Array(n), new Float64Array(n)];
  const determinant = new Float64Array(n);
  for (let i = 0; i < n; i++) {
    const along = boxes[ROTATED * i + 2]! ** 2 / 12;
    const across = boxes[ROTATED * i + 3]! ** 2 / 12;
    const cos = Math.cos(boxes[ROTATED * i + 4]!);
    const sin = Math.sin(boxes[ROTATED * i + 4]!);
    xx[i] = along * cos * cos + across * sin * sin;
    yy[i] = along * sin * sin + across * cos * cos;
    xy[i] = (along - across) * cos * sin;
    determinant[i] = Math.max(0, xx[i]! * yy[i]! - xy[i]! * xy[i]!);
  }
  return { xx, yy, xy, determinant };
}

/** The Bhattacharyya distance of boxes i and j, of which ProbIoU is made: arXiv:2106.06072, equations 5 to 8. */
function bhattacharyya(boxes: Float32Array, { xx, yy, xy, determinant }: Gaussians, i: number, j: number): number {
  const a = xx[i]! + xx[j]!;
  const b = yy[i]! + yy[j]!;
  const c = xy[i]! + xy[j]!;
  const dx = boxes[ROTATED * i]! - boxes[ROTATED * j]!;
  const dy = boxes[ROTATED * i + 1]! - boxes[ROTATED * j + 1]!;
  // The first term is at least this, the second hardly below zero: most pairs are far apart, and need no logarithm.
  if (0.25 * (dx * dx + dy * dy) > FAR * (a + b)) return FAR;
  const sum = a * b - c * c;
  const apart = (0.25 * (a * dy * dy + b * dx * dx) - 0.5 * c * dx * dy) / (sum + EPSILON);
  const unlike = sum / (4 * Math.sqrt(determinant[i]! * determinant[j]!) + EPSILON) + EPSILON;
  return apart + 0.5 * Math.log(unlike);
}

/**
 * Which of the rotated boxes stay, by Ultralytics' Fast NMS: a box goes where any better one of its class has a ProbIoU of
 * at least the threshold with it, whether or not that one stays itself.
 * @param boxes 5n, by descending score.
 * @returns indices, at most `maxDetections`.
 */
export function suppressRotated(
  boxes: Float32Array,
  classIds: Int32Array,
  { iouThreshold, maxDetections, classAgnostic }: Pick<Limits, 'iouThreshold' | 'maxDetections' | 'classAgnostic'>,
): number[] {
  const n = classIds.length;
  const shapes = gaussians(boxes);
  // ProbIoU = 1 − √(1 − e^−d) ≥ t is d ≤ −ln(1 − (1 − t)²): no exponential for each pair.
  const farthest = -Math.log(Math.max(0, 1 - (1 - iouThreshold) ** 2 + EPSILON));
  const kept: number[] = [];
  for (let i = 0; i < n && kept.length < maxDetections; i++) {
    let isCovered = false;
    for (let j = 0; j < i && !isCovered; j++) {
      if (!classAgnostic && classIds[i] !== classIds[j]) continue;
      // The reference never takes two boxes for nearer than this.
      isCovered = Math.max(EPSILON, bhattacharyya(boxes, shapes, i, j)) <= farthest;
    }
    if (!isCovered) kept.push(i);
  }
  return kept;
}
