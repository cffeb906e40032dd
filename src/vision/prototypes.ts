import { clamp } from './frame.ts';
import type { MaskGrids, Size } from './types.ts';

/** Masks that all objects share: channel-major channels·height·width, over the whole model input. */
export interface Prototypes extends Size {
  readonly data: Float32Array;
  readonly channels: number;
}

/**
 * Masks as linear combinations of prototypes, arXiv:1904.02689 §3.1: a cell is inside where Σₖ cₖ·prototypeₖ > 0, the
 * logit of one half. Cells that no pixel of the object's box is sampled from are left at 0.
 * @param boxes 4n, xyxy in model-input pixels.
 * @param coefficient of object i for prototype k.
 */
export function prototypeMasks(
  prototypes: Prototypes,
  boxes: Float32Array,
  input: Size,
  coefficient: (i: number, k: number) => number,
): MaskGrids {
  const { width, height, channels, data } = prototypes;
  return {
    width,
    height,
    region: 'input',
    threshold: 0,
    grid(i) {
      const [xmin, ymin, xmax, ymax] = boxes.subarray(4 * i, 4 * i + 4) as unknown as [number, number, number, number];
      const [left, right] = cellsOf(xmin, xmax, width, input.width);
      const [top, bottom] = cellsOf(ymin, ymax, height, input.height);
      const grid = new Float32Array(width * height);
      for (let k = 0; k < channels; k++) {
        const c = coefficient(i, k);
        for (let y = top; y < bottom; y++) {
          const row = y * width;
          const from = (k * height + y) * width;
          for (let x = left; x < right; x++) grid[row + x]! += c * data[from + x]!;
        }
      }
      return grid;
    },
  };
}

/** The cells between whose middles any pixel from `low` to `high` can lie, rounded outwards and one more. */
function cellsOf(low: number, high: number, cells: number, pixels: number): [number, number] {
  const scale = cells / pixels;
  return [clamp(Math.floor(low * scale) - 2, 0, cells), clamp(Math.ceil(high * scale) + 2, 0, cells)];
}
