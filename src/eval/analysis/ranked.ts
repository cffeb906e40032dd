import { type CategoryMatches, Matcher, matchThresholds } from '../coco/match.ts';
import { plan } from '../coco/order.ts';
import { resolveParams } from '../coco/params.ts';
import { type Similarity, similarityOf } from '../coco/similarity.ts';
import type { AreaRange, CocoData, CocoOptions, CocoParams } from '../coco/types.ts';

/** What an analysis compares. Objects of any size count, as in COCO's area range `all`. */
export interface AnalysisOptions
  extends Omit<CocoOptions, 'areaRanges' | 'maxDetections' | 'recallThresholds' | 'iouThresholds'> {
  /** How many detections per image and category count. Default 100, for keypoints 20. */
  readonly maxDetections?: number;
}

/** Options of analyses of single decisions. */
export interface DecisionOptions extends AnalysisOptions {
  /** Default 0.5. */
  readonly iouThreshold?: number;
}

/** COCO's matching for K categories and T thresholds, with everything that an analysis asks about it. */
export interface Ranked {
  readonly params: CocoParams;
  /** K, −1 without `useCategories`. */
  readonly categoryIds: readonly number[];
  /** K. */
  readonly names: readonly string[];
  /** K: each category's detections, best first, and what they are at each threshold. */
  readonly categories: readonly CategoryMatches[];
  /** T·n: the row of the truth that each of the n detections of the data matched, −1 for none. */
  readonly truths: Int32Array;
  /** Rows of the evaluated truths that are not ignored. */
  readonly counted: Uint32Array;
  readonly similarity: Similarity;
}

const ALL: AreaRange = { label: 'all', min: 0, max: 1e10 };

/** Matches as `evaluateCoco` does. @throws RangeError as `evaluateCoco`. */
export function rankMatches(
  data: CocoData,
  { maxDetections, ...options }: AnalysisOptions,
  iouThresholds?: readonly number[],
): Ranked {
  const params = resolveParams(data, {
    ...options,
    ...(iouThresholds && { iouThresholds }),
    maxDetections: [maxDetections ?? (options.iouType === 'keypoints' ? 20 : 100)],
    areaRanges: [ALL],
  });
  const order = plan(data, params);
  const smallest = matchThresholds(params).reduce((a, b) => Math.min(a, b));
  const similarity = similarityOf(data, params, smallest);
  const n = data.detections.count;
  const truths = new Int32Array(params.iouThresholds.length * n).fill(-1);
  const matcher = new Matcher(data, params, order, similarity, (_, t, d, g) => {
    truths[t * n + d] = g;
  });
  const names = new Map(Array.from(data.categoryIds, (id, i) => [id, data.categoryNames[i]!]));
  const { ignore, areas } = data.truths;
  return {
    params,
    categoryIds: params.useCategories ? params.categoryIds : [-1],
    names: params.useCategories ? params.categoryIds.map((id) => names.get(id) ?? String(id)) : ['any category'],
    categories: Array.from({ length: order.categoryCount }, (_, k) => matcher.match(k)),
    truths,
    counted: order.truths.rows.filter((g) => ignore[g] === 0 && areas[g]! >= ALL.min && areas[g]! <= ALL.max),
    similarity,
  };
}

/** `rankMatches` at one threshold, 0.5 unless the options say otherwise. */
export function rankDecisions(data: CocoData, { iouThreshold = 0.5, ...options }: DecisionOptions): Ranked {
  return rankMatches(data, options, [iouThreshold]);
}

/** For each of `ids` its place in `chosen`, −1 where it has none. */
export function placesIn(ids: Float64Array, chosen: readonly number[]): Int32Array {
  const places = new Map(chosen.map((id, place) => [id, place]));
  return Int32Array.from(ids, (id) => places.get(id) ?? -1);
}

/** Row numbers of each image, in order. */
export function groupByImage(rows: Iterable<number>, images: Int32Array): Map<number, number[]> {
  const groups = new Map<number, number[]>();
  for (const row of rows) {
    const group = groups.get(images[row]!);
    if (group) group.push(row);
    else groups.set(images[row]!, [row]);
  }
  return groups;
}
