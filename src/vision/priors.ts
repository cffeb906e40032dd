import { pyramidLevels } from './levels.ts';
import type { Size } from './types.ts';

/** The square priors of one level, `sizes` in input pixels for each cell. */
export interface PriorLevel {
  readonly stride: number;
  readonly sizes: readonly number[];
}

/**
 * Square priors around the middle of every cell: level by level, row by row, cell by cell, size by size. Priors larger
 * than the input are cut to it, as SSD's `clip` does.
 * @returns 4n: centre x, centre y, width, height in input pixels.
 */
export function squarePriors(input: Size, levels: readonly PriorLevel[]): Float32Array {
  const maps = pyramidLevels(
    input,
    levels.map((level) => level.stride),
  );
  const priors = new Float32Array(4 * countPriors(input, levels));
  let at = 0;
  levels.forEach(({ stride, sizes }, k) => {
    const { width, height } = maps[k]!;
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        for (const size of sizes) {
          priors[at++] = Math.min((x + 0.5) * stride, input.width);
          priors[at++] = Math.min((y + 0.5) * stride, input.height);
          priors[at++] = Math.min(size, input.width);
          priors[at++] = Math.min(size, input.height);
        }
      }
    }
  });
  return priors;
}

/** How many priors `squarePriors` makes. */
export function countPriors(input: Size, levels: readonly PriorLevel[]): number {
  const maps = pyramidLevels(
    input,
    levels.map((level) => level.stride),
  );
  return levels.reduce((sum, { sizes }, k) => sum + maps[k]!.width * maps[k]!.height * sizes.length, 0);
}

/**
 * The box that SSD's offsets t mean relative to prior i, arXiv:1512.02325 §2.2: centre = prior centre + t·v·size, size =
 * prior size·e^(t·v), with the variances v of the centre and of the size.
 * @param result takes xmin, ymin, xmax, ymax in the priors' units.
 */
export function decodeDelta(
  priors: Float32Array,
  deltas: Float32Array,
  i: number,
  centerVariance: number,
  sizeVariance: number,
  result: Float64Array,
): void {
  const at = 4 * i;
  for (let axis = 0; axis < 2; axis++) {
    const size = priors[at + 2 + axis]!;
    const center = priors[at + axis]! + deltas[at + axis]! * centerVariance * size;
    const half = (size * Math.exp(deltas[at + 2 + axis]! * sizeVariance)) / 2;
    result[axis] = center - half;
    result[2 + axis] = center + half;
  }
}
