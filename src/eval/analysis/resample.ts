import { IGNORED, TRUE_POSITIVE } from '../coco/match.ts';
import type { CocoData } from '../coco/types.ts';
import type { Ranked } from './ranked.ts';

/** numpy's spacing(1), which COCO adds to the number of detections. */
const EPSILON = 2 ** -52;

/** One category's ranking: the image of each detection, and at each threshold the positions that matter. */
interface Ranking {
  readonly images: Int32Array;
  readonly truePositives: readonly Uint32Array[];
  readonly ignored: readonly Uint32Array[];
  /** The image of each truth that counts. */
  readonly truthImages: readonly number[];
}

/** AP of data in which each image occurs any number of times, without matching anything again. */
export class Reweighted {
  readonly #recallThresholds: readonly number[];
  readonly #rankings: readonly Ranking[];
  /** By position: how many detections, copies included, come up to and with it. */
  readonly #counts: Int32Array;
  readonly #precision: Float64Array;
  readonly #reached: Float64Array;

  constructor(data: CocoData, { params, categoryIds, categories, counted }: Ranked) {
    const places = new Map(categoryIds.map((id, k) => [id, k]));
    const truthImages = categoryIds.map((): number[] => []);
    for (const g of counted) {
      const k = params.useCategories ? places.get(data.categoryIds[data.truths.categories[g]!]!)! : 0;
      truthImages[k]!.push(data.truths.images[g]!);
    }
    this.#recallThresholds = params.recallThresholds;
    this.#rankings = categories.map(({ n, rows, states }, k) => {
      const positions = Uint32Array.from({ length: n }, (_, i) => i);
      const having = (state: number) =>
        params.iouThresholds.map((_, t) => positions.filter((i) => states[t * n + i] === state));
      return {
        images: Int32Array.from(rows, (row) => data.detections.images[row]!),
        truePositives: having(TRUE_POSITIVE),
        ignored: having(IGNORED),
        truthImages: truthImages[k]!,
      };
    });
    const longest = categories.reduce((most, { n }) => Math.max(most, n), 0);
    this.#counts = new Int32Array(longest);
    this.#precision = new Float64Array(longest);
    this.#reached = new Float64Array(longest);
  }

  /**
   * AP of each category, averaged over the IoU thresholds; −1 without truths.
   * @param weights how often each image of `CocoData.imageIds` occurs.
   */
  perCategory(weights: Int32Array): Float64Array {
    return Float64Array.from(this.#rankings, (ranking) => {
      const { images, truePositives, truthImages } = ranking;
      let positives = 0;
      for (const image of truthImages) positives += weights[image]!;
      if (positives === 0) return -1;
      for (let i = 0, count = 0; i < images.length; i++) {
        count += weights[images[i]!]!;
        this.#counts[i] = count;
      }
      let sum = 0;
      for (let t = 0; t < truePositives.length; t++) sum += this.#average(ranking, t, weights, positives);
      return sum / truePositives.length;
    });
  }

  /**
   * Copies of an image follow each other in the ranking, so that the best precision among copies of one true positive
   * is that of the last: one point stands for all of them.
   */
  #average(ranking: Ranking, t: number, weights: Int32Array, positives: number): number {
    const images = ranking.images;
    const truePositives = ranking.truePositives[t]!;
    const ignored = ranking.ignored[t]!;
    const precision = this.#precision;
    const reached = this.#reached;
    let points = 0;
    let hits = 0;
    let without = 0;
    for (let i = 0, j = 0; i < truePositives.length; i++) {
      const position = truePositives[i]!;
      const weight = weights[images[position]!]!;
      if (weight === 0) continue;
      while (j < ignored.length && ignored[j]! < position) without += weights[images[ignored[j++]!]!]!;
      hits += weight;
      precision[points] = hits / (this.#counts[position]! - without + EPSILON);
      reached[points++] = hits / positives;
    }
    for (let i = points - 2; i >= 0; i--) if (precision[i]! < precision[i + 1]!) precision[i] = precision[i + 1]!;
    const thresholds = this.#recallThresholds;
    let sum = 0;
    for (let r = 0, i = 0; r < thresholds.length; r++) {
      while (i < points && reached[i]! < thresholds[r]!) i++;
      if (i === points) break;
      sum += precision[i]!;
    }
    return sum / thresholds.length;
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
