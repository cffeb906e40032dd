import type { Similarity } from '../coco/similarity.ts';
import type { CocoData } from '../coco/types.ts';

/** Why a detection is wrong, or an object missed. */
export type ErrorKind = 'classification' | 'localization' | 'both' | 'duplicate' | 'background' | 'missed';

export const ERROR_KINDS: readonly ErrorKind[] = [
  'classification',
  'localization',
  'both',
  'duplicate',
  'background',
  'missed',
];

/** One wrong detection. */
export interface DetectionError {
  readonly kind: ErrorKind;
  readonly detection: number;
  /** Row of the object that the detection would be right about, were this its only error; −1 where that is taken. */
  readonly truth: number;
  /** Whether the detection lies in an ignored region, so that it costs nothing as it is. */
  readonly ignored: boolean;
}

/** Everything that is known about one image, or after all of them about the data. */
export interface ErrorLog {
  readonly errors: DetectionError[];
  /** Rows of all detections within the limit, by image and descending score. */
  readonly ranked: number[];
  /** By detection row: 1 where it is right. */
  readonly isCorrect: Uint8Array;
  /** By truth row: 1 where a detection matched. */
  readonly isFound: Uint8Array;
  /** By truth row: the best-scored detection that would find it with one error corrected, −1 for none. */
  readonly rescuers: Int32Array;
}

export interface ErrorThresholds {
  readonly foreground: number;
  readonly background: number;
}

/**
 * Sorts the detections of one image, best first, into right ones and kinds of errors, by the rules of TIDE (Bolya et
 * al., ECCV 2020): each takes the most similar object of its class that is still free (of equals the first).
 */
export function logImage(
  log: ErrorLog,
  data: CocoData,
  similarity: Similarity,
  thresholds: ErrorThresholds,
  found: readonly number[],
  truths: readonly number[],
  regions: readonly number[],
): void {
  const { scores, categories } = data.detections;
  const classOf = data.truths.categories;
  const free = new Set(truths);
  log.ranked.push(...found);
  const wrong = found.filter((d) => {
    const match = mostAlike(
      similarity,
      d,
      [...free].filter((g) => classOf[g] === categories[d]),
      thresholds.foreground,
    );
    if (match < 0) return true;
    free.delete(match);
    log.isFound[match] = 1;
    log.isCorrect[d] = 1;
    return false;
  });
  for (const d of wrong) {
    const ignored = regions.some((g) => classOf[g] === categories[d] && similarity(d, g) > thresholds.foreground);
    const { kind, truth } = explain(d);
    const rescued = truth >= 0 && log.isFound[truth] === 0 ? truth : -1;
    log.errors.push({ kind, detection: d, truth: rescued, ignored });
    if (rescued < 0) continue;
    const rival = log.rescuers[rescued]!;
    if (rival < 0 || scores[rival]! < scores[d]!) log.rescuers[rescued] = d;
  }

  function explain(d: number): { kind: ErrorKind; truth: number } {
    const own = truths.filter((g) => classOf[g] === categories[d]);
    const others = truths.filter((g) => classOf[g] !== categories[d]);
    const near = mostAlike(similarity, d, own, thresholds.background);
    if (near >= 0 && similarity(d, near) <= thresholds.foreground) return { kind: 'localization', truth: near };
    const confused = mostAlike(similarity, d, others, thresholds.foreground);
    if (confused >= 0) return { kind: 'classification', truth: confused };
    if (near >= 0) return { kind: 'duplicate', truth: -1 };
    const touched = truths.some((g) => similarity(d, g) > thresholds.background);
    return { kind: touched ? 'both' : 'background', truth: -1 };
  }
}

/** The truth most similar to d, at least by `least`; of equals the first. −1 for none. */
function mostAlike(similarity: Similarity, d: number, truths: readonly number[], least: number): number {
  let best = -1;
  let most = least;
  for (const g of truths) {
    const alike = similarity(d, g);
    if (best < 0 ? alike >= most : alike > most) [best, most] = [g, alike];
  }
  return best;
}
