import { type Rle, rleFromCounts } from '../vision/rle.ts';
import { rleFromString } from '../vision/rle-string.ts';
import { leftOut } from './builder.ts';
import {
  arrayOf,
  asNumbers,
  asObject,
  at,
  idOf,
  type Json,
  numberOf,
  type Place,
  show,
  sizeOf,
  textOf,
} from './checks.ts';
import type { Annotation, Category, Dataset, DatasetImage, Polygons, Reference, SourceFile } from './dataset.ts';
import { fail } from './fail.ts';
import { jsonItems, parseJson } from './json.ts';
import { listSome, stemOf } from './names.ts';

/**
 * Reads a COCO ground truth: `images`, `annotations` and `categories`. Licences, links and dates are left out; `ignore`
 * marks a difficult object. An image without `file_name` is named by its id.
 * @throws AppError naming the file, the JSON path or the ids at fault, and what was expected.
 */
export function readCoco(file: SourceFile): Dataset {
  const json = asObject(parseJson(file), { file: file.name, path: '' });
  const { images, categories } = readCocoReference(json, file);
  const annotations = entriesOf(json, 'annotations', file, (entry, place) => readAnnotation(entry, place));
  checkIds(file.name, { images, categories, annotations, warnings: [] });
  return { images, categories, annotations, warnings: [] };
}

/** Images and categories of a parsed ground truth. @throws AppError as `readCoco` does. */
export function readCocoReference(truth: unknown, file: Pick<SourceFile, 'name'>): Reference {
  const json = asObject(truth, { file: file.name, path: '' });
  return {
    images: entriesOf(json, 'images', file, readImage),
    categories: entriesOf(json, 'categories', file, readCategory),
  };
}

/**
 * Reads a COCO results array: boxes, masks or keypoints with scores. Annotation ids are places in the list, from 1, as
 * COCO's own loader gives them. Results of categories that `reference` lacks are left out with a warning, as COCO does.
 * `image_id` and `category_id` may be names: of the file, with or without folders and extension, and of the category.
 * @param reference the ground truth. Without it, images and categories are named by their ids and sizes are unknown.
 * @throws AppError naming the file, the JSON path or the ids at fault, and what was expected.
 */
export function readCocoResults(file: SourceFile, reference?: Reference): Dataset {
  const annotations: Annotation[] = [];
  const imageIds = new Set(reference?.images.map(({ id }) => id));
  const categoryIds = new Set(reference?.categories.map(({ id }) => id));
  const imageNames = new Map(reference?.images.map(({ id, name }) => [stemOf(name), id]));
  const categoryNames = new Map(reference?.categories.map(({ id, name }) => [name, id]));
  const unknownImages = new Set<number | string>();
  const unknownCategories = new Set<number | string>();
  let index = 0;
  for (const value of jsonItems(file)) {
    const place = { file: file.name, path: '', index: index++ };
    const entry = withIds(asObject(value, place), imageNames, categoryNames);
    const [image, category] = [entry.image_id, entry.category_id];
    if (reference && isName(image)) unknownImages.add(image);
    if (reference && isName(category)) unknownCategories.add(category);
    if (reference && (isName(image) || isName(category))) continue;
    const result = readAnnotation(entry, place, index);
    if (!result.box && !result.segmentation && !result.keypoints) {
      fail(`${at(place)} has neither bbox nor segmentation nor keypoints`);
    }
    if (!imageIds.has(result.imageId)) unknownImages.add(result.imageId);
    if (!categoryIds.has(result.categoryId)) unknownCategories.add(result.categoryId);
    if (!reference || categoryIds.has(result.categoryId)) annotations.push(result);
  }
  if (!reference) {
    const ascending = (ids: Set<number | string>) =>
      [...ids]
        .map(Number)
        .sort((a, b) => a - b)
        .map((id) => ({ id, name: String(id) }));
    return { images: ascending(unknownImages), categories: ascending(unknownCategories), annotations, warnings: [] };
  }
  if (unknownImages.size) {
    fail(`${file.name} names images that the ground truth lacks, by image_id: ${listSome(unknownImages)}`);
  }
  const warnings = unknownCategories.size
    ? [`${file.name}: ${leftOut('results', unknownCategories, annotations.length, reference.categories)}`]
    : [];
  return { images: reference.images, categories: reference.categories, annotations, warnings };
}

/** An entry whose names have become ids, where they are names of the ground truth. */
function withIds(entry: Json, images: ReadonlyMap<string, number>, categories: ReadonlyMap<string, number>): Json {
  const { image_id, category_id } = entry;
  const image = typeof image_id === 'string' ? images.get(stemOf(image_id)) : undefined;
  const category = typeof category_id === 'string' ? categories.get(category_id) : undefined;
  if (image === undefined && category === undefined) return entry;
  return { ...entry, image_id: image ?? image_id, category_id: category ?? category_id };
}

/** Text that is no id in digits. */
function isName(id: unknown): id is string {
  return typeof id === 'string' && !/^\d{1,16}$/.test(id);
}

/** A segmentation in any of COCO's forms: polygons, compressed or uncompressed run lengths. */
export function readSegmentation(value: unknown, place: Place): Polygons | Rle {
  if (Array.isArray(value)) {
    if (value.length === 0) fail(`${at(place, 'segmentation')} must have at least one polygon, got none`);
    return value.map((polygon, i) => readPolygon(polygon, place, `segmentation[${i}]`));
  }
  const entry = asObject(value, place, 'segmentation');
  const [height, width] = asNumbers(entry.size, place, 'segmentation.size', 2) as [number, number];
  const { counts } = entry;
  try {
    if (typeof counts === 'string') return rleFromString(counts, width, height);
    return rleFromCounts(asNumbers(counts, place, 'segmentation.counts'), width, height);
  } catch (error) {
    if (error instanceof RangeError) fail(`${at(place, 'segmentation')}: ${error.message}`, error);
    throw error;
  }
}

function readPolygon(value: unknown, place: Place, key: string): readonly number[] {
  const points = asNumbers(value, place, key);
  if (points.length >= 6 && points.length % 2 === 0) return points;
  return fail(`${at(place, key)} must be x and y of at least 3 points, got ${points.length} numbers`);
}

function entriesOf<T>(
  json: Json,
  key: string,
  { name }: Pick<SourceFile, 'name'>,
  read: (entry: Json, place: Place) => T,
): readonly T[] {
  return arrayOf(json, key, { file: name, path: '' }).map((value, index) => {
    const place = { file: name, path: key, index };
    return read(asObject(value, place), place);
  });
}

export function readImage(entry: Json, place: Place): DatasetImage {
  const id = idOf(entry, 'id', place);
  return { id, name: textOf(entry, 'file_name', place) || String(id), ...sizeOf(entry, place) };
}

export function readCategory(entry: Json, place: Place): Category {
  const id = idOf(entry, 'id', place);
  const supercategory = textOf(entry, 'supercategory', place);
  return {
    id,
    name: textOf(entry, 'name', place) ?? String(id),
    ...(supercategory !== undefined && { supercategory }),
    ...(entry.keypoints != null && { keypoints: namesOf(entry, place) }),
    ...(entry.skeleton != null && { skeleton: edgesOf(entry, place) }),
    ...(entry.isthing != null && { isThing: Boolean(entry.isthing) }),
  };
}

function namesOf(entry: Json, place: Place): string[] {
  return arrayOf(entry, 'keypoints', place).map((name, i) =>
    typeof name === 'string' ? name : fail(`${at(place, `keypoints[${i}]`)} must be a string, got ${show(name)}`),
  );
}

function edgesOf(entry: Json, place: Place): (readonly number[])[] {
  return arrayOf(entry, 'skeleton', place).map((edge, i) => asNumbers(edge, place, `skeleton[${i}]`, 2));
}

/** @param id for results, which have none of their own, are no crowds and need a score. */
function readAnnotation(entry: Json, place: Place, id?: number): Annotation {
  const keypoints = entry.keypoints == null ? undefined : asNumbers(entry.keypoints, place, 'keypoints');
  if (keypoints && (keypoints.length === 0 || keypoints.length % 3)) {
    fail(`${at(place, 'keypoints')} must be x, y and visibility of each point, got ${keypoints.length} numbers`);
  }
  return {
    id: id ?? idOf(entry, 'id', place),
    imageId: idOf(entry, 'image_id', place),
    categoryId: idOf(entry, 'category_id', place),
    ...(isGiven(entry.bbox) && { box: asNumbers(entry.bbox, place, 'bbox', 4) }),
    ...(isGiven(entry.segmentation) && { segmentation: readSegmentation(entry.segmentation, place) }),
    ...(keypoints && { keypoints }),
    ...(entry.area != null && { area: numberOf(entry, 'area', place) }),
    ...((id !== undefined || entry.score != null) && { score: numberOf(entry, 'score', place) }),
    ...(id === undefined && Boolean(entry.iscrowd) && { crowd: true }),
    ...(id === undefined && Boolean(entry.ignore) && { difficult: true }),
  };
}

/** Some writers leave an empty list or null where there is nothing. */
function isGiven(value: unknown): boolean {
  return value != null && !(Array.isArray(value) && value.length === 0);
}

function checkIds(file: string, { images, categories, annotations }: Dataset): void {
  const imageIds = uniqueIds(file, 'images', images);
  const categoryIds = uniqueIds(file, 'categories', categories);
  uniqueIds(file, 'annotations', annotations);
  const lost = annotations.filter(({ imageId }) => !imageIds.has(imageId));
  if (lost.length) {
    const ids = listSome(new Set(lost.map(({ imageId }) => imageId)));
    fail(`${file}: annotations ${listSome(lost.map(({ id }) => id))} are of images that are not in images: ${ids}`);
  }
  const nameless = annotations.filter(({ categoryId }) => !categoryIds.has(categoryId));
  if (nameless.length) {
    const ids = listSome(new Set(nameless.map(({ categoryId }) => categoryId)));
    fail(
      `${file}: annotations ${listSome(nameless.map(({ id }) => id))} are of categories that are not in categories: ${ids}`,
    );
  }
}

export function uniqueIds(file: string, list: string, entries: readonly { readonly id: number }[]): Set<number> {
  const seen = new Set<number>();
  const twice = new Set<number>();
  for (const { id } of entries) {
    if (seen.has(id)) twice.add(id);
    seen.add(id);
  }
  if (twice.size)
    fail(`${file}: ${list} must have ids that differ, but these are there more than once: ${listSome(twice)}`);
  return seen;
}
