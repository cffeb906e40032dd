import { evaluateCoco } from '../../coco/evaluate.ts';
import { averagePrecision, type DetectionSummary, type KeypointSummary, summarize } from '../../coco/summarize.ts';
import type { CocoData } from '../../coco/types.ts';
import { bootstrapAp, type Interval } from '../bootstrap.ts';
import type { Comparison } from '../compare.ts';
import { type ConfusionMatrix, confusionMatrix } from '../confusion.ts';
import { type ConventionScore, compareConventions } from '../conventions.ts';
import { type PrecisionRecallCurves, precisionRecallCurves } from '../curves.ts';
import { analyzeErrors, type ErrorAnalysis } from '../errors.ts';
import { type ImageScores, scoreImages } from '../images.ts';
import type { AnalysisOptions } from '../ranked.ts';
import { type SizeScore, scoreBySize } from '../sizes.ts';

export interface ReportOptions extends Omit<AnalysisOptions, 'useCategories' | 'maxDetections'> {
  /** Heading. Default: Detection report. */
  readonly title?: string;
  /** What to call an image of this id, say its file name. Default: its id. */
  readonly imageName?: (id: number) => string;
  /** Edges between bins of sizes in square pixels. Default COCO's, 32² and 96². */
  readonly sizeEdges?: readonly number[];
  /** Of the bootstrap. Default 1000; 0 leaves intervals out. */
  readonly resamples?: number;
  /** A comparison with another set of detections, to be shown too. */
  readonly comparison?: Comparison;
}

export interface ReportClass {
  readonly categoryId: number;
  readonly name: string;
  readonly truths: number;
  readonly detections: number;
  /** −1 without truths. */
  readonly ap: number;
  readonly ap50: number;
  readonly interval?: Interval;
}

/** Everything a report shows. */
export interface ReportData {
  readonly title: string;
  readonly iouType: string;
  readonly images: number;
  readonly truths: number;
  readonly detections: number;
  readonly warnings: readonly string[];
  readonly summary: DetectionSummary | KeypointSummary;
  readonly interval?: Interval;
  readonly classes: readonly ReportClass[];
  readonly sizes: readonly SizeScore[];
  readonly curves: PrecisionRecallCurves;
  readonly confusion: ConfusionMatrix;
  readonly errors: ErrorAnalysis;
  readonly imageScores: ImageScores;
  readonly imageName: (id: number) => string;
  /** For boxes only. */
  readonly conventions?: readonly ConventionScore[];
  readonly comparison?: Comparison;
}

/** Runs every analysis. The confusion matrix is at the score where F1 over all classes is highest. */
export function prepareReport(data: CocoData, options: ReportOptions = {}): ReportData {
  const { title = 'Detection report', imageName = String, sizeEdges = [32 ** 2, 96 ** 2], comparison } = options;
  const { resamples = 1000, ...rest } = options;
  const result = evaluateCoco(data, rest);
  const { params } = result;
  const curves = precisionRecallCurves(data, rest);
  const bootstrap = resamples > 0 ? bootstrapAp(data, { ...rest, resamples }) : undefined;
  const best = curves.overall.best;
  const sum = (counts: Int32Array) => counts.reduce((total, count) => total + count, 0);
  return {
    title,
    iouType: params.iouType,
    images: params.imageIds.length,
    truths: sum(result.truthCounts),
    detections: sum(result.detectionCounts),
    warnings: data.warnings,
    summary: summarize(result),
    ...(bootstrap && { interval: bootstrap.ap }),
    classes: curves.classes.map(({ categoryId, name }, k) => ({
      categoryId,
      name,
      truths: result.truthCounts[k]!,
      detections: result.detectionCounts[k]!,
      ap: averagePrecision(result, { category: k }),
      ap50: averagePrecision(result, { category: k, iou: 0.5 }),
      ...(bootstrap && { interval: bootstrap.classes[k]! }),
    })),
    sizes: scoreBySize(data, sizeEdges, rest),
    curves,
    confusion: confusionMatrix(data, { ...rest, ...(best && { scoreThreshold: best.score }) }),
    errors: analyzeErrors(data, rest),
    imageScores: scoreImages(data, rest),
    imageName,
    ...(params.iouType === 'bbox' && { conventions: compareConventions(data, rest) }),
    ...(comparison && { comparison }),
  };
}
