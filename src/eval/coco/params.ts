import { COCO_SIGMAS } from '../oks.ts';
import type { AreaRange, CocoData, CocoOptions, CocoParams } from './types.ts';

const ALL: AreaRange = { label: 'all', min: 0, max: 1e10 };
const SMALL: AreaRange = { label: 'small', min: 0, max: 32 ** 2 };
const MEDIUM: AreaRange = { label: 'medium', min: 32 ** 2, max: 96 ** 2 };
const LARGE: AreaRange = { label: 'large', min: 96 ** 2, max: 1e10 };

/**
 * Fills in COCO's defaults and puts image ids, category ids and detection limits in order.
 * @throws RangeError for values that cannot be evaluated.
 */
export function resolveParams(data: CocoData, options: CocoOptions): CocoParams {
  const iouType = options.iouType ?? 'bbox';
  const useCategories = options.useCategories ?? true;
  const isPose = iouType === 'keypoints';
  const params: CocoParams = {
    iouType,
    iouThresholds: options.iouThresholds ?? linspace(0.5, 0.95, 10),
    recallThresholds: options.recallThresholds ?? linspace(0, 1, 101),
    maxDetections: (options.maxDetections ?? (isPose ? [20] : [1, 10, 100])).toSorted((a, b) => a - b),
    areaRanges: options.areaRanges ?? (isPose ? [ALL, MEDIUM, LARGE] : [ALL, SMALL, MEDIUM, LARGE]),
    useCategories,
    imageIds: options.imageIds ? ascending(options.imageIds) : Array.from(data.imageIds),
    // Without categories, detections of one score keep the order of the categories as they were asked for.
    categoryIds: orderCategories(options.categoryIds ?? Array.from(data.categoryIds), useCategories),
    sigmas: options.sigmas ?? Array.from(COCO_SIGMAS),
    dilationRatio: options.dilationRatio ?? 0.02,
  };
  check(params);
  return params;
}

/** numpy's linspace(start, stop, n): start + i · step, with the rounding that COCO's thresholds have. */
function linspace(start: number, stop: number, n: number): number[] {
  const step = (stop - start) / (n - 1);
  return Array.from({ length: n }, (_, i) => (i === n - 1 ? stop : i * step + start));
}

function ascending(ids: readonly number[]): number[] {
  return [...new Set(ids)].sort((a, b) => a - b);
}

function orderCategories(ids: readonly number[], useCategories: boolean): number[] {
  return useCategories ? ascending(ids) : [...new Set(ids)];
}

function check(params: CocoParams): void {
  const { iouThresholds, recallThresholds, maxDetections, areaRanges, sigmas, dilationRatio } = params;
  for (const [name, list] of Object.entries({ iouThresholds, recallThresholds, maxDetections, areaRanges })) {
    if (list.length === 0) throw new RangeError(`${name} is empty`);
  }
  if (!iouThresholds.every(Number.isFinite)) throw new RangeError(`IoU thresholds must be finite: ${iouThresholds}`);
  if (!recallThresholds.every((r, i) => r >= (recallThresholds[i - 1] ?? Number.NEGATIVE_INFINITY))) {
    throw new RangeError(`recall thresholds must ascend: ${recallThresholds}`);
  }
  if (!maxDetections.every((n) => Number.isSafeInteger(n) && n > 0)) {
    throw new RangeError(`limits on detections must be positive integers: ${maxDetections}`);
  }
  for (const { label, min, max } of areaRanges) {
    if (!(min <= max)) throw new RangeError(`area range ${label} goes from ${min} to ${max}`);
  }
  if (!sigmas.every((sigma) => sigma > 0)) throw new RangeError(`sigmas must be positive: ${sigmas}`);
  if (!(dilationRatio > 0 && dilationRatio < 1))
    throw new RangeError(`dilation ratio ${dilationRatio} is not in (0, 1)`);
}
