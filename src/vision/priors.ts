import { pyramidLevels } from './levels.ts';
import type { Size } from './types.ts';

/** The priors of one level: for each cell a square of every size, then upright and flat boxes of the first size's area. */
export interface PriorLevel {
  readonly stride: number;
  /** In input pixels. */
  readonly sizes: readonly number[];
  /** Each r gives two boxes: √r times as wide and 1/√r as high as the first size, then the other way round. */
  readonly ratios?: readonly number[] | undefined;
  /** Whether the cells divide the input evenly, even where it is no multiple of the stride. */
  readonly even?: boolean | undefined;
}

/**
 * Priors around the middle of every cell: level by level, row by row, cell by cell, shape by shape. Priors larger than the
 * input are cut to it, as SSD's `clip` does.
 * @returns 4n: centre x, centre y, width, height in input pixels.
 */
export function priorBoxes(input: Size, levels: readonly PriorLevel[]): Float32Array {
  const maps = levelMaps(input, levels);
  const priors = new Float32Array(4 * countPriors(input, levels));
  let at = 0;
  levels.forEach((level, k) => {
    const { width, height } = maps[k]!;
    const shapes = shapesOf(level);
    const stepX = level.even ? input.width / width : level.stride;
    const stepY = level.even ? input.height / height : level.stride;
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        for (const shape of shapes) {
          priors[at++] = Math.min((x + 0.5) * stepX, input.width);
          priors[at++] = Math.min((y + 0.5) * stepY, input.height);
          priors[at++] = Math.min(shape.width, input.width);
          priors[at++] = Math.min(shape.height, input.height);
        }
      }
    }
  });
  return priors;
}

/** How many priors `priorBoxes` makes. */
export function countPriors(input: Size, levels: readonly PriorLevel[]): number {
  const maps = levelMaps(input, levels);
  return levels.reduce((sum, level, k) => sum + maps[k]!.width * maps[k]!.height * shapesOf(level).length, 0);
}

function shapesOf({ sizes, ratios = [] }: PriorLevel): Size[] {
  const [size = 0] = sizes;
  const stretched = ratios.flatMap((ratio) => {
    const [long, short] = [size * Math.sqrt(ratio), size / Math.sqrt(ratio)];
    return [
      { width: long, height: short },
      { width: short, height: long },
    ];
  });
  return [...sizes.map((side) => ({ width: side, height: side })), ...stretched];
}

function levelMaps(input: Size, levels: readonly PriorLevel[]) {
  return pyramidLevels(
    input,
    levels.map(({ stride }) => stride),
  );
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
