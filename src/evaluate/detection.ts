import { AppError } from '../errors.ts';
import { evaluateCoco } from '../eval/coco/evaluate.ts';
import { loadCoco } from '../eval/coco/load.ts';
import { averagePrecision, averageRecall, summarize } from '../eval/coco/summarize.ts';
import type { CocoData, CocoOptions, CocoResult, IouType } from '../eval/coco/types.ts';
import { type Analysed, type AnalysisAnswers, analyse } from './analyses.ts';
import { imageNames } from './breakdowns.ts';
import { checkSize } from './check-size.ts';
import { type DetectionOptions, toCocoOptions } from './detection-options.ts';
import { isAllocation, tooMuch } from './memory.ts';
import { evaluateAsVoc } from './voc.ts';

/** One class; −1 where it has no ground truth. */
export interface ClassScores {
  readonly class_id: number;
  readonly label: string;
  readonly AP: number;
  readonly AP50: number;
  readonly AP75: number;
  readonly AR100: number;
  /** Objects that count. */
  readonly ground_truth: number;
  readonly predictions: number;
}

/** The answer of POST /v1/evaluate/detection, by its names. */
export interface DetectionAnswer extends AnalysisAnswers {
  readonly protocol: NonNullable<DetectionOptions['protocol']>;
  readonly iou_type: NonNullable<DetectionOptions['iou_type']>;
  /** COCO's numbers, as `summarize` has them. */
  readonly stats: Readonly<Record<string, number>>;
  readonly per_class: readonly ClassScores[];
  readonly images: number;
  readonly parameters: {
    readonly iou_thresholds: readonly number[];
    readonly max_detections?: readonly number[];
    readonly area_ranges?: CocoOptions['areaRanges'];
  };
  /** Of every area range, where the request names its own. */
  readonly areas?: readonly { readonly label: string; readonly AP: number; readonly AR: number }[];
  readonly warnings: readonly string[];
}

/** The one row of a result without categories. */
const ALL = -1;

/**
 * Scores parsed COCO JSON.
 * @param baseline other predictions to compare them with, if any.
 * @throws AppError naming the entries at fault.
 */
export function evaluateDetection(
  groundTruth: unknown,
  predictions: unknown,
  options: DetectionOptions,
  baseline?: unknown,
): DetectionAnswer {
  return refusing(() => {
    const { protocol = 'coco', iou_type = 'bbox' } = options;
    if (protocol !== 'coco' && baseline !== undefined) {
      throw new AppError('invalid_request', 'a baseline is compared by COCO’s rules, not by Pascal VOC’s');
    }
    const data = loadCoco(groundTruth, predictions, { iouType: iou_type });
    if (protocol !== 'coco') return evaluateAsVoc(data, protocol, options);
    const names = imageNames(groundTruth);
    return evaluateAsCoco({ data, baseline: loadBaseline(groundTruth, baseline, iou_type), names }, options);
  });
}

/** The predictions that others are compared with. @throws RangeError as `loadCoco`, saying that they are at fault. */
export function loadBaseline(groundTruth: unknown, baseline: unknown, iouType: IouType): CocoData | undefined {
  if (baseline === undefined) return undefined;
  try {
    return loadCoco(groundTruth, baseline, { iouType });
  } catch (error) {
    if (error instanceof RangeError) throw new RangeError(`the baseline: ${error.message}`, { cause: error });
    throw error;
  }
}

function evaluateAsCoco(analysed: Analysed, options: DetectionOptions): DetectionAnswer {
  const { data, baseline } = analysed;
  const cocoOptions = toCocoOptions(options);
  checkSize(data, cocoOptions);
  const result = evaluateCoco(data, cocoOptions);
  const { params } = result;
  const labels = new Map(Array.from(data.categoryIds, (id, i) => [id, data.categoryNames[i]!]));
  return {
    protocol: 'coco',
    iou_type: params.iouType,
    stats: { ...summarize(result) },
    per_class: result.categoryIds.map((id, k) =>
      scoresOf(result, k, id, labels.get(id) ?? (id === ALL ? 'all' : String(id))),
    ),
    images: params.imageIds.length,
    parameters: {
      iou_thresholds: params.iouThresholds,
      max_detections: params.maxDetections,
      area_ranges: params.areaRanges,
    },
    ...(options.area_ranges && {
      areas: params.areaRanges.map(({ label }) => ({
        label,
        AP: averagePrecision(result, { area: label }),
        AR: averageRecall(result, { area: label }),
      })),
    }),
    ...analyse(analysed, options, cocoOptions),
    warnings: [...data.warnings, ...warningsOf(baseline, data), ...unknownIds(data, options)],
  };
}

function scoresOf(result: CocoResult, category: number, id: number, label: string): ClassScores {
  return {
    class_id: id,
    label,
    AP: averagePrecision(result, { category }),
    AP50: averagePrecision(result, { category, iou: 0.5 }),
    AP75: averagePrecision(result, { category, iou: 0.75 }),
    AR100: averageRecall(result, { category }),
    ground_truth: result.truthCounts[category]!,
    predictions: result.detectionCounts[category]!,
  };
}

/** What concerns the baseline alone. */
function warningsOf(baseline: CocoData | undefined, { warnings }: CocoData): string[] {
  const known = new Set(warnings);
  const others = baseline?.warnings.filter((warning) => !known.has(warning)) ?? [];
  return others.map((warning) => `the baseline: ${warning}`);
}

/** Ids that the request asks for in vain. COCO passes over them, which is seldom what was meant. */
function unknownIds(data: CocoData, options: DetectionOptions): string[] {
  const missing = (name: string, asked: readonly number[] | undefined, there: ArrayLike<number>) => {
    const known = new Set(Array.from(there));
    const unknown = asked?.filter((id) => !known.has(id)) ?? [];
    const more = unknown.length > 5 ? ` and ${unknown.length - 5} more` : '';
    return unknown.length
      ? [`the ground truth has none of these ${name}: ${unknown.slice(0, 5).join(', ')}${more}`]
      : [];
  };
  return [
    ...missing('image_ids', options.image_ids, data.imageIds),
    ...missing('category_ids', options.category_ids, data.categoryIds),
  ];
}

/** What the scoring library refuses is a fault of what was sent. */
export function refusing<T>(evaluate: () => T): T {
  try {
    return evaluate();
  } catch (error) {
    if (isAllocation(error)) throw tooMuch(error);
    if (error instanceof RangeError) throw new AppError('invalid_request', error.message, { cause: error });
    throw error;
  }
}
