import type { Rle } from '../../vision/rle.ts';
import { Column } from './columns.ts';
import type { Index } from './load.ts';
import { asId, asNumber, asNumbers, asObject, type Json, listIds } from './read.ts';
import { comparesMasks, extentOf, RowColumns } from './rows.ts';
import { boxMask, measure, readSegmentation } from './segmentation.ts';
import type { Detected, Truths } from './types.ts';

const NO_BOX = [0, 0, 0, 0];

export function loadTruths(annotations: Iterable<unknown>, index: Index): Truths {
  const { iouType, warnings } = index;
  const rows = new RowColumns(iouType);
  const ids = new Column();
  const crowd = new Column();
  const ignore = new Column();
  const difficult = new Column();
  const seen = new Set<number>();
  const unknown = new Set<number>();
  let withoutArea = 0;

  let place = 0;
  for (const value of annotations) {
    const annotation = asObject(value, `annotations[${place}]`);
    const id = asId(annotation.id, `id of annotations[${place}]`);
    place++;
    const what = `annotation ${id}`;
    if (seen.has(id)) throw new RangeError(`two annotations have the id ${id}`);
    seen.add(id);
    const image = index.images.get(asId(annotation.image_id, `image_id of ${what}`));
    const category = index.categories.get(asId(annotation.category_id, `category_id of ${what}`));
    if (image === undefined || category === undefined) {
      unknown.add(id);
      continue;
    }
    const isCrowd = Boolean(annotation.iscrowd);
    let isIgnored = isCrowd;
    let box: readonly number[] = NO_BOX;
    if (annotation.bbox !== undefined || !comparesMasks(iouType)) {
      box = asNumbers(annotation.bbox, `bbox of ${what}`, 4);
    }
    let area = box[2]! * box[3]!;
    if (comparesMasks(iouType)) {
      const rle = within(what, () => readSegmentation(annotation.segmentation, index.canvases[image]!));
      rows.masks.add(rle);
      area = measure(rle).area;
    }
    if (iouType === 'keypoints') {
      const labelled = pushKeypoints(rows, annotation, what, rows.keypoints.length / (ids.length || 1));
      isIgnored ||= Number(annotation.num_keypoints ?? labelled) === 0;
    }
    if (annotation.area === undefined) withoutArea++;
    else area = asNumber(annotation.area, `area of ${what}`);
    rows.push(image, category, box, area);
    ids.push(id);
    crowd.push(Number(isCrowd));
    ignore.push(Number(isIgnored));
    difficult.push(Number(Boolean(annotation.ignore)));
  }

  if (unknown.size) warnings.push(`left out annotations of unknown images or categories: ${listIds(unknown)}`);
  if (withoutArea) warnings.push(`${withoutArea} annotations have no area: taken from their masks or boxes`);
  if (seen.has(0)) warnings.push('annotation id 0 means "unmatched" to COCO: what matches it counts as wrong');
  const flags = {
    crowd: Uint8Array.from(crowd.values),
    ignore: Uint8Array.from(ignore.values),
    difficult: Uint8Array.from(difficult.values),
  };
  return { ...rows.finish(), ids: ids.values, ...flags };
}

export function loadDetections(results: Iterable<unknown>, index: Index): Detected {
  const { iouType } = index;
  const rows = new RowColumns(iouType);
  const scores = new Column();
  const unknownImages = new Set<number>();
  const unknownCategories = new Set<number>();
  let kind: ReturnType<typeof kindOf> | undefined;

  let place = -1;
  for (const value of results) {
    const what = `results[${++place}]`;
    kind ??= kindOf(asObject(value, what));
    if (!index.keep(place)) continue;
    const result = asObject(value, what);
    const imageId = asId(result.image_id, `image_id of ${what}`);
    const categoryId = asId(result.category_id, `category_id of ${what}`);
    const image = index.images.get(imageId);
    const category = index.categories.get(categoryId);
    if (image === undefined) unknownImages.add(imageId);
    if (category === undefined) unknownCategories.add(categoryId);
    const score = asNumber(result.score, `score of ${what}`);
    if (image === undefined || category === undefined) continue;

    const canvas = index.canvases[image]!;
    let rle: Rle | undefined;
    if (kind === 'segmentation' || (comparesMasks(iouType) && result.segmentation !== undefined)) {
      rle = within(what, () => readSegmentation(result.segmentation, canvas));
    }
    let box: readonly number[];
    let area: number;
    if (kind === 'bbox') {
      box = asNumbers(result.bbox, `bbox of ${what}`, 4);
      area = box[2]! * box[3]!;
    } else {
      ({ box, area } = rle ? measure(rle) : extentOf(asNumbers(result.keypoints, `keypoints of ${what}`)));
    }
    if (comparesMasks(iouType)) rows.masks.add(rle ?? within(what, () => boxMask(box, canvas)));
    if (iouType === 'keypoints') pushKeypoints(rows, result, what, rows.keypoints.length / (scores.length || 1));
    rows.push(image, category, box, area);
    scores.push(score);
  }

  if (unknownImages.size && index.unknownImages === 'refuse') {
    throw new RangeError(`the results name images that the ground truth lacks: ${listIds(unknownImages)}`);
  }
  if (unknownImages.size) index.warnings.push(`left out results of unknown images: ${listIds(unknownImages)}`);
  if (unknownCategories.size) {
    index.warnings.push(`left out results of unknown categories: ${listIds(unknownCategories)}`);
  }
  return { ...rows.finish(), scores: scores.values };
}

/** COCO decides by the first result what gives all of them their area: the box if there is one, then the mask. */
function kindOf(result: Json): 'bbox' | 'segmentation' | 'keypoints' {
  const { bbox } = result;
  if (bbox !== undefined && !(Array.isArray(bbox) && bbox.length === 0)) return 'bbox';
  if (result.segmentation !== undefined) return 'segmentation';
  if (result.keypoints !== undefined) return 'keypoints';
  throw new RangeError('results[0] has neither bbox nor segmentation nor keypoints');
}

/** Adds one pose and returns how many of its points are labelled. `expected`: the length of those before, 0 at first. */
function pushKeypoints(rows: RowColumns, entry: Json, what: string, expected: number): number {
  const keypoints = asNumbers(entry.keypoints, `keypoints of ${what}`, expected || undefined);
  if (keypoints.length === 0 || keypoints.length % 3) {
    throw new RangeError(
      `keypoints of ${what} must be x, y and visibility of each point, got ${keypoints.length} numbers`,
    );
  }
  let labelled = 0;
  keypoints.forEach((number, i) => {
    rows.keypoints.push(number);
    if (i % 3 === 2 && number > 0) labelled++;
  });
  return labelled;
}

/** Says whose mask is at fault. */
function within<T>(what: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw new RangeError(`${what}: ${(error as Error).message}`, { cause: error });
  }
}
