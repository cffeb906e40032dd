import { boxIou } from './boxes.ts';

/**
 * Boxes that mean the same thing: the best one with all that overlap it, then the best of the rest with all of the rest
 * that overlap it, and so on.
 * @param boxes 4n, best first
 * @param iouThreshold boxes overlap from above this IoU
 * @returns indices of each group, the best first
 */
export function overlapGroups(boxes: Float32Array, iouThreshold: number): number[][] {
  const groups: number[][] = [];
  let left = Array.from({ length: boxes.length / 4 }, (_, i) => i);
  while (left.length > 0) {
    const [best, ...others] = left as [number, ...number[]];
    const isSame = (i: number) => boxIou(boxes, best, boxes, i) > iouThreshold;
    groups.push([best, ...others.filter(isSame)]);
    left = others.filter((i) => !isSame(i));
  }
  return groups;
}
