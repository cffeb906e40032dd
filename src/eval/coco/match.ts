import type { Plan } from './order.ts';
import type { Similarity } from './similarity.ts';
import type { CocoData, CocoParams } from './types.ts';

/** What a detection is in one area range at one IoU threshold, in the order of `DETECTION_STATES`. */
export const IGNORED = 0;
export const TRUE_POSITIVE = 1;
export const FALSE_POSITIVE = 2;

/** The n detections of one category that fit the largest limit, best first; equal scores by image id, then file. */
export interface CategoryMatches {
  readonly n: number;
  /** n: detection rows. */
  readonly rows: Uint32Array;
  /** n: how many detections of the same image and category come before. */
  readonly places: Int32Array;
  /** A·T·n: IGNORED, TRUE_POSITIVE or FALSE_POSITIVE. */
  readonly states: Uint8Array;
  /** A: truths that are not ignored. */
  readonly positives: Int32Array;
}

/** Told of every decision: the truth row that detection row d matched at area range a and threshold t. */
export type MatchListener = (a: number, t: number, d: number, g: number) => void;

/**
 * COCO's greedy matching, image by image: detections by descending score, each with the most alike truth that is still
 * free; of equals the last. Truths that count come before ignored ones; a crowd stays free.
 */
export class Matcher {
  readonly #data: CocoData;
  readonly #plan: Plan;
  readonly #similarity: Similarity;
  readonly #thresholds: Float64Array;
  readonly #smallest: number;
  readonly #areaRanges: CocoParams['areaRanges'];
  readonly #limit: number;
  readonly #listener: MatchListener | undefined;
  /** By detection row: place within its image, then position within its category. */
  readonly #places: Int32Array;
  readonly #positions: Int32Array;
  /** Truths similar enough to each detection of an image: `#truths[#from[i]]` up to `#from[i + 1]`. */
  #from = new Uint32Array(128);
  #truths = new Uint32Array(256);
  #similarities = new Float64Array(256);
  /** By truth within an image: the round in which it was last matched. */
  #matchedIn = new Uint32Array(128);
  #round = 0;

  constructor(data: CocoData, params: CocoParams, plan: Plan, similarity: Similarity, listener?: MatchListener) {
    this.#data = data;
    this.#plan = plan;
    this.#similarity = similarity;
    this.#thresholds = matchThresholds(params);
    this.#smallest = this.#thresholds.reduce((a, b) => Math.min(a, b));
    this.#areaRanges = params.areaRanges;
    this.#limit = params.maxDetections.at(-1)!;
    this.#listener = listener;
    this.#places = new Int32Array(data.detections.count);
    this.#positions = new Int32Array(data.detections.count);
  }

  match(category: number): CategoryMatches {
    const { truths, detections } = this.#plan;
    const { rows, places } = this.#rank(category);
    const n = rows.length;
    const states = new Uint8Array(this.#areaRanges.length * this.#thresholds.length * n);
    const positives = new Int32Array(this.#areaRanges.length);
    const truthImages = this.#data.truths.images;
    const images = this.#data.detections.images;
    const endG = truths.starts[category + 1]!;
    const endD = detections.starts[category + 1]!;
    for (let g = truths.starts[category]!, d = detections.starts[category]!; g < endG || d < endD; ) {
      const image = Math.min(
        g < endG ? truthImages[truths.rows[g]!]! : Number.POSITIVE_INFINITY,
        d < endD ? images[detections.rows[d]!]! : Number.POSITIVE_INFINITY,
      );
      const [fromG, fromD] = [g, d];
      while (g < endG && truthImages[truths.rows[g]!] === image) g++;
      while (d < endD && images[detections.rows[d]!] === image) d++;
      const found = detections.rows.subarray(fromD, Math.min(d, fromD + this.#limit));
      this.#matchImage(truths.rows.subarray(fromG, g), found, states, n, positives);
    }
    return { n, rows, places, states, positives };
  }

  /** Drops what exceeds the limit per image and numbers the rest by score. */
  #rank(category: number): { rows: Uint32Array; places: Int32Array } {
    const { detections, ranking } = this.#plan;
    const images = this.#data.detections.images;
    const start = detections.starts[category]!;
    const end = detections.starts[category + 1]!;
    let kept = 0;
    for (let i = start, image = -1, place = 0; i < end; i++) {
      const row = detections.rows[i]!;
      place = images[row] === image ? place + 1 : 0;
      image = images[row]!;
      this.#places[row] = place;
      if (place < this.#limit) kept++;
    }
    const rows = new Uint32Array(kept);
    const places = new Int32Array(kept);
    for (let i = start, position = 0; i < end; i++) {
      const row = ranking.rows[i]!;
      if (this.#places[row]! >= this.#limit) continue;
      this.#positions[row] = position;
      rows[position] = row;
      places[position++] = this.#places[row]!;
    }
    return { rows, places };
  }

  #matchImage(truths: Uint32Array, found: Uint32Array, states: Uint8Array, n: number, positives: Int32Array): void {
    this.#findCandidates(truths, found);
    const { ids, areas, crowd, ignore } = this.#data.truths;
    const { areas: foundAreas, excused } = this.#data.detections;
    const isIgnored = new Uint8Array(truths.length);
    const T = this.#thresholds.length;
    for (let a = 0; a < this.#areaRanges.length; a++) {
      const { min, max } = this.#areaRanges[a]!;
      for (let i = 0; i < truths.length; i++) {
        const g = truths[i]!;
        isIgnored[i] = ignore[g] === 1 || areas[g]! < min || areas[g]! > max ? 1 : 0;
        if (isIgnored[i] === 0) positives[a]!++;
      }
      for (let t = 0; t < T; t++) {
        this.#round++;
        const base = (a * T + t) * n;
        for (let i = 0; i < found.length; i++) {
          const d = found[i]!;
          const match = this.#from[i] === this.#from[i + 1] ? -1 : this.#choose(i, t, truths, isIgnored, crowd);
          let isMatched = false;
          let isExcused: boolean;
          if (match >= 0) {
            const g = truths[match]!;
            this.#matchedIn[match] = this.#round;
            this.#listener?.(a, t, d, g);
            // COCO stores a match as the truth's id, so that a truth of id 0 is taken but its detection unmatched.
            isMatched = ids[g] !== 0;
            isExcused = isIgnored[match] === 1;
          } else isExcused = false;
          if (!isMatched && !isExcused) isExcused = excused?.[d] === 1 || foundAreas[d]! < min || foundAreas[d]! > max;
          states[base + this.#positions[d]!] = isExcused ? IGNORED : isMatched ? TRUE_POSITIVE : FALSE_POSITIVE;
        }
      }
    }
  }

  #findCandidates(truths: Uint32Array, found: Uint32Array): void {
    this.#reserve(truths.length, found.length);
    let count = 0;
    for (let i = 0; i < found.length; i++) {
      this.#from[i] = count;
      for (let j = 0; j < truths.length; j++) {
        const similarity = this.#similarity(found[i]!, truths[j]!);
        if (!(similarity >= this.#smallest)) continue;
        this.#truths[count] = j;
        this.#similarities[count++] = similarity;
      }
    }
    this.#from[found.length] = count;
  }

  #reserve(truths: number, found: number): void {
    if (this.#from.length <= found) this.#from = new Uint32Array(2 * found);
    if (this.#matchedIn.length < truths) {
      this.#matchedIn = new Uint32Array(2 * truths);
      this.#round = 0;
    }
    if (this.#truths.length < truths * found) {
      this.#truths = new Uint32Array(2 * truths * found);
      this.#similarities = new Float64Array(2 * truths * found);
    }
  }

  /** The truth that detection i of the image matches at threshold t, −1 for none. */
  #choose(i: number, t: number, truths: Uint32Array, isIgnored: Uint8Array, crowd: Uint8Array): number {
    const end = this.#from[i + 1]!;
    for (let ignored = 0; ignored <= 1; ignored++) {
      let best = -1;
      let least = this.#thresholds[t]!;
      for (let c = this.#from[i]!; c < end; c++) {
        const j = this.#truths[c]!;
        if (isIgnored[j] !== ignored || this.#similarities[c]! < least) continue;
        if (this.#matchedIn[j] === this.#round && crowd[truths[j]!] === 0) continue;
        least = this.#similarities[c]!;
        best = j;
      }
      if (best >= 0) return best;
    }
    return -1;
  }
}

/** COCO lowers thresholds of 1 a little, so that equal boxes match in spite of rounding. */
export function matchThresholds(params: CocoParams): Float64Array {
  return Float64Array.from(params.iouThresholds, (threshold) => Math.min(threshold, 1 - 1e-10));
}
