import type { CocoData, CocoParams, Rows } from './types.ts';

/** Rows of one side sorted by category, image and, for detections, descending score. */
export interface Ordered {
  /** Row numbers; rows that are not evaluated are left out. */
  readonly rows: Uint32Array;
  /** K + 1: category k has `rows[starts[k]]` to `rows[starts[k + 1] − 1]`. */
  readonly starts: Uint32Array;
}

export interface Plan {
  readonly truths: Ordered;
  readonly detections: Ordered;
  /** The same rows as `detections`, sorted by category and descending score; equal scores by image. */
  readonly ranking: Ordered;
  readonly categoryCount: number;
}

/**
 * Sorts everything once, by counting. Sorts are stable from the order of the file, because COCO breaks every tie by
 * it: by score, then image id, then place in the file.
 */
export function plan(data: CocoData, params: CocoParams): Plan {
  const images = ranksOf(data.imageIds, params.imageIds);
  const categories = ranksOf(data.categoryIds, params.categoryIds);
  const imageCount = params.imageIds.length;
  const categoryCount = params.useCategories ? params.categoryIds.length : 1;

  const select = (rows: Rows) => {
    const image = rows.images.map((i) => images[i]!);
    const category = rows.categories.map((i) => categories[i]!);
    const chosen = Uint32Array.from(image.keys()).filter((row) => image[row]! >= 0 && category[row]! >= 0);
    if (params.useCategories) return { image, category, chosen };
    const inCategories = sortBy(chosen, category, params.categoryIds.length);
    return { image, category: category.fill(0), chosen: inCategories };
  };

  const truth = select(data.truths);
  const byImage = sortBy(truth.chosen, truth.image, imageCount);
  const truths = group(sortBy(byImage, truth.category, categoryCount), truth.category, categoryCount);

  const found = select(data.detections);
  const { ranks, distinct } = descendingRanks(data.detections.scores);
  const byScore = sortBy(found.chosen, ranks, distinct);
  const inImages = sortBy(sortBy(byScore, found.image, imageCount), found.category, categoryCount);
  const ranked = sortBy(sortBy(inImages, ranks, distinct), found.category, categoryCount);
  return {
    truths,
    detections: group(inImages, found.category, categoryCount),
    ranking: group(ranked, found.category, categoryCount),
    categoryCount,
  };
}

/** For each of `ids` its place in `chosen`, −1 where it has none. */
function ranksOf(ids: Float64Array, chosen: readonly number[]): Int32Array {
  const places = new Map(chosen.map((id, place) => [id, place]));
  return Int32Array.from(ids, (id) => places.get(id) ?? -1);
}

/** A stable counting sort of row numbers by `keys[row]`, which lie in [0, buckets). */
function sortBy(rows: Uint32Array, keys: Int32Array, buckets: number): Uint32Array {
  const next = new Uint32Array(buckets + 1);
  for (let i = 0; i < rows.length; i++) next[keys[rows[i]!]! + 1]!++;
  for (let b = 0; b < buckets; b++) next[b + 1]! += next[b]!;
  const sorted = new Uint32Array(rows.length);
  for (let i = 0; i < rows.length; i++) {
    const row = rows[i]!;
    sorted[next[keys[row]!]!++] = row;
  }
  return sorted;
}

function group(rows: Uint32Array, categories: Int32Array, categoryCount: number): Ordered {
  const starts = new Uint32Array(categoryCount + 1);
  for (let i = 0; i < rows.length; i++) starts[categories[rows[i]!]! + 1]!++;
  for (let k = 0; k < categoryCount; k++) starts[k + 1]! += starts[k]!;
  return { rows, starts };
}

/** For each score the number of different higher scores. */
function descendingRanks(scores: Float64Array): { ranks: Int32Array; distinct: number } {
  const sorted = scores.slice().sort();
  let distinct = 0;
  for (let i = 0; i < sorted.length; i++) {
    if (i === 0 || sorted[i] !== sorted[i - 1]) sorted[distinct++] = sorted[i]!;
  }
  const ranks = new Int32Array(scores.length);
  for (let i = 0; i < scores.length; i++) {
    const score = scores[i]!;
    let low = 0;
    let high = distinct - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (sorted[middle]! < score) low = middle + 1;
      else high = middle;
    }
    ranks[i] = distinct - 1 - low;
  }
  return { ranks, distinct };
}
