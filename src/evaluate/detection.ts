import { AppError } from '../errors.ts';
import { evaluateCoco } from '../eval/coco/evaluate.ts';
import { loadCoco } from '../eval/coco/load.ts';
import { averagePrecision, averageRecall, summarize } from '../eval/coco/summarize.ts';
import type { CocoData, CocoOptions, CocoResult } from '../eval/coco/types.ts';
import { type AnalysisAnswers, analyse } from './analyses.ts';
import { type DetectionOptions, toCocoOptions } from './detection-options.ts';
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

/** The answer has so many numbers for every class; beyond this, it would not fit into memory. */
const MAX_CELLS = 2 ** 26;

/**
 * Scores parsed COCO JSON.
 * @throws AppError naming the entries at fault.
 */
export function evaluateDetection(
  groundTruth: unknown,
  predictions: unknown,
  options: DetectionOptions,
): DetectionAnswer {
  return refusing(() => {
    const { protocol = 'coco', iou_type = 'bbox' } = options;
    const data = loadCoco(groundTruth, predictions, { iouType: iou_type });
    return protocol === 'coco' ? evaluateAsCoco(data, options) : evaluateAsVoc(data, protocol, options);
  });
}

function evaluateAsCoco(data: CocoData, options: DetectionOptions): DetectionAnswer {
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
    ...analyse(data, options, cocoOptions),
    warnings: [...data.warnings, ...unknownIds(data, options)],
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

function checkSize(data: CocoData, options: CocoOptions): void {
  const classes = options.useCategories === false ? 1 : (options.categoryIds ?? data.categoryIds).length;
  const { iouThresholds, areaRanges, maxDetections } = options;
  const cells =
    classes * 101 * (iouThresholds?.length ?? 10) * (areaRanges?.length ?? 4) * (maxDetections?.length ?? 3);
  if (cells > MAX_CELLS) {
    const limit = Math.floor((MAX_CELLS / cells) * classes);
    throw new AppError('payload_too_large', `${classes} categories; with these options at most ${limit} can be scored`);
  }
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
    if (error instanceof RangeError) throw new AppError('invalid_request', error.message, { cause: error });
    throw error;
  }
}
