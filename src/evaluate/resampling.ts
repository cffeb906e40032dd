import { bootstrapAp, type Interval } from '../eval/analysis/bootstrap.ts';
import { compareDetections, type ImageChange } from '../eval/analysis/compare.ts';
import type { AnalysisOptions } from '../eval/analysis/ranked.ts';
import type { CocoData } from '../eval/coco/types.ts';
import { type ImageName, type ImageNames, type ImageScoreAnswer, naming, scoresOf } from './breakdowns.ts';
import { checkResamples } from './check-size.ts';

/** Drawn where a comparison does not say how often. */
const RESAMPLES = 1000;
/** What intervals hold. */
const CONFIDENCE = 0.95;
/** How many images a comparison names on either side unless `worst` says. */
const IMAGES = 20;

interface ClassName {
  readonly class_id: number;
  readonly label: string;
}

export interface BootstrapAnswer {
  readonly resamples: number;
  readonly confidence: number;
  readonly AP: Interval;
  readonly per_class: readonly (ClassName & Interval)[];
}

export interface ImageChangeAnswer extends ImageName {
  readonly baseline: ImageScoreAnswer;
  readonly predictions: ImageScoreAnswer;
  /** LRP error of the predictions less that of the baseline: below 0 is better. */
  readonly difference: number;
}

export interface ComparisonAnswer {
  readonly resamples: number;
  readonly confidence: number;
  readonly AP: { readonly baseline: number; readonly predictions: number; readonly difference: Interval };
  /** Part of the resamples in which the predictions are better than the baseline. */
  readonly better: number;
  /** Most improved first. */
  readonly per_class: readonly (ClassName & {
    readonly baseline: number;
    readonly predictions: number;
    readonly difference: Interval;
  })[];
  readonly images: {
    readonly better: number;
    readonly worse: number;
    readonly same: number;
    /** Most improved first, a part of them. */
    readonly most_improved: readonly ImageChangeAnswer[];
    /** Most worsened first, a part of them. */
    readonly most_worsened: readonly ImageChangeAnswer[];
  };
}

export interface ResamplingOptions extends AnalysisOptions {
  readonly iouThresholds?: readonly number[];
  readonly resamples?: number | undefined;
}

export function bootstrap(data: CocoData, { resamples = RESAMPLES, ...options }: ResamplingOptions): BootstrapAnswer {
  checkResamples(data, options, resamples);
  const { ap, classes } = bootstrapAp(data, { ...options, resamples, confidence: CONFIDENCE });
  return {
    resamples,
    confidence: CONFIDENCE,
    AP: ap,
    per_class: classes.map(({ categoryId, name, ...interval }) => ({
      class_id: categoryId,
      label: name,
      ...interval,
    })),
  };
}

/** What got better and worse from `baseline` to `data`. */
export function comparison(
  baseline: CocoData,
  data: CocoData,
  { resamples = RESAMPLES, ...options }: ResamplingOptions,
  names: ImageNames,
  most = IMAGES,
): ComparisonAnswer {
  checkResamples(data, options, resamples);
  const compared = compareDetections(baseline, data, { ...options, resamples, confidence: CONFIDENCE });
  const better = compared.images.filter(({ difference }) => difference < 0);
  const worse = compared.images.filter(({ difference }) => difference > 0).reverse();
  const change = ({ imageId, baseline, candidate, difference }: ImageChange): ImageChangeAnswer => ({
    ...naming(imageId, names),
    baseline: scoresOf(baseline),
    predictions: scoresOf(candidate),
    difference,
  });
  return {
    resamples,
    confidence: CONFIDENCE,
    AP: { baseline: compared.baseline, predictions: compared.candidate, difference: compared.difference },
    better: compared.better,
    per_class: compared.classes.map(({ categoryId, name, baseline, candidate, difference }) => ({
      class_id: categoryId,
      label: name,
      baseline,
      predictions: candidate,
      difference,
    })),
    images: {
      better: better.length,
      worse: worse.length,
      same: compared.images.length - better.length - worse.length,
      most_improved: better.slice(0, most).map(change),
      most_worsened: worse.slice(0, most).map(change),
    },
  };
}
