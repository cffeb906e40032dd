import { AppError } from '../errors.ts';
import type { CocoData, CocoOptions } from '../eval/coco/types.ts';

/** The answer has so many numbers for every class; beyond this, it would not fit into memory. */
const MAX_CELLS = 2 ** 26;

type Classes = Pick<CocoOptions, 'useCategories' | 'categoryIds'>;

/** @throws AppError payload_too_large for more classes than can be scored with these options. */
export function checkSize(data: CocoData, options: CocoOptions): void {
  const { iouThresholds, areaRanges, maxDetections } = options;
  const perClass = 101 * (iouThresholds?.length ?? 10) * (areaRanges?.length ?? 4) * (maxDetections?.length ?? 3);
  refuseAbove(data, options, perClass);
}

/** @throws AppError payload_too_large for more classes than can be resampled so often. */
export function checkResamples(data: CocoData, options: Classes, resamples: number): void {
  refuseAbove(data, options, resamples);
}

function refuseAbove(data: CocoData, { useCategories, categoryIds }: Classes, perClass: number): void {
  const classes = useCategories === false ? 1 : (categoryIds ?? data.categoryIds).length;
  if (classes * perClass <= MAX_CELLS) return;
  const limit = Math.floor(MAX_CELLS / perClass);
  throw new AppError('payload_too_large', `${classes} categories; with these options at most ${limit} can be scored`);
}
