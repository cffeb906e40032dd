import { pairwiseSum } from '../sum.ts';
import type { CocoResult } from './types.ts';

/** What to average over; whatever is left out is averaged over in full. */
export interface Selection {
  /** One of the IoU thresholds, exactly. */
  readonly iou?: number;
  /** Label of an area range. Default `all`. */
  readonly area?: string;
  /** One of the limits on detections. Default the largest. */
  readonly maxDetections?: number;
  /** Index into `CocoResult.categoryIds`, or several in ascending order. */
  readonly category?: number | readonly number[];
}

/** The twelve numbers of COCO for boxes and masks. −1: undefined, because there is no ground truth. */
export interface DetectionSummary {
  AP: number;
  AP50: number;
  AP75: number;
  APs: number;
  APm: number;
  APl: number;
  AR1: number;
  AR10: number;
  AR100: number;
  ARs: number;
  ARm: number;
  ARl: number;
}

/** The ten numbers of COCO for keypoints. */
export interface KeypointSummary {
  AP: number;
  AP50: number;
  AP75: number;
  APm: number;
  APl: number;
  AR: number;
  AR50: number;
  AR75: number;
  ARm: number;
  ARl: number;
}

/** Average precision over what is selected; −1 where nothing in it has ground truth. */
export function averagePrecision(result: CocoResult, selection: Selection = {}): number {
  return average(result, result.precision, result.params.recallThresholds.length, selection);
}

/** Average recall over what is selected; −1 where nothing in it has ground truth. */
export function averageRecall(result: CocoResult, selection: Selection = {}): number {
  return average(result, result.recall, 1, selection);
}

/**
 * COCO's numbers in COCO's order, as pycocotools prints them: AP asks for a limit of 100 detections and is −1 where
 * `maxDetections` does not have it; AP50 to APl and the last recalls use the third limit, AR1 and AR10 the first two.
 */
export function summarizeDetections(result: CocoResult): DetectionSummary {
  const limits = result.params.maxDetections;
  const limit = (i: number) => limits[Math.min(i, limits.length - 1)]!;
  const ap = (selection: Selection) => averagePrecision(result, { maxDetections: limit(2), ...selection });
  const ar = (selection: Selection) => averageRecall(result, { maxDetections: limit(2), ...selection });
  return {
    AP: ap({ maxDetections: 100 }),
    AP50: ap({ iou: 0.5 }),
    AP75: ap({ iou: 0.75 }),
    APs: ap({ area: 'small' }),
    APm: ap({ area: 'medium' }),
    APl: ap({ area: 'large' }),
    AR1: ar({ maxDetections: limit(0) }),
    AR10: ar({ maxDetections: limit(1) }),
    AR100: ar({}),
    ARs: ar({ area: 'small' }),
    ARm: ar({ area: 'medium' }),
    ARl: ar({ area: 'large' }),
  };
}

/** COCO's ten numbers for keypoints, at 20 detections per image as pycocotools has it. */
export function summarizeKeypoints(result: CocoResult): KeypointSummary {
  const ap = (selection: Selection) => averagePrecision(result, { maxDetections: 20, ...selection });
  const ar = (selection: Selection) => averageRecall(result, { maxDetections: 20, ...selection });
  return {
    AP: ap({}),
    AP50: ap({ iou: 0.5 }),
    AP75: ap({ iou: 0.75 }),
    APm: ap({ area: 'medium' }),
    APl: ap({ area: 'large' }),
    AR: ar({}),
    AR50: ar({ iou: 0.5 }),
    AR75: ar({ iou: 0.75 }),
    ARm: ar({ area: 'medium' }),
    ARl: ar({ area: 'large' }),
  };
}

/** The summary of the result's own kind. */
export function summarize(result: CocoResult): DetectionSummary | KeypointSummary {
  return result.params.iouType === 'keypoints' ? summarizeKeypoints(result) : summarizeDetections(result);
}

/** The mean of all values above −1 among the selected, in array order [T, R, K], as numpy adds them. */
function average(result: CocoResult, values: Float64Array, R: number, selection: Selection): number {
  const { iouThresholds, areaRanges, maxDetections } = result.params;
  const K = result.categoryIds.length;
  const A = areaRanges.length;
  const M = maxDetections.length;
  const a = areaRanges.findIndex(({ label }) => label === (selection.area ?? 'all'));
  const m = maxDetections.indexOf(selection.maxDetections ?? maxDetections.at(-1)!);
  if (a < 0 || m < 0) return -1;
  const categories = [selection.category ?? Array.from({ length: K }, (_, k) => k)].flat();
  const chosen = new Float64Array(iouThresholds.length * R * categories.length);
  let n = 0;
  for (let t = 0; t < iouThresholds.length; t++) {
    if (selection.iou !== undefined && iouThresholds[t] !== selection.iou) continue;
    for (let r = 0; r < R; r++) {
      for (const k of categories) {
        const value = values[(((t * R + r) * K + k) * A + a) * M + m]!;
        if (value > -1) chosen[n++] = value;
      }
    }
  }
  return n === 0 ? -1 : pairwiseSum(chosen, 0, n) / n;
}
