import { AppError } from '../errors.ts';
import { confusionMatrix } from '../eval/analysis/confusion.ts';
import { type PrecisionRecallCurve, precisionRecallCurves } from '../eval/analysis/curves.ts';
import { analyzeErrors, type ErrorCost } from '../eval/analysis/errors.ts';
import type { AnalysisOptions } from '../eval/analysis/ranked.ts';
import type { CocoData, CocoOptions } from '../eval/coco/types.ts';
import {
  type ConventionsAnswer,
  conventions,
  type ImageNames,
  type SizeAnswer,
  sizes,
  type WorstAnswer,
  worst,
} from './breakdowns.ts';
import type { DetectionOptions } from './detection-options.ts';
import { type BootstrapAnswer, bootstrap, type ComparisonAnswer, comparison } from './resampling.ts';

/** Curves have a point for every score; of more than so many some are left out, evenly. */
const MAX_POINTS = 1000;
/** The matrix has a number for each pair of classes. */
const MAX_CONFUSED = 2000;

export interface CurveAnswer {
  /** By descending score. */
  readonly scores: readonly number[];
  readonly precision: readonly number[];
  readonly recall: readonly number[];
  /** Where F1 is highest. */
  readonly best: {
    readonly score: number;
    readonly precision: number;
    readonly recall: number;
    readonly f1: number;
  } | null;
}

export interface AnalysisAnswers {
  /** AP and AR by size of object, smallest first. */
  readonly sizes?: readonly SizeAnswer[];
  readonly bootstrap?: BootstrapAnswer;
  readonly comparison?: ComparisonAnswer;
  readonly conventions?: ConventionsAnswer;
  readonly worst?: WorstAnswer;
  readonly curves?: {
    readonly iou_threshold: number;
    readonly overall: CurveAnswer;
    readonly per_class: readonly (CurveAnswer & { readonly class_id: number; readonly label: string })[];
  };
  readonly confusion?: {
    readonly iou_threshold: number;
    readonly score_threshold: number;
    /** Of the rows (true classes) and columns (predicted ones); the last of each is the background. */
    readonly labels: readonly string[];
    readonly matrix: readonly (readonly number[])[];
  };
  readonly errors?: {
    readonly iou_threshold: number;
    readonly AP: number;
    /** How often each kind of error occurs, and how much AP would rise without it (TIDE). */
    readonly kinds: Readonly<Record<string, ErrorCost>>;
    readonly false_positives: ErrorCost;
    readonly false_negatives: ErrorCost;
  };
}

/** What analyses are about, beside the options. */
export interface Analysed {
  readonly data: CocoData;
  /** Other predictions for the same ground truth, to compare with. */
  readonly baseline: CocoData | undefined;
  readonly names: ImageNames;
}

/** The analyses that are asked for, by COCO's matching; of single decisions at IoU 0.5. */
export function analyse(
  { data, baseline, names }: Analysed,
  options: DetectionOptions,
  { areaRanges: _, maxDetections, iouThresholds, ...rest }: CocoOptions,
): AnalysisAnswers {
  const same: AnalysisOptions = { ...rest, ...(maxDetections && { maxDetections: Math.max(...maxDetections) }) };
  const { useCategories, ...byClass } = same;
  const resampled = { ...same, ...(iouThresholds && { iouThresholds }), resamples: options.bootstrap };
  return {
    ...(options.sizes && { sizes: sizes(data, options.sizes, same) }),
    ...(options.bootstrap && { bootstrap: bootstrap(data, resampled) }),
    ...(baseline && { comparison: comparison(baseline, data, resampled, names, options.worst) }),
    ...(options.conventions && { conventions: conventions(data, same) }),
    ...(options.worst && { worst: worst(data, options.worst, same, names) }),
    ...(options.curves && { curves: curves(data, same) }),
    ...(options.confusion && { confusion: confusion(data, byClass) }),
    ...(options.errors && { errors: errors(data, byClass) }),
  };
}

type ByClass = Omit<AnalysisOptions, 'useCategories'>;

function curves(data: CocoData, options: AnalysisOptions): NonNullable<AnalysisAnswers['curves']> {
  const { iouThreshold, overall, classes } = precisionRecallCurves(data, options);
  return {
    iou_threshold: iouThreshold,
    overall: toCurve(overall),
    per_class: classes.map((curve) => ({ class_id: curve.categoryId, label: curve.name, ...toCurve(curve) })),
  };
}

function toCurve({ scores, precision, recall, best }: PrecisionRecallCurve): CurveAnswer {
  const step = Math.max(1, Math.ceil(scores.length / MAX_POINTS));
  const thin = (values: Float64Array) => Array.from(values).filter((_, i) => i % step === 0 || i === values.length - 1);
  return { scores: thin(scores), precision: thin(precision), recall: thin(recall), best: best ?? null };
}

function confusion(data: CocoData, options: ByClass): NonNullable<AnalysisAnswers['confusion']> {
  const classes = (options.categoryIds ?? data.categoryIds).length;
  if (classes > MAX_CONFUSED) {
    throw new AppError(
      'payload_too_large',
      `a confusion matrix of ${classes} classes; at most ${MAX_CONFUSED} are given`,
    );
  }
  const { iouThreshold, scoreThreshold, names, counts } = confusionMatrix(data, options);
  const size = names.length + 1;
  return {
    iou_threshold: iouThreshold,
    score_threshold: scoreThreshold,
    labels: [...names, 'background'],
    matrix: Array.from({ length: size }, (_, i) => Array.from(counts.subarray(i * size, (i + 1) * size))),
  };
}

function errors(data: CocoData, options: ByClass): NonNullable<AnalysisAnswers['errors']> {
  const { iouThreshold, ap, kinds, falsePositives, falseNegatives } = analyzeErrors(data, options);
  return {
    iou_threshold: iouThreshold,
    AP: ap,
    kinds,
    false_positives: falsePositives,
    false_negatives: falseNegatives,
  };
}
