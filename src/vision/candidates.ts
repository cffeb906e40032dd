import { boxIou } from './boxes.ts';
import type { Detections, Limits } from './types.ts';

/** Ultralytics' max_nms: past this many candidates the lowest scores are dropped before suppression. */
const MAX_CANDIDATES = 30_000;

/** No box lies past this: float32, in which boxes are kept, tells pixels apart no further. */
const FARTHEST = 2 ** 24;

/**
 * Collects what a decoder proposes, in model-input pixels. Proposals that the caller did not ask for (score, class) and
 * those that are not numbers are dropped on arrival.
 */
export class Candidates {
  readonly #limits: Limits;
  #boxes = new Float32Array(4 * 256);
  #scores = new Float32Array(256);
  #classIds = new Int32Array(256);
  /** The decoder's own index of each candidate, e.g. its anchor: finds masks and keypoints again. */
  #sources = new Int32Array(256);
  #count = 0;

  constructor(limits: Limits) {
    this.#limits = limits;
  }

  /** Whether a score is worth computing a box for. False for NaN. */
  wants(score: number): boolean {
    return score >= this.#limits.scoreThreshold;
  }

  add(xmin: number, ymin: number, xmax: number, ymax: number, score: number, classId: number, source = -1): void {
    if (!this.wants(score)) return;
    // As they are kept: a box may have an extent in doubles and none in float32.
    if (!(Math.fround(xmax) > Math.fround(xmin) && Math.fround(ymax) > Math.fround(ymin))) return;
    if (!(Math.min(xmin, ymin) > -FARTHEST && Math.max(xmax, ymax) < FARTHEST)) return;
    if (this.#limits.classes && !this.#limits.classes.has(classId)) return;
    const i = this.#count++;
    if (i === this.#scores.length) this.#grow();
    this.#boxes[4 * i] = xmin;
    this.#boxes[4 * i + 1] = ymin;
    this.#boxes[4 * i + 2] = xmax;
    this.#boxes[4 * i + 3] = ymax;
    // Sigmoids in float16 and int8 graphs can overshoot a little.
    this.#scores[i] = Math.min(score, 1);
    this.#classIds[i] = classId;
    this.#sources[i] = source;
  }

  /** The best `maxDetections` as they are, for graphs that suppress duplicates themselves. */
  top(): Selection {
    return this.#select(this.#order().subarray(0, this.#limits.maxDetections));
  }

  /** As many as suppression would look at, for rules of suppression that are not made for upright boxes. */
  sorted(): Selection {
    return this.#select(this.#order().subarray(0, MAX_CANDIDATES));
  }

  /**
   * Greedy non-maximum suppression within each class, or across all with `classAgnostic`. Ties keep the order in which
   * the candidates were added, so that the result does not depend on the sort.
   */
  suppress(): Selection {
    const order = this.#order().subarray(0, MAX_CANDIDATES);
    const kept = new Int32Array(Math.min(order.length, this.#limits.maxDetections));
    let n = 0;
    for (const i of order) {
      if (n === kept.length) break;
      if (!this.#isCovered(i, kept, n)) kept[n++] = i;
    }
    return this.#select(kept.subarray(0, n));
  }

  #isCovered(i: number, kept: Int32Array, n: number): boolean {
    for (let k = 0; k < n; k++) {
      const j = kept[k]!;
      if (!this.#limits.classAgnostic && this.#classIds[i] !== this.#classIds[j]) continue;
      if (boxIou(this.#boxes, i, this.#boxes, j) > this.#limits.iouThreshold) return true;
    }
    return false;
  }

  #order(): Int32Array {
    const order = Int32Array.from({ length: this.#count }, (_, i) => i);
    return order.sort((a, b) => this.#scores[b]! - this.#scores[a]! || a - b);
  }

  #select(order: Int32Array): Selection {
    const boxes = new Float32Array(4 * order.length);
    order.forEach((i, k) => {
      boxes.set(this.#boxes.subarray(4 * i, 4 * i + 4), 4 * k);
    });
    return {
      boxes,
      scores: Float32Array.from(order, (i) => this.#scores[i]!),
      classIds: order.map((i) => this.#classIds[i]!),
      sources: order.map((i) => this.#sources[i]!),
    };
  }

  #grow(): void {
    const capacity = this.#scores.length * 2;
    const larger = <A extends Float32Array | Int32Array>(old: A, fresh: A): A => {
      fresh.set(old);
      return fresh;
    };
    this.#boxes = larger(this.#boxes, new Float32Array(4 * capacity));
    this.#scores = larger(this.#scores, new Float32Array(capacity));
    this.#classIds = larger(this.#classIds, new Int32Array(capacity));
    this.#sources = larger(this.#sources, new Int32Array(capacity));
  }
}

/** Detections together with the index that the decoder gave each. */
export interface Selection extends Detections {
  readonly sources: Int32Array;
}
