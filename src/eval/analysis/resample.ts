import { type CategoryMatches, IGNORED, TRUE_POSITIVE } from '../coco/match.ts';
import type { CocoData } from '../coco/types.ts';
import type { Ranked } from './ranked.ts';

/** numpy's spacing(1), which COCO adds to the number of detections. */
const EPSILON = 2 ** -52;

/** AP of data in which each image occurs any number of times, without matching anything again. */
export class Reweighted {
  readonly categoryIds: readonly number[];
  readonly #ranked: Ranked;
  /** K: the image of each ranked detection. */
  readonly #images: readonly Int32Array[];
  /** K: the image of each truth that counts. */
  readonly #truthImages: readonly number[][];
  readonly #precision: Float64Array;
  readonly #reached: Float64Array;

  constructor(data: CocoData, ranked: Ranked) {
    this.#ranked = ranked;
    this.categoryIds = ranked.categoryIds;
    this.#images = ranked.categories.map(({ rows }) => Int32Array.from(rows, (row) => data.detections.images[row]!));
    const places = new Map(ranked.categoryIds.map((id, k) => [id, k]));
    const truthImages = ranked.categoryIds.map((): number[] => []);
    for (const g of ranked.counted) {
      const k = ranked.params.useCategories ? places.get(data.categoryIds[data.truths.categories[g]!]!)! : 0;
      truthImages[k]!.push(data.truths.images[g]!);
    }
    this.#truthImages = truthImages;
    const longest = ranked.categories.reduce((most, { n }) => Math.max(most, n), 0);
    this.#precision = new Float64Array(longest);
    this.#reached = new Float64Array(longest);
  }

  /**
   * AP of each category, averaged over the IoU thresholds; −1 without truths.
   * @param weights how often each image of `CocoData.imageIds` occurs.
   */
  perCategory(weights: Int32Array): Float64Array {
    const { categories, params } = this.#ranked;
    const T = params.iouThresholds.length;
    return Float64Array.from(categories, (matches, k) => {
      const positives = this.#truthImages[k]!.reduce((sum, image) => sum + weights[image]!, 0);
      if (positives === 0) return -1;
      let sum = 0;
      for (let t = 0; t < T; t++) sum += this.#average(matches, this.#images[k]!, t, weights, positives);
      return sum / T;
    });
  }

  /**
   * Copies of an image follow each other in the ranking, so that the best precision among copies of one true positive
   * is that of the last: one point stands for all of them.
   */
  #average(matches: CategoryMatches, images: Int32Array, t: number, weights: Int32Array, positives: number): number {
    const { n, states } = matches;
    const [precision, reached] = [this.#precision, this.#reached];
    let [points, hits, misses] = [0, 0, 0];
    for (let i = 0, at = t * n; i < n; i++, at++) {
      const state = states[at]!;
      if (state === IGNORED) continue;
      const weight = weights[images[i]!]!;
      if (weight === 0) continue;
      if (state === TRUE_POSITIVE) {
        hits += weight;
        precision[points] = hits / (misses + hits + EPSILON);
        reached[points++] = hits / positives;
      } else misses += weight;
    }
    for (let i = points - 2; i >= 0; i--) if (precision[i]! < precision[i + 1]!) precision[i] = precision[i + 1]!;
    const { recallThresholds } = this.#ranked.params;
    let sum = 0;
    for (let r = 0, i = 0; r < recallThresholds.length; r++) {
      while (i < points && reached[i]! < recallThresholds[r]!) i++;
      if (i === points) break;
      sum += precision[i]!;
    }
    return sum / recallThresholds.length;
  }
}

/** The mean over categories that have truths, −1 where none has. */
export function meanOf(aps: Float64Array): number {
  let [sum, n] = [0, 0];
  for (const ap of aps) {
    if (ap < 0) continue;
    sum += ap;
    n++;
  }
  return n === 0 ? -1 : sum / n;
}
