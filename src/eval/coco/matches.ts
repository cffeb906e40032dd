import { Matcher, matchThresholds } from './match.ts';
import { plan } from './order.ts';
import { resolveParams } from './params.ts';
import { similarityOf } from './similarity.ts';
import type { CocoData, CocoOptions, CocoParams } from './types.ts';

/** What became of a detection in one area range at one IoU threshold. */
export type DetectionState = 'ignored' | 'true-positive' | 'false-positive' | 'beyond-limit';

/** Where each number of `CocoMatches.states` points; `beyond-limit` is what was never compared. */
export const DETECTION_STATES: readonly DetectionState[] = [
  'ignored',
  'true-positive',
  'false-positive',
  'beyond-limit',
];

const BEYOND_LIMIT = DETECTION_STATES.indexOf('beyond-limit');

/**
 * The single decisions behind COCO's numbers, for A area ranges, T thresholds and the n detections of the data, at
 * (a · T + t) · n + detection.
 */
export interface CocoMatches {
  readonly params: CocoParams;
  /** A·T·n: the row of the matched truth, −1 where there is none. */
  readonly truths: Int32Array;
  /** A·T·n: indices into `DETECTION_STATES`. */
  readonly states: Uint8Array;
}

/** Matches detections as `evaluateCoco` does and tells which truth each one got. @throws RangeError as `evaluateCoco`. */
export function matchCoco(data: CocoData, options: CocoOptions = {}): CocoMatches {
  const params = resolveParams(data, options);
  const order = plan(data, params);
  const { count } = data.detections;
  const T = params.iouThresholds.length;
  const layers = params.areaRanges.length * T;
  const truths = new Int32Array(layers * count).fill(-1);
  const states = new Uint8Array(layers * count).fill(BEYOND_LIMIT);
  const smallest = matchThresholds(params).reduce((a, b) => Math.min(a, b));
  const matcher = new Matcher(data, params, order, similarityOf(data, params, smallest), (a, t, d, g) => {
    truths[(a * T + t) * count + d] = g;
  });
  for (let k = 0; k < order.categoryCount; k++) {
    const { n, rows, states: found } = matcher.match(k);
    for (let layer = 0; layer < layers; layer++) {
      for (let i = 0; i < n; i++) states[layer * count + rows[i]!] = found[layer * n + i]!;
    }
  }
  return { params, truths, states };
}
