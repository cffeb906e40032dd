import { evaluateCoco } from '../coco/evaluate.ts';
import { averagePrecision, averageRecall } from '../coco/summarize.ts';
import type { AreaRange, CocoData, CocoOptions } from '../coco/types.ts';

export interface SizeScore extends AreaRange {
  /** −1 where no object is of this size. */
  readonly ap: number;
  readonly ar: number;
  /** Objects of this size that count. */
  readonly truths: number;
}

/**
 * AP by size of object, for bins between `edges` in square pixels, with one below the first and one above the last;
 * `[32 ** 2, 96 ** 2]` are COCO's small, medium and large. As there, an object exactly on an edge is in both bins.
 * @throws RangeError for edges that do not ascend from above 0, and as `evaluateCoco`.
 */
export function scoreBySize(
  data: CocoData,
  edges: readonly number[],
  options: Omit<CocoOptions, 'areaRanges'> = {},
): readonly SizeScore[] {
  if (edges.length === 0 || !edges.every((edge, i) => Number.isFinite(edge) && edge > (edges[i - 1] ?? 0))) {
    throw new RangeError(`edges of areas must ascend from above 0: ${edges}`);
  }
  const bounds = [0, ...edges, Infinity];
  const areaRanges = edges
    .concat(Infinity)
    .map((max, i): AreaRange => ({ label: label(bounds[i]!, max), min: bounds[i]!, max }));
  const result = evaluateCoco(data, { ...options, areaRanges });
  const { truths } = data;
  const images = new Set(result.params.imageIds);
  const categories = new Set(result.params.categoryIds);
  return areaRanges.map((range) => {
    let count = 0;
    for (let g = 0; g < truths.count; g++) {
      const isEvaluated =
        images.has(data.imageIds[truths.images[g]!]!) && categories.has(data.categoryIds[truths.categories[g]!]!);
      const area = truths.areas[g]!;
      if (isEvaluated && truths.ignore[g] === 0 && area >= range.min && area <= range.max) count++;
    }
    const selection = { area: range.label };
    return { ...range, ap: averagePrecision(result, selection), ar: averageRecall(result, selection), truths: count };
  });
}

/** As the side of a square, which is easier to picture: `32²–96²`. */
function label(min: number, max: number): string {
  const side = (area: number) => `${Number(Math.sqrt(area).toFixed(1))}²`;
  if (min === 0) return `up to ${side(max)}`;
  return max === Infinity ? `from ${side(min)}` : `${side(min)}–${side(max)}`;
}
