import type { Selection } from './candidates.ts';
import type { Limits } from './types.ts';

/**
 * Soft non-maximum suppression with a Gaussian penalty (Bodla et al. 2017): every box that is kept lowers the scores of
 * the boxes of its class that overlap it, by exp(−IoU² / sigma), rather than removing them.
 *
 * Pixels count as they did in Caffe, one wide: a box from 2 to 5 is 4 wide.
 * @param limits what falls below its score threshold is dropped; `iouThreshold` has no part in it.
 */
export function softSuppress(selection: Selection, sigma: number, limits: Limits): Selection {
  const { boxes, classIds } = selection;
  const scores = selection.scores.slice();
  const left = Array.from(scores.keys());
  const kept: number[] = [];
  while (left.length > 0 && kept.length < limits.maxDetections) {
    let at = 0;
    for (let k = 1; k < left.length; k++) if (scores[left[k]!]! > scores[left[at]!]!) at = k;
    const [best] = left.splice(at, 1) as [number];
    if (!(scores[best]! >= limits.scoreThreshold)) break;
    kept.push(best);
    for (const i of left) {
      if (!limits.classAgnostic && classIds[i] !== classIds[best]) continue;
      const overlap = pixelIou(boxes, best, i);
      scores[i] = scores[i]! * Math.exp(-(overlap * overlap) / sigma);
    }
  }
  return {
    boxes: Float32Array.from(kept.flatMap((i) => [...boxes.subarray(4 * i, 4 * i + 4)])),
    scores: Float32Array.from(kept, (i) => scores[i]!),
    classIds: Int32Array.from(kept, (i) => classIds[i]!),
    sources: Int32Array.from(kept, (i) => selection.sources[i]!),
  };
}

function pixelIou(boxes: Float32Array, i: number, j: number): number {
  const [a, b] = [4 * i, 4 * j];
  const side = (box: number, axis: number) => boxes[box + 2 + axis]! - boxes[box + axis]! + 1;
  const shared = (axis: number) =>
    Math.min(boxes[a + 2 + axis]!, boxes[b + 2 + axis]!) - Math.max(boxes[a + axis]!, boxes[b + axis]!) + 1;
  const [width, height] = [shared(0), shared(1)];
  if (!(width > 0 && height > 0)) return 0;
  const inner = width * height;
  return inner / (side(a, 0) * side(a, 1) + side(b, 0) * side(b, 1) - inner);
}
