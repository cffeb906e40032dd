import type { CocoData, CocoOptions, Detected, Rows } from '../coco/types.ts';
import { boxIou } from '../iou.ts';

/** Which part of the data counts. Default all. */
export type DataSelection = Pick<CocoOptions, 'imageIds' | 'categoryIds'>;

/** The choices in which definitions of AP for boxes differ. */
export interface ApRules {
  /**
   * How the curve becomes a number: mean of the best precision at 101 or 11 recalls, the area under the stepped
   * curve, or the area under straight lines between 101 points of it.
   */
  readonly interpolation: '101-point' | '11-point' | 'all-point' | '101-point-linear';
  /** Whether a detection whose most similar object is taken may have the next one. */
  readonly secondChoice: boolean;
  /** Whether the IoU must exceed the threshold. */
  readonly strict: boolean;
  /** Whether corners are pixels inside the box, which adds 1 to its sides. */
  readonly inclusive: boolean;
  /**
   * Regions of many objects: any number of detections inside them count for nothing; or they are difficult objects,
   * compared like others; or they are not known, and what is found there is wrong.
   */
  readonly crowds: 'ignored' | 'difficult' | 'unknown';
  /** Detections per image and class. */
  readonly maxPerClass: number;
  /** Detections per image, over all classes. */
  readonly maxPerImage: number;
  /** Detections of lower scores do not exist. */
  readonly minScore: number;
}

interface Curve {
  readonly precision: Float64Array;
  readonly recall: Float64Array;
}

/**
 * Mean AP over the classes that have objects, by any rules; −1 where none has. Equal scores keep the order of images,
 * then of the data.
 */
export function meanApByRules(
  data: CocoData,
  rules: ApRules,
  iouThreshold: number,
  selection: DataSelection = {},
): number {
  const { truths, detections } = data;
  const K = data.categoryIds.length;
  const isImage = among(data.imageIds, selection.imageIds);
  const isCategory = among(data.categoryIds, selection.categoryIds);
  const isChosen = ({ images, categories }: Rows, row: number) => isImage(images[row]!) && isCategory(categories[row]!);
  const truthsOf = cellsOf(
    truths.images,
    truths.categories,
    truths.count,
    K,
    (g) => isChosen(truths, g) && (rules.crowds !== 'unknown' || truths.ignore[g] === 0),
  );
  const positivesOf = new Uint32Array(K);
  for (let g = 0; g < truths.count; g++) {
    if (isChosen(truths, g) && truths.ignore[g] === 0) positivesOf[truths.categories[g]!]!++;
  }
  const kept = Array.from({ length: K }, (): number[] => []);
  for (const d of keep(detections, K, rules, (d) => isChosen(detections, d))) kept[detections.categories[d]!]!.push(d);
  let [sum, n] = [0, 0];
  for (let k = 0; k < K; k++) {
    const positives = positivesOf[k]!;
    if (positives === 0) continue;
    sum += average(trace(data, rules, iouThreshold, kept[k]!, truthsOf, positives), rules.interpolation);
    n++;
  }
  return n === 0 ? -1 : sum / n;
}

/** Whether the id at a place is one of those that are wanted. */
function among(ids: Float64Array, wanted: readonly number[] | undefined): (place: number) => boolean {
  if (!wanted) return () => true;
  const set = new Set(wanted);
  const isWanted = Uint8Array.from(ids, (id) => Number(set.has(id)));
  return (place) => isWanted[place] === 1;
}

/** Detections that the limits leave, by descending score. */
function keep(
  { scores, images, categories }: Detected,
  K: number,
  rules: ApRules,
  isChosen: (row: number) => boolean,
): Uint32Array {
  const inImage = new Map<number, number>();
  const inCell = new Map<number, number>();
  return Uint32Array.from(scores.keys())
    .filter((d) => scores[d]! >= rules.minScore && isChosen(d))
    .sort((a, b) => scores[b]! - scores[a]! || images[a]! - images[b]! || a - b)
    .filter((d) => {
      const place = count(inImage, images[d]!);
      const placeInClass = count(inCell, images[d]! * K + categories[d]!);
      return place < rules.maxPerImage && placeInClass < rules.maxPerClass;
    });
}

/** How often `key` was counted before. */
function count(counts: Map<number, number>, key: number): number {
  const before = counts.get(key) ?? 0;
  counts.set(key, before + 1);
  return before;
}

/** Rows of each image and class, at image · K + class. */
function cellsOf(
  images: Int32Array,
  categories: Int32Array,
  count: number,
  K: number,
  isChosen: (row: number) => boolean,
): Map<number, number[]> {
  const cells = new Map<number, number[]>();
  for (let row = 0; row < count; row++) {
    if (!isChosen(row)) continue;
    const at = images[row]! * K + categories[row]!;
    const cell = cells.get(at);
    if (cell) cell.push(row);
    else cells.set(at, [row]);
  }
  return cells;
}

function trace(
  data: CocoData,
  rules: ApRules,
  iouThreshold: number,
  ranked: readonly number[],
  truthsOf: ReadonlyMap<number, readonly number[]>,
  positives: number,
): Curve {
  const { images, categories } = data.detections;
  const K = data.categoryIds.length;
  const taken = new Uint8Array(data.truths.count);
  const precision: number[] = [];
  const recall: number[] = [];
  let [hits, misses] = [0, 0];
  for (const d of ranked) {
    const candidates = truthsOf.get(images[d]! * K + categories[d]!) ?? [];
    const match = choose(data, rules, iouThreshold, d, candidates, taken);
    if (match >= 0 && data.truths.ignore[match] === 1) {
      // To COCO an ignored object that is no crowd can be found once only; to Pascal VOC again and again.
      if (rules.crowds === 'ignored') taken[match] = 1 - data.truths.crowd[match]!;
      continue;
    }
    if (match >= 0 && taken[match] === 0) {
      taken[match] = 1;
      hits++;
    } else misses++;
    precision.push(hits / (hits + misses));
    recall.push(hits / positives);
  }
  return { precision: Float64Array.from(precision), recall: Float64Array.from(recall) };
}

/** The truth that detection d is compared with and similar enough to, −1 for none. */
function choose(
  { truths, detections }: CocoData,
  rules: ApRules,
  iouThreshold: number,
  d: number,
  candidates: readonly number[],
  taken: Uint8Array,
): number {
  // COCO takes an ignored region only where no object fits, and lowers a threshold of 1 a little.
  const least = rules.strict ? iouThreshold : Math.min(iouThreshold, 1 - 1e-10);
  const search = (rows: readonly number[]) => {
    let best = -1;
    let most = Number.NEGATIVE_INFINITY;
    for (const g of rows) {
      if (rules.secondChoice && taken[g] === 1) continue;
      const crowd = truths.crowd[g] === 1 && rules.crowds === 'ignored';
      const iou = rules.inclusive
        ? inclusiveIou(detections.boxes, d, truths.boxes, g, crowd)
        : boxIou(detections.boxes, d, truths.boxes, g, crowd);
      // Of equals COCO takes the last, Pascal VOC the first.
      if (rules.secondChoice ? iou >= most : iou > most) [most, best] = [iou, g];
    }
    return best >= 0 && (rules.strict ? most > least : most >= least) ? best : -1;
  };
  if (rules.crowds === 'difficult') return search(candidates);
  const match = search(candidates.filter((g) => truths.ignore[g] === 0));
  const isFree = match >= 0 && taken[match] === 0;
  const region = isFree ? -1 : search(candidates.filter((g) => truths.ignore[g] === 1));
  return region >= 0 ? region : match;
}

function inclusiveIou(a: Float64Array, i: number, b: Float64Array, j: number, crowd: boolean): number {
  const grown = (boxes: Float64Array, at: number) => {
    const box = boxes.slice(4 * at, 4 * at + 4);
    box[2]! += 1;
    box[3]! += 1;
    return box;
  };
  return boxIou(grown(a, i), 0, grown(b, j), 0, crowd);
}

function average(curve: Curve, interpolation: ApRules['interpolation']): number {
  const { recall } = curve;
  const precision = curve.precision.slice();
  for (let i = precision.length - 1; i > 0; i--) precision[i - 1] = Math.max(precision[i - 1]!, precision[i]!);
  switch (interpolation) {
    case '101-point':
      return sampled(precision, recall, 101);
    case '11-point':
      return sampled(precision, recall, 11);
    case 'all-point':
      return precision.reduce((area, p, i) => area + p * (recall[i]! - (recall[i - 1] ?? 0)), 0);
    case '101-point-linear':
      return linear(precision, recall);
  }
}

function sampled(precision: Float64Array, recall: Float64Array, points: number): number {
  const step = 1 / (points - 1);
  let sum = 0;
  for (let point = 0, i = 0; point < points; point++) {
    while (i < recall.length && recall[i]! < point * step) i++;
    sum += precision[i] ?? 0;
  }
  return sum / points;
}

/** From (0, 1) through the points of the curve to (1, 0), sampled at 101 recalls, area by trapezoids. */
function linear(precision: Float64Array, recall: Float64Array): number {
  const xs = [0, ...recall, 1];
  const ys = [1, ...precision, 0];
  let i = 0;
  const at = (x: number): number => {
    // numpy's interp takes the last of several points at x, and the slope after it.
    while (i + 1 < xs.length && xs[i + 1]! <= x) i++;
    if (i + 1 === xs.length) return ys[i]!;
    return ys[i]! + ((ys[i + 1]! - ys[i]!) * (x - xs[i]!)) / (xs[i + 1]! - xs[i]!);
  };
  let area = 0;
  for (let point = 1, last = at(0); point <= 100; point++) {
    const next = at(point / 100);
    area += (last + next) / 200;
    last = next;
  }
  return area;
}
