import { AppError } from '../errors.ts';
import { confusionMatrix } from '../eval/analysis/confusion.ts';
import { type PrecisionRecallCurve, precisionRecallCurves } from '../eval/analysis/curves.ts';
import { analyzeErrors, type ErrorCost } from '../eval/analysis/errors.ts';
import type { CocoData, CocoOptions } from '../eval/coco/types.ts';
import type { DetectionOptions } from './detection-options.ts';

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

/** The analyses that are asked for, by the matching of COCO at IoU 0.5. */
export function analyse(
  data: CocoData,
  options: DetectionOptions,
  { iouType, useCategories, imageIds, categoryIds, sigmas }: CocoOptions,
): AnalysisAnswers {
  const same = {
    ...(iouType && { iouType }),
    ...(imageIds && { imageIds }),
    ...(categoryIds && { categoryIds }),
    ...(sigmas && { sigmas }),
  };
  return {
    ...(options.curves && { curves: curves(data, { ...same, useCategories: useCategories ?? true }) }),
    ...(options.confusion && { confusion: confusion(data, same) }),
    ...(options.errors && { errors: errors(data, same) }),
  };
}

type Same = Pick<CocoOptions, 'iouType' | 'imageIds' | 'categoryIds' | 'sigmas'>;

function curves(
  data: CocoData,
  options: Same & Pick<CocoOptions, 'useCategories'>,
): NonNullable<AnalysisAnswers['curves']> {
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

function confusion(data: CocoData, options: Same): NonNullable<AnalysisAnswers['confusion']> {
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

function errors(data: CocoData, options: Same): NonNullable<AnalysisAnswers['errors']> {
  const { iouThreshold, ap, kinds, falsePositives, falseNegatives } = analyzeErrors(data, options);
  return {
    iou_threshold: iouThreshold,
    AP: ap,
    kinds,
    false_positives: falsePositives,
    false_negatives: falseNegatives,
  };
}
