import { evaluateCoco } from './coco/evaluate.ts';
import { type LoadOptions, loadCoco } from './coco/load.ts';
import { asArray, asId, asNumber, asNumbers, asObject, type Json } from './coco/read.ts';
import { averagePrecision, averageRecall, type Selection } from './coco/summarize.ts';
import type { CocoData, CocoOptions, CocoResult } from './coco/types.ts';

/** How many training images show a category: rare (1–10), common (11–100), frequent. */
export type Frequency = 'r' | 'c' | 'f';

export interface LvisData extends CocoData {
  /** One per category. */
  readonly frequencies: readonly Frequency[];
}

/** LVIS's thirteen numbers; recall is at the one limit on detections. −1: undefined. */
export interface LvisSummary {
  readonly AP: number;
  readonly AP50: number;
  readonly AP75: number;
  readonly APs: number;
  readonly APm: number;
  readonly APl: number;
  readonly APr: number;
  readonly APc: number;
  readonly APf: number;
  readonly AR: number;
  readonly ARs: number;
  readonly ARm: number;
  readonly ARl: number;
}

/** LVIS counts this many detections per image, of all categories together. */
const MAX_DETECTIONS = 300;

/**
 * Reads an LVIS ground truth and results in COCO's format. An image says only of some categories what it holds:
 * detections of categories that it neither shows nor is known not to show (`neg_category_ids`) are left out, and of
 * those not labelled exhaustively (`not_exhaustive_category_ids`) a wrong detection does not count.
 * @throws RangeError as `loadCoco`.
 */
export function loadLvis(groundTruth: unknown, results: unknown, options: LoadOptions = {}): LvisData {
  const truth = asObject(groundTruth, 'the ground truth');
  const images = asArray(truth.images, 'images').map((image, i) => asObject(image, `images[${i}]`));
  const known = idsByImage(images, 'neg_category_ids');
  for (const [i, value] of asArray(truth.annotations, 'annotations').entries()) {
    const { image_id, category_id } = asObject(value, `annotations[${i}]`);
    known
      .get(asId(image_id, `image_id of annotations[${i}]`))
      ?.add(asId(category_id, `category_id of annotations[${i}]`));
  }
  const dropped = surplus(asArray(results, 'the results'), known);
  const data = loadCoco(truth, results, { ...options, keep: (i) => !dropped.has(i) });

  const open = idsByImage(images, 'not_exhaustive_category_ids');
  const { detections } = data;
  const excused = Uint8Array.from(detections.images, (image, i) => {
    return Number(open.get(data.imageIds[image]!)!.has(data.categoryIds[detections.categories[i]!]!));
  });
  return { ...data, detections: { ...detections, excused }, frequencies: readFrequencies(truth, data.categoryIds) };
}

/** COCO's evaluation with LVIS's limit of detections. */
export function evaluateLvis(data: LvisData, options: CocoOptions = {}): CocoResult {
  return evaluateCoco(data, { maxDetections: [MAX_DETECTIONS], ...options });
}

export function summarizeLvis(result: CocoResult, data: LvisData): LvisSummary {
  const frequencies = new Map(Array.from(data.categoryIds, (id, k) => [id, data.frequencies[k]!]));
  const among = (frequency: Frequency) =>
    [...result.categoryIds.keys()].filter((k) => frequencies.get(result.categoryIds[k]!) === frequency);
  const ap = (selection: Selection) => averagePrecision(result, selection);
  const ar = (selection: Selection) => averageRecall(result, selection);
  return {
    AP: ap({}),
    AP50: ap({ iou: 0.5 }),
    AP75: ap({ iou: 0.75 }),
    APs: ap({ area: 'small' }),
    APm: ap({ area: 'medium' }),
    APl: ap({ area: 'large' }),
    APr: ap({ category: among('r') }),
    APc: ap({ category: among('c') }),
    APf: ap({ category: among('f') }),
    AR: ar({}),
    ARs: ar({ area: 'small' }),
    ARm: ar({ area: 'medium' }),
    ARl: ar({ area: 'large' }),
  };
}

function idsByImage(images: readonly Json[], key: string): Map<number, Set<number>> {
  return new Map(
    images.map((image, i) => [
      asId(image.id, `id of images[${i}]`),
      new Set(asNumbers(image[key], `${key} of images[${i}]`)),
    ]),
  );
}

/**
 * Places of the results that do not count: beyond the best of their image (of equals the first), or of a category that
 * the image says nothing about. Results of unknown images stay, for the loader to complain about.
 */
function surplus(results: readonly unknown[], known: ReadonlyMap<number, ReadonlySet<number>>): Set<number> {
  const dropped = new Set<number>();
  const byImage = new Map<number, { place: number; score: number }[]>();
  results.forEach((value, place) => {
    const what = `results[${place}]`;
    const result = asObject(value, what);
    const imageId = asId(result.image_id, `image_id of ${what}`);
    const list = byImage.get(imageId) ?? [];
    list.push({ place, score: asNumber(result.score, `score of ${what}`) });
    byImage.set(imageId, list);
    const isKnown = known.get(imageId)?.has(asId(result.category_id, `category_id of ${what}`)) ?? true;
    if (!isKnown) dropped.add(place);
  });
  for (const list of byImage.values()) {
    list.sort((a, b) => b.score - a.score);
    for (const { place } of list.slice(MAX_DETECTIONS)) dropped.add(place);
  }
  return dropped;
}

function readFrequencies(truth: Json, categoryIds: Float64Array): Frequency[] {
  const byId = new Map<number, Frequency>();
  for (const [i, value] of asArray(truth.categories, 'categories').entries()) {
    const { id, frequency } = asObject(value, `categories[${i}]`);
    if (frequency !== 'r' && frequency !== 'c' && frequency !== 'f') {
      throw new RangeError(`frequency of categories[${i}] must be "r", "c" or "f", got ${JSON.stringify(frequency)}`);
    }
    byId.set(asId(id, `id of categories[${i}]`), frequency);
  }
  return Array.from(categoryIds, (id) => byId.get(id)!);
}
