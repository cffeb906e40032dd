import { FALSE_POSITIVE, IGNORED, TRUE_POSITIVE } from '../coco/match.ts';
import type { CocoData } from '../coco/types.ts';
import { type DecisionOptions, type Ranked, rankDecisions } from './ranked.ts';

/** What is found and what is right when detections below `score` are left out. */
export interface OperatingPoint {
  /** Detections of this score still count. */
  readonly score: number;
  readonly precision: number;
  readonly recall: number;
  /** 2 · precision · recall / (precision + recall). */
  readonly f1: number;
}

/** n points by descending score, one for every different score. */
export interface PrecisionRecallCurve {
  readonly scores: Float64Array;
  readonly precision: Float64Array;
  readonly recall: Float64Array;
  /** Truths that count. */
  readonly truths: number;
  /** Detections that count. */
  readonly detections: number;
  /** Where F1 is highest; of equals the highest score. Absent where nothing that was found is right. */
  readonly best?: OperatingPoint;
}

export interface ClassCurve extends PrecisionRecallCurve {
  readonly categoryId: number;
  readonly name: string;
}

export interface PrecisionRecallCurves {
  readonly iouThreshold: number;
  readonly classes: readonly ClassCurve[];
  /** All detections of all classes in one ranking: one threshold for everything. */
  readonly overall: PrecisionRecallCurve;
}

/**
 * Precision and recall at every score, with COCO's matching at one IoU threshold. Precision is as measured, without
 * the right-to-left maximum that AP takes: it is what a user of that score threshold gets.
 * @throws RangeError as `evaluateCoco`.
 */
export function precisionRecallCurves(data: CocoData, options: DecisionOptions = {}): PrecisionRecallCurves {
  return curvesOf(data, rankDecisions(data, options));
}

export function curvesOf(data: CocoData, { params, categoryIds, names, categories }: Ranked): PrecisionRecallCurves {
  const { scores } = data.detections;
  const perClass = categories.map(({ rows, states, positives }) => ({
    scores: Float64Array.from(rows, (row) => scores[row]!),
    states: states.subarray(0, rows.length),
    positives: positives[0]!,
  }));
  return {
    iouThreshold: params.iouThresholds[0]!,
    classes: perClass.map(({ scores, states, positives }, k) => ({
      categoryId: categoryIds[k]!,
      name: names[k]!,
      ...trace(scores, states, positives),
    })),
    overall: pool(perClass),
  };
}

/** Scores descending, states at the first threshold. */
function trace(scores: Float64Array, states: Uint8Array, positives: number): PrecisionRecallCurve {
  const n = scores.length;
  const points = { scores: new Float64Array(n), precision: new Float64Array(n), recall: new Float64Array(n) };
  let [length, hits, misses] = [0, 0, 0];
  let best: OperatingPoint | undefined;
  for (let i = 0; i < n; i++) {
    if (states[i] === IGNORED) continue;
    if (states[i] === TRUE_POSITIVE) hits++;
    else if (states[i] === FALSE_POSITIVE) misses++;
    const score = scores[i]!;
    // Detections of one score pass a threshold together: the last of them decides.
    if (length > 0 && points.scores[length - 1] === score) length--;
    const precision = hits / (hits + misses);
    const recall = positives === 0 ? 0 : hits / positives;
    points.scores[length] = score;
    points.precision[length] = precision;
    points.recall[length++] = recall;
  }
  for (let i = 0; i < length; i++) {
    const [precision, recall] = [points.precision[i]!, points.recall[i]!];
    const f1 = recall === 0 ? 0 : (2 * precision * recall) / (precision + recall);
    if (f1 > (best?.f1 ?? 0)) best = { score: points.scores[i]!, precision, recall, f1 };
  }
  return {
    scores: points.scores.subarray(0, length),
    precision: points.precision.subarray(0, length),
    recall: points.recall.subarray(0, length),
    truths: positives,
    detections: hits + misses,
    ...(best && { best }),
  };
}

function pool(
  classes: readonly { scores: Float64Array; states: Uint8Array; positives: number }[],
): PrecisionRecallCurve {
  const scores = Float64Array.from(classes.flatMap(({ scores }) => Array.from(scores)));
  const states = Uint8Array.from(classes.flatMap(({ states }) => Array.from(states)));
  const order = Uint32Array.from(scores.keys()).sort((a, b) => scores[b]! - scores[a]!);
  return trace(
    Float64Array.from(order, (i) => scores[i]!),
    Uint8Array.from(order, (i) => states[i]!),
    classes.reduce((sum, { positives }) => sum + positives, 0),
  );
}
