import { expect } from 'vitest';
import { evaluateCoco } from '../../../src/eval/coco/evaluate.ts';
import { loadCoco } from '../../../src/eval/coco/load.ts';
import { averagePrecision, averageRecall, summarize } from '../../../src/eval/coco/summarize.ts';
import type { CocoOptions, CocoResult, IouType } from '../../../src/eval/coco/types.ts';

/** Everything must equal pycocotools this closely. */
export const TOLERANCE = 1e-12;

export interface Params {
  iouThrs?: number[];
  recThrs?: number[];
  maxDets?: number[];
  useCats?: number;
  imgIds?: number[];
  catIds?: number[];
  kpt_oks_sigmas?: number[];
}

export interface Expected {
  stats: number[];
  catIds?: number[];
  AP_per_class?: Record<string, number[]>;
  AR_per_class?: Record<string, number[]>;
  AP50_per_class?: number[];
  AP_per_iou_per_class_area_all?: number[][];
  AP_per_iou_all?: number[][];
  AP_per_class_all?: number[];
  precision?: unknown[];
  recall?: unknown[];
  scores?: unknown[];
}

export interface Case {
  name: string;
  iouType: IouType;
  params: Params;
  gt: unknown;
  dt: unknown;
  expected: Expected;
}

export function optionsOf(iouType: IouType, params: Params): CocoOptions {
  return {
    iouType,
    ...(params.iouThrs && { iouThresholds: params.iouThrs }),
    ...(params.recThrs && { recallThresholds: params.recThrs }),
    ...(params.maxDets && { maxDetections: params.maxDets }),
    ...(params.useCats !== undefined && { useCategories: params.useCats === 1 }),
    ...(params.imgIds && { imageIds: params.imgIds }),
    ...(params.catIds && { categoryIds: params.catIds }),
    ...(params.kpt_oks_sigmas && { sigmas: params.kpt_oks_sigmas }),
  };
}

/** The largest difference between two nested lists of numbers. */
export function difference(actual: Iterable<number>, expected: unknown[]): number {
  const flat = expected.flat(Number.POSITIVE_INFINITY) as number[];
  const list = [...actual];
  expect(list.length).toBe(flat.length);
  return list.reduce((most, value, i) => Math.max(most, Math.abs(value - flat[i]!)), 0);
}

export function compare(result: CocoResult, expected: Expected, what: string): void {
  const near = (actual: Iterable<number>, wanted: unknown[], part: string) =>
    expect(difference(actual, wanted), `${part} of ${what}`).toBeLessThanOrEqual(TOLERANCE);
  const categories = [...result.categoryIds.keys()];

  near(Object.values(summarize(result)), expected.stats, 'stats');
  if (expected.catIds) expect(result.categoryIds).toEqual(expected.catIds);
  for (const [area, values] of Object.entries(expected.AP_per_class ?? {})) {
    near(
      categories.map((category) => averagePrecision(result, { area, category })),
      values,
      `AP ${area}`,
    );
  }
  for (const [area, values] of Object.entries(expected.AR_per_class ?? {})) {
    near(
      categories.map((category) => averageRecall(result, { area, category })),
      values,
      `AR ${area}`,
    );
  }
  const perIou = expected.AP_per_iou_per_class_area_all ?? expected.AP_per_iou_all;
  perIou?.forEach((values, t) => {
    const iou = result.params.iouThresholds[t]!;
    near(
      categories.map((category) => averagePrecision(result, { iou, category })),
      values,
      `AP at ${iou}`,
    );
  });
  if (expected.AP_per_class_all) {
    near(
      categories.map((category) => averagePrecision(result, { category })),
      expected.AP_per_class_all,
      'AP',
    );
  }
  if (expected.precision) near(result.precision, expected.precision, 'precision');
  if (expected.recall) near(result.recall, expected.recall, 'recall');
  if (expected.scores) near(result.scores, expected.scores, 'scores');
}

export function check(
  gt: unknown,
  dt: unknown,
  iouType: IouType,
  params: Params,
  expected: Expected,
  what: string,
): void {
  compare(evaluateCoco(loadCoco(gt, dt, { iouType }), optionsOf(iouType, params)), expected, what);
}
