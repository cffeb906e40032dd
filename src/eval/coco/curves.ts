import { type CategoryMatches, FALSE_POSITIVE, TRUE_POSITIVE } from './match.ts';
import type { CocoResult } from './types.ts';

/** numpy's spacing(1), which COCO adds to the number of detections. */
const EPSILON = 2 ** -52;

/** Writes category k's precision, recall and scores into `result`, whose arrays start as −1. */
export function fillCurves(result: CocoResult, k: number, matches: CategoryMatches, scores: Float64Array): void {
  const { params } = result;
  const M = params.maxDetections.length;
  const A = params.areaRanges.length;
  const T = params.iouThresholds.length;
  const K = result.categoryIds.length;
  const R = params.recallThresholds.length;
  const curve = new Curve(matches.n);
  for (let m = 0; m < M; m++) {
    const chosen = within(matches, params.maxDetections[m]!);
    for (let a = 0; a < A; a++) {
      const positives = matches.positives[a]!;
      if (positives === 0) continue;
      for (let t = 0; t < T; t++) {
        const states = matches.states.subarray((a * T + t) * matches.n, (a * T + t + 1) * matches.n);
        curve.trace(states, chosen);
        result.recall[((t * K + k) * A + a) * M + m] = curve.truePositives / positives;
        for (let r = 0, reached = 0; r < R; r++) {
          const threshold = params.recallThresholds[r]!;
          while (reached < curve.truePositives && (reached + 1) / positives < threshold) reached++;
          const at = (((t * R + r) * K + k) * A + a) * M + m;
          const isReached = reached < curve.truePositives;
          result.precision[at] = isReached ? curve.precision[reached]! : 0;
          // Recall 0 is reached by the very first detection, whatever it is.
          const first = threshold <= 0 ? chosen[0] : isReached ? curve.positions[reached] : undefined;
          result.scores[at] = first === undefined ? 0 : scores[matches.rows[first]!]!;
        }
      }
    }
  }
}

/** Positions of the detections that are among the best `limit` of their image. */
function within({ n, places }: CategoryMatches, limit: number): Uint32Array {
  const chosen = new Uint32Array(n);
  let count = 0;
  for (let i = 0; i < n; i++) if (places[i]! < limit) chosen[count++] = i;
  return chosen.subarray(0, count);
}

/** Precision at each true positive; between two of them it only falls, and no recall is reached. */
class Curve {
  truePositives = 0;
  readonly precision: Float64Array;
  readonly positions: Uint32Array;

  constructor(capacity: number) {
    this.precision = new Float64Array(capacity);
    this.positions = new Uint32Array(capacity);
  }

  trace(states: Uint8Array, chosen: Uint32Array): void {
    const { precision, positions } = this;
    let hits = 0;
    let misses = 0;
    for (let i = 0; i < chosen.length; i++) {
      const state = states[chosen[i]!]!;
      if (state === TRUE_POSITIVE) {
        positions[hits] = chosen[i]!;
        precision[hits] = (hits + 1) / (misses + hits + 1 + EPSILON);
        hits++;
      } else if (state === FALSE_POSITIVE) misses++;
    }
    for (let i = hits - 2; i >= 0; i--) if (precision[i]! < precision[i + 1]!) precision[i] = precision[i + 1]!;
    this.truePositives = hits;
  }
}
