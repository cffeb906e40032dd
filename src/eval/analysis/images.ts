import { IGNORED, TRUE_POSITIVE } from '../coco/match.ts';
import type { CocoData } from '../coco/types.ts';
import { curvesOf } from './curves.ts';
import { type DecisionOptions, rankDecisions } from './ranked.ts';

export interface ImageOptions extends DecisionOptions {
  /** Detections of lower scores are left out. Default: where F1 over all classes is highest. */
  readonly scoreThreshold?: number;
}

/** How well one image was done. */
export interface ImageScore {
  readonly imageId: number;
  readonly truePositives: number;
  readonly falsePositives: number;
  readonly missed: number;
  /** 2 · right / (detections + objects), 1 where there are neither. */
  readonly f1: number;
  /**
   * Localisation Recall Precision error (Oksuz et al., ECCV 2018), 0 (perfect) to 1: the mean over true positives,
   * false positives and missed objects of what each does wrong, which is 1 for the last two and
   * (1 − IoU) / (1 − threshold) for the first. 0 where there is nothing to find and nothing was found.
   */
  readonly lrp: number;
}

export interface ImageScores {
  readonly iouThreshold: number;
  readonly scoreThreshold: number;
  /** Worst first: by LRP, equal ones by false positives and missed objects together, then by id. */
  readonly images: readonly ImageScore[];
}

/** Scores every image on its own, with COCO's matching at one IoU threshold. @throws RangeError as `evaluateCoco`. */
export function scoreImages(data: CocoData, options: ImageOptions = {}): ImageScores {
  const { scoreThreshold: given, ...rest } = options;
  const ranked = rankDecisions(data, rest);
  const scoreThreshold = given ?? curvesOf(data, ranked).overall.best?.score ?? 0;
  const iouThreshold = ranked.params.iouThresholds[0]!;
  const { scores, images } = data.detections;
  const n = data.imageIds.length;
  const hits = new Int32Array(n);
  const wrong = new Int32Array(n);
  const missed = new Int32Array(n);
  const inexact = new Float64Array(n);
  for (const g of ranked.counted) missed[data.truths.images[g]!]!++;
  for (const { rows, states } of ranked.categories) {
    rows.forEach((row, i) => {
      if (scores[row]! < scoreThreshold || states[i] === IGNORED) return;
      const image = images[row]!;
      if (states[i] !== TRUE_POSITIVE) wrong[image]!++;
      else {
        hits[image]!++;
        missed[image]!--;
        const distance = 1 - ranked.similarity(row, ranked.truths[row]!);
        if (distance > 0) inexact[image]! += distance / (1 - iouThreshold);
      }
    });
  }
  const places = new Map(Array.from(data.imageIds, (id, place) => [id, place]));
  const rows = ranked.params.imageIds.flatMap((imageId): ImageScore[] => {
    const at = places.get(imageId);
    if (at === undefined) return [];
    const [truePositives, falsePositives, lost] = [hits[at]!, wrong[at]!, missed[at]!];
    const total = truePositives + falsePositives + lost;
    return [
      {
        imageId,
        truePositives,
        falsePositives,
        missed: lost,
        f1: total === 0 ? 1 : (2 * truePositives) / (truePositives + total),
        lrp: total === 0 ? 0 : (inexact[at]! + falsePositives + lost) / total,
      },
    ];
  });
  const errors = (image: ImageScore) => image.falsePositives + image.missed;
  rows.sort((a, b) => b.lrp - a.lrp || errors(b) - errors(a) || a.imageId - b.imageId);
  return { iouThreshold, scoreThreshold, images: rows };
}
