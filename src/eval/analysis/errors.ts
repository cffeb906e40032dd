import { plan } from '../coco/order.ts';
import { resolveParams } from '../coco/params.ts';
import { similarityOf } from '../coco/similarity.ts';
import type { CocoData } from '../coco/types.ts';
import {
  type DetectionError,
  ERROR_KINDS,
  type ErrorKind,
  type ErrorLog,
  type ErrorThresholds,
  logImage,
} from './error-matching.ts';
import { type AnalysisOptions, groupByImage } from './ranked.ts';

export interface ErrorOptions extends Omit<AnalysisOptions, 'useCategories' | 'maxDetections'> {
  /** How similar a detection must be to be right. Default 0.5. */
  readonly iouThreshold?: number;
  /** Detections less similar than this to all objects are background. Default 0.1. */
  readonly backgroundThreshold?: number;
  /** How many detections per image count, over all classes. Default 100. */
  readonly maxDetections?: number;
  /**
   * Which classes AP is the mean of: those that have objects, as COCO has it (default), or all that have objects or
   * detections, as TIDE 1.0.1 has it, where a class without objects counts as 0.
   */
  readonly averageOver?: 'labelled' | 'present';
}

export interface ErrorCost {
  readonly count: number;
  /** How much AP would rise if these errors alone were corrected; never below 0. */
  readonly cost: number;
}

export interface ErrorAnalysis {
  readonly iouThreshold: number;
  readonly backgroundThreshold: number;
  /** AP at the IoU threshold, by TIDE's matching: objects compete over all classes for the limit per image. */
  readonly ap: number;
  readonly kinds: Readonly<Record<ErrorKind, ErrorCost>>;
  /** How much AP would rise if all wrong detections had score 0, and if no object were missed. */
  readonly falsePositives: ErrorCost;
  readonly falseNegatives: ErrorCost;
  /** Every wrong detection, by image and descending score. */
  readonly errors: readonly DetectionError[];
  /** Rows of the objects that no detection finds even with one error corrected. */
  readonly missed: Uint32Array;
}

/** A detection as a point of its class's curve. */
interface Point {
  readonly k: number;
  readonly score: number;
  readonly correct: boolean;
}

/**
 * What kinds of errors cost how much AP (TIDE; Bolya et al., ECCV 2020). An error of classification or localization is
 * corrected by turning the best-scored detection of each object right and removing the others; duplicates, background
 * and "both" by removing the detection; a missed object by no longer asking for it.
 * @throws RangeError as `evaluateCoco`.
 */
export function analyzeErrors(data: CocoData, options: ErrorOptions = {}): ErrorAnalysis {
  const { iouThreshold = 0.5, backgroundThreshold = 0.1, maxDetections = 100, averageOver = 'labelled' } = options;
  if (!(backgroundThreshold > 0 && backgroundThreshold <= iouThreshold)) {
    throw new RangeError(`background threshold ${backgroundThreshold} is not in (0, ${iouThreshold}]`);
  }
  const { log, counted } = logErrors(data, options, maxDetections, {
    foreground: iouThreshold,
    background: backgroundThreshold,
  });
  const { ranked, isCorrect, isFound, rescuers, errors } = log;
  const { scores, categories } = data.detections;
  const classOf = data.truths.categories;
  const asked = countByClass(counted, data);
  const without = (rows: Uint32Array) => {
    const lost = countByClass(rows, data);
    return asked.map((count, k) => count - lost[k]!);
  };
  const apOf = (points: readonly Point[], truths: Int32Array) =>
    meanAp(points, truths, averageOver === 'labelled' ? asked : undefined);

  const point = (d: number, correct: boolean): Point => ({ k: categories[d]!, score: scores[d]!, correct });
  const asIs = ({ detection: d, ignored }: DetectionError): Point[] => (ignored ? [] : [point(d, false)]);
  const corrected = ({ detection: d, truth }: DetectionError): Point[] =>
    truth < 0 || rescuers[truth] !== d ? [] : [{ ...point(d, true), k: classOf[truth]! }];

  const isIgnored = new Set(errors.filter(({ ignored }) => ignored).map(({ detection }) => detection));
  const everything = ranked.filter((d) => !isIgnored.has(d)).map((d) => point(d, isCorrect[d] === 1));
  const right = ranked.filter((d) => isCorrect[d] === 1).map((d) => point(d, true));
  const wrong = errors.flatMap(asIs);
  const notFound = counted.filter((g) => isFound[g] === 0);
  const missed = notFound.filter((g) => rescuers[g]! < 0);

  const ap = apOf(everything, asked);
  const costOf = (kind: ErrorKind): ErrorCost => {
    const fixed = errors.flatMap((error) => (error.kind === kind ? corrected(error) : asIs(error)));
    const count = kind === 'missed' ? missed.length : errors.filter((error) => error.kind === kind).length;
    // Recall is sampled at 101 points, so that a correction may seem to lose a little.
    const gain = apOf([...fixed, ...right], kind === 'missed' ? without(missed) : asked) - ap;
    return { count, cost: Math.max(0, gain) };
  };
  const withScore = (points: readonly Point[], score: number) => points.map((point) => ({ ...point, score }));
  return {
    iouThreshold,
    backgroundThreshold,
    ap,
    kinds: Object.fromEntries(ERROR_KINDS.map((kind) => [kind, costOf(kind)])) as Record<ErrorKind, ErrorCost>,
    falsePositives: {
      count: wrong.length,
      cost: apOf([...withScore(wrong, 0), ...withScore(right, 1)], asked) - ap,
    },
    falseNegatives: { count: notFound.length, cost: apOf([...wrong, ...right], without(notFound)) - ap },
    errors,
    missed,
  };
}

function logErrors(data: CocoData, options: ErrorOptions, limit: number, thresholds: ErrorThresholds) {
  const params = resolveParams(data, {
    ...options,
    iouThresholds: [thresholds.foreground],
    maxDetections: [limit],
    useCategories: true,
  });
  const order = plan(data, params);
  const similarity = similarityOf(data, params, thresholds.background);
  const { truths, detections } = data;
  const counted = order.truths.rows.filter((g) => truths.ignore[g] === 0).sort();
  const regions = order.truths.rows.filter((g) => truths.ignore[g] === 1);
  const found = groupByImage(order.detections.rows.slice().sort(), detections.images);
  const countedIn = groupByImage(counted, truths.images);
  const regionsIn = groupByImage(regions, truths.images);
  const log: ErrorLog = {
    errors: [],
    ranked: [],
    isCorrect: new Uint8Array(detections.count),
    isFound: new Uint8Array(truths.count),
    rescuers: new Int32Array(truths.count).fill(-1),
  };
  for (const [image, rows] of [...found].sort(([a], [b]) => a - b)) {
    const best = rows.sort((a, b) => detections.scores[b]! - detections.scores[a]!).slice(0, limit);
    logImage(log, data, similarity, thresholds, best, countedIn.get(image) ?? [], regionsIn.get(image) ?? []);
  }
  return { log, counted };
}

function countByClass(rows: Uint32Array, { truths, categoryIds }: CocoData): Int32Array {
  const counts = new Int32Array(categoryIds.length);
  for (const row of rows) counts[truths.categories[row]!]!++;
  return counts;
}

/** Mean AP over the classes that have points or truths, and in `asked`, where that is given, had truths at first. */
function meanAp(points: readonly Point[], truths: Int32Array, asked?: Int32Array): number {
  const byClass = Array.from(truths, (): Point[] => []);
  for (const point of points) byClass[point.k]!.push(point);
  let [sum, n] = [0, 0];
  byClass.forEach((ofClass, k) => {
    if ((ofClass.length === 0 && truths[k] === 0) || asked?.[k] === 0) return;
    sum += sampledAp(ofClass, truths[k]!);
    n++;
  });
  return n === 0 ? -1 : sum / n;
}

/** The mean of the best precision at recall 0, 1/100, …, 1 or more. TIDE's grid, unlike COCO's, is i / 100. */
function sampledAp(points: Point[], truths: number): number {
  if (truths === 0) return 0;
  const precision: number[] = [];
  const recall: number[] = [];
  let hits = 0;
  points.sort((a, b) => b.score - a.score);
  points.forEach(({ correct }, i) => {
    if (correct) hits++;
    precision.push(hits / (i + 1));
    recall.push(hits / truths);
  });
  for (let i = precision.length - 1; i > 0; i--) precision[i - 1] = Math.max(precision[i - 1]!, precision[i]!);
  let sum = 0;
  for (let r = 0, i = 0; r <= 100; r++) {
    while (i < recall.length && recall[i]! < r / 100) i++;
    sum += precision[i] ?? 0;
  }
  return sum / 101;
}
