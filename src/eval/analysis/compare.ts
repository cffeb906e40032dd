import type { CocoData } from '../coco/types.ts';
import {
  type BootstrapOptions,
  checked,
  countImages,
  drawImages,
  evaluatedImages,
  type Interval,
  interval,
} from './bootstrap.ts';
import { type ImageScore, scoreImages } from './images.ts';
import { rankMatches } from './ranked.ts';
import { meanOf, Reweighted } from './resample.ts';

export interface ClassChange {
  readonly categoryId: number;
  readonly name: string;
  /** AP; −1 where the category has no truths. */
  readonly baseline: number;
  readonly candidate: number;
  /** Candidate less baseline. */
  readonly difference: Interval;
}

export interface ImageChange {
  readonly imageId: number;
  readonly baseline: ImageScore;
  readonly candidate: ImageScore;
  /** LRP error of the candidate less that of the baseline: below 0 is better. */
  readonly difference: number;
}

export interface Comparison {
  readonly baseline: number;
  readonly candidate: number;
  /** AP of the candidate less that of the baseline, both on the same resampled images. */
  readonly difference: Interval;
  /** Part of the resamples that the intervals hold. */
  readonly confidence: number;
  /** Part of the resamples in which the candidate is better, equal ones half. */
  readonly better: number;
  /** Most improved first; categories without truths are left out. */
  readonly classes: readonly ClassChange[];
  /** Most improved first. Each side at the score threshold where its own F1 is highest. */
  readonly images: readonly ImageChange[];
}

/**
 * Compares two sets of detections on the same ground truth, and says how sure the difference of AP is (paired
 * percentile bootstrap over images).
 * @throws RangeError when the ground truths differ, and as `bootstrapAp`.
 */
export function compareDetections(baseline: CocoData, candidate: CocoData, options: BootstrapOptions = {}): Comparison {
  requireSameTruths(baseline, candidate);
  const { resamples, confidence, seed } = checked(options);
  const ranked = rankMatches(baseline, options, options.iouThresholds);
  const before = new Reweighted(baseline, ranked);
  const after = new Reweighted(candidate, rankMatches(candidate, options, options.iouThresholds));
  const imageCount = baseline.imageIds.length;
  const evaluated = evaluatedImages(baseline, ranked.params.imageIds);
  const all = countImages(evaluated, imageCount);
  const [old, now] = [before.perCategory(all), after.perCategory(all)];

  const overall: number[] = [];
  const perClass = Array.from(old, (): number[] => []);
  drawImages(evaluated, imageCount, resamples, seed, (weights) => {
    const [a, b] = [before.perCategory(weights), after.perCategory(weights)];
    if (meanOf(a) >= 0) overall.push(meanOf(b) - meanOf(a));
    for (let k = 0; k < a.length; k++) if (a[k]! >= 0) perClass[k]!.push(b[k]! - a[k]!);
  });
  const change = (value: number, samples: number[]) => interval(value, Float64Array.from(samples), confidence);
  const wins = overall.reduce((sum, value) => sum + (value > 0 ? 1 : value === 0 ? 0.5 : 0), 0);
  return {
    baseline: meanOf(old),
    candidate: meanOf(now),
    difference: change(meanOf(now) - meanOf(old), overall),
    confidence,
    better: overall.length ? wins / overall.length : 0.5,
    classes: Array.from(old, (ap, k) => ({
      categoryId: ranked.categoryIds[k]!,
      name: ranked.names[k]!,
      baseline: ap,
      candidate: now[k]!,
      difference: change(now[k]! - ap, perClass[k]!),
    }))
      .filter(({ baseline }) => baseline >= 0)
      .sort((a, b) => b.difference.value - a.difference.value || a.categoryId - b.categoryId),
    images: compareImages(scoreImages(baseline, options).images, scoreImages(candidate, options).images),
  };
}

function compareImages(before: readonly ImageScore[], after: readonly ImageScore[]): ImageChange[] {
  const byId = new Map(after.map((score) => [score.imageId, score]));
  return before
    .map((baseline) => {
      const candidate = byId.get(baseline.imageId)!;
      return { imageId: baseline.imageId, baseline, candidate, difference: candidate.lrp - baseline.lrp };
    })
    .sort((a, b) => a.difference - b.difference || a.imageId - b.imageId);
}

function requireSameTruths(a: CocoData, b: CocoData): void {
  const columns = ({ imageIds, categoryIds, truths }: CocoData) => ({
    'image ids': imageIds,
    'category ids': categoryIds,
    'annotation ids': truths.ids,
    'images of annotations': truths.images,
    'categories of annotations': truths.categories,
    boxes: truths.boxes,
  });
  const other: Record<string, ArrayLike<number>> = columns(b);
  for (const [what, column] of Object.entries(columns(a))) {
    const isSame = column.length === other[what]!.length && column.every((value, i) => value === other[what]![i]);
    if (!isSame) throw new RangeError(`the ground truths differ in their ${what}`);
  }
}
