/**
 * Exact scoring of detectors and segmenters: pure functions over typed arrays, without any server or runtime.
 *
 *     import { evaluateCoco, loadCoco, summarizeDetections } from 'miru/eval';
 *     import { readFileSync } from 'node:fs';
 *
 *     const read = (path) => JSON.parse(readFileSync(path, 'utf8'));
 *     const data = loadCoco(read('instances_val2017.json'), read('results.json'));
 *     const { AP, AP50 } = summarizeDetections(evaluateCoco(data));
 *     console.log(AP.toFixed(3), AP50.toFixed(3));
 *
 * @module
 */
export {
  type Rle,
  rleArea,
  rleFromColumns,
  rleFromCounts,
  rleFromCrop,
  rleFromRows,
  rleToBox,
  rleToColumns,
  rleToRows,
} from '../vision/rle.ts';
export { rleBoundary } from '../vision/rle-boundary.ts';
export { rleIou, rleMerge } from '../vision/rle-overlap.ts';
export { rleFromBox, rleFromPolygon } from '../vision/rle-polygon.ts';
export { rleFromString, rleToString } from '../vision/rle-string.ts';
export {
  type BootstrapOptions,
  type BootstrapResult,
  bootstrapAp,
  type ClassInterval,
  type Interval,
} from './analysis/bootstrap.ts';
export { type ClassChange, type Comparison, compareDetections, type ImageChange } from './analysis/compare.ts';
export { type ConfusionMatrix, type ConfusionOptions, confusionMatrix } from './analysis/confusion.ts';
export {
  type Cause,
  CONVENTIONS,
  type ConventionName,
  type ConventionOptions,
  type ConventionScore,
  compareConventions,
} from './analysis/conventions.ts';
export {
  type ClassCurve,
  type OperatingPoint,
  type PrecisionRecallCurve,
  type PrecisionRecallCurves,
  precisionRecallCurves,
} from './analysis/curves.ts';
export { type DetectionError, ERROR_KINDS, type ErrorKind } from './analysis/error-matching.ts';
export { analyzeErrors, type ErrorAnalysis, type ErrorCost, type ErrorOptions } from './analysis/errors.ts';
export { type ImageOptions, type ImageScore, type ImageScores, scoreImages } from './analysis/images.ts';
export type { AnalysisOptions, DecisionOptions } from './analysis/ranked.ts';
export { prepareReport, type ReportClass, type ReportData, type ReportOptions } from './analysis/report/data.ts';
export { renderReport } from './analysis/report/report.ts';
export { type ApRules, type DataSelection, meanApByRules } from './analysis/rules.ts';
export { type SizeScore, scoreBySize } from './analysis/sizes.ts';
export { CityscapesEvaluator, type CityscapesResult, type CityscapesScore } from './cityscapes.ts';
export {
  CityscapesInstanceEvaluator,
  type CityscapesInstanceResult,
  type CityscapesObject,
} from './cityscapes-instances.ts';
export { CITYSCAPES_LABELS, type CityscapesLabel } from './cityscapes-labels.ts';
export { evaluateCoco } from './coco/evaluate.ts';
export { CocoEvaluator, type ImageDetections, type ImageObjects, type ImageTruths } from './coco/evaluator.ts';
export { type LoadOptions, loadCoco } from './coco/load.ts';
export { type CocoMatches, DETECTION_STATES, type DetectionState, matchCoco } from './coco/matches.ts';
export {
  averagePrecision,
  averageRecall,
  type DetectionSummary,
  type KeypointSummary,
  type Selection,
  summarize,
  summarizeDetections,
  summarizeKeypoints,
} from './coco/summarize.ts';
export type {
  AreaRange,
  CocoData,
  CocoOptions,
  CocoParams,
  CocoResult,
  Detected,
  IouType,
  Masks,
  Rows,
  Truths,
} from './coco/types.ts';
export { type BoxFormat, type BoxIouOptions, type BoxMeasure, boxIouMatrix, type Lists } from './iou.ts';
export {
  evaluateLvis,
  type Frequency,
  type LvisData,
  type LvisSummary,
  loadLvis,
  summarizeLvis,
} from './lvis.ts';
export { boundaryIouMatrix, maskDice, maskIouMatrix } from './mask-iou.ts';
export { COCO_SIGMAS, oksMatrix, type TruePoses } from './oks.ts';
export {
  type PanopticCategory,
  type PanopticClass,
  PanopticEvaluator,
  type PanopticImage,
  type PanopticMean,
  type PanopticQuality,
  type PanopticResult,
  type PanopticSegment,
} from './panoptic.ts';
export { rotatedIouMatrix } from './rotated.ts';
export { type LabelMap, type SemanticClass, SemanticEvaluator, type SemanticResult } from './semantic.ts';
export {
  evaluateVoc,
  type VocClass,
  type VocDetections,
  type VocOptions,
  type VocResult,
  type VocRows,
  type VocTruths,
} from './voc.ts';
