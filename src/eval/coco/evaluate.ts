import { fillCurves } from './curves.ts';
import { Matcher, matchThresholds } from './match.ts';
import { type Plan, plan } from './order.ts';
import { resolveParams } from './params.ts';
import { similarityOf } from './similarity.ts';
import type { CocoData, CocoOptions, CocoParams, CocoResult } from './types.ts';

/**
 * COCO's evaluation of boxes, masks, boundaries or keypoints: precision and recall as pycocotools computes them,
 * including what it does with crowds, ignored truths, ties and detections out of an area range.
 * @throws RangeError for options that cannot be evaluated or data loaded without what they compare.
 */
export function evaluateCoco(data: CocoData, options: CocoOptions = {}): CocoResult {
  const params = resolveParams(data, options);
  const order = plan(data, params);
  const result = emptyResult(params, order);
  const smallest = matchThresholds(params).reduce((a, b) => Math.min(a, b));
  const matcher = new Matcher(data, params, order, similarityOf(data, params, smallest));
  // Categories have nothing in common: each fills its own part of the arrays.
  for (let k = 0; k < order.categoryCount; k++) {
    const matches = matcher.match(k);
    result.truthCounts[k] = matches.positives[0]!;
    fillCurves(result, k, matches, data.detections.scores);
  }
  return result;
}

function emptyResult(params: CocoParams, { truths, detections, categoryCount: K }: Plan): CocoResult {
  const cells = params.iouThresholds.length * K * params.areaRanges.length * params.maxDetections.length;
  const sizes = (starts: Uint32Array) => Int32Array.from({ length: K }, (_, k) => starts[k + 1]! - starts[k]!);
  return {
    params,
    categoryIds: params.useCategories ? params.categoryIds : [-1],
    precision: new Float64Array(cells * params.recallThresholds.length).fill(-1),
    scores: new Float64Array(cells * params.recallThresholds.length).fill(-1),
    recall: new Float64Array(cells).fill(-1),
    truthCounts: sizes(truths.starts),
    detectionCounts: sizes(detections.starts),
  };
}
