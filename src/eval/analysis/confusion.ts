import { FALSE_POSITIVE, IGNORED, matchThresholds, TRUE_POSITIVE } from '../coco/match.ts';
import type { CocoData } from '../coco/types.ts';
import { type DecisionOptions, groupByImage, placesIn, rankDecisions } from './ranked.ts';

export interface ConfusionOptions extends Omit<DecisionOptions, 'useCategories'> {
  /** Detections of lower scores are left out. Default 0.25. */
  readonly scoreThreshold?: number;
}

/** What the objects of K classes were taken for. */
export interface ConfusionMatrix {
  readonly iouThreshold: number;
  readonly scoreThreshold: number;
  /** K. */
  readonly categoryIds: readonly number[];
  /** K. */
  readonly names: readonly string[];
  /**
   * (K + 1)², row-major: rows are true classes, columns detected ones, the last of each is the background. A row adds
   * up to the objects of its class, a column to the detections of its class, each without ignored ones.
   */
  readonly counts: Int32Array;
}

/**
 * A confusion matrix that agrees with AP: its diagonal holds the true positives of COCO's matching at this IoU and
 * score threshold, because a detection is first of all compared with objects of its own class.
 *
 * What is left over is then matched across classes: false positives by descending score, each with the most similar
 * missed object of another class in its image that is still free and similar enough (of equals the last). What is
 * still left are detections of background and objects taken for background. Detections that COCO ignores, and those
 * beyond the limit per image and class, appear nowhere.
 * @throws RangeError as `evaluateCoco`.
 */
export function confusionMatrix(data: CocoData, options: ConfusionOptions = {}): ConfusionMatrix {
  const { scoreThreshold = 0.25, ...rest } = options;
  const { params, categoryIds, names, categories, truths, counted, similarity } = rankDecisions(data, {
    ...rest,
    useCategories: true,
  });
  const iouThreshold = params.iouThresholds[0]!;
  const { scores, images } = data.detections;
  const size = categoryIds.length + 1;
  const counts = new Int32Array(size * size);
  const isFound = new Uint8Array(data.truths.count);
  const falsePositives: { row: number; k: number }[] = [];
  categories.forEach(({ rows, states }, k) => {
    rows.forEach((row, i) => {
      if (scores[row]! < scoreThreshold || states[i] === IGNORED) return;
      if (states[i] === FALSE_POSITIVE) falsePositives.push({ row, k });
      if (states[i] === TRUE_POSITIVE) {
        counts[k * size + k]!++;
        isFound[truths[row]!] = 1;
      }
    });
  });

  const classOf = placesIn(data.categoryIds, categoryIds);
  const missed = groupByImage(
    counted.filter((g) => isFound[g] === 0),
    data.truths.images,
  );
  falsePositives.sort((a, b) => scores[b.row]! - scores[a.row]! || a.row - b.row);
  for (const { row, k } of falsePositives) {
    let best = -1;
    let most = matchThresholds(params)[0]!;
    for (const g of missed.get(images[row]!) ?? []) {
      if (isFound[g] === 1 || classOf[data.truths.categories[g]!] === k) continue;
      const alike = similarity(row, g);
      if (alike >= most) [most, best] = [alike, g];
    }
    if (best >= 0) isFound[best] = 1;
    counts[(best >= 0 ? classOf[data.truths.categories[best]!]! : size - 1) * size + k]!++;
  }
  for (const g of counted) {
    if (isFound[g] === 0) counts[classOf[data.truths.categories[g]!]! * size + size - 1]!++;
  }
  return { iouThreshold, scoreThreshold, categoryIds, names, counts };
}
