import type { Size } from './types.ts';

/** One feature map of a pyramid: `width`·`height` cells of `stride` input pixels each. */
export interface Level {
  readonly stride: number;
  readonly width: number;
  readonly height: number;
  /** The index of its first cell where all levels are concatenated. */
  readonly start: number;
}

/** The feature maps that an input of this size has at each stride, sides rounded up as padded convolutions do. */
export function pyramidLevels(input: Size, strides: readonly number[]): Level[] {
  let start = 0;
  return strides.map((stride) => {
    const width = Math.ceil(input.width / stride);
    const height = Math.ceil(input.height / stride);
    const level = { stride, width, height, start };
    start += width * height;
    return level;
  });
}

/** The number of cells of all levels together. */
export function countCells(levels: readonly Level[]): number {
  return levels.reduce((sum, level) => sum + level.width * level.height, 0);
}
