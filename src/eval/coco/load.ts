import { loadDetections, loadTruths } from './load-rows.ts';
import { asArray, asId, asList, asNumber, asObject, type Json } from './read.ts';
import type { Canvas } from './segmentation.ts';
import type { CocoData, IouType } from './types.ts';

export interface LoadOptions {
  /** What will be compared: masks and keypoints are read only where they are. Default: boxes. */
  readonly iouType?: IouType;
  /** What to do with detections in images that the ground truth lacks. Default: refuse them, as COCO does. */
  readonly unknownImages?: 'refuse' | 'drop';
  /** Which results to read, by their place in the list. Default: all. */
  readonly keep?: (place: number) => boolean;
}

/** What the rows are checked against. */
export interface Index {
  readonly iouType: IouType;
  readonly unknownImages: 'refuse' | 'drop';
  readonly keep: (place: number) => boolean;
  /** Image id to its place in the ascending ids. */
  readonly images: ReadonlyMap<number, number>;
  readonly canvases: readonly Canvas[];
  readonly categories: ReadonlyMap<number, number>;
  readonly warnings: string[];
}

/**
 * Reads a COCO ground truth (`images`, `annotations`, `categories`) and a COCO results array, both as parsed JSON. The
 * annotations and the results may be any iterable, of which no entry is kept: a file can be read while it is parsed.
 * @throws RangeError naming the entry at fault and what was expected of it.
 */
export function loadCoco(groundTruth: unknown, results: unknown, options: LoadOptions = {}): CocoData {
  const truth = asObject(groundTruth, 'the ground truth');
  const images = readById(truth, 'images');
  const categories = readById(truth, 'categories');
  const index: Index = {
    iouType: options.iouType ?? 'bbox',
    unknownImages: options.unknownImages ?? 'refuse',
    keep: options.keep ?? (() => true),
    images: new Map(images.map(([id], place) => [id, place])),
    canvases: images.map(([id, image]) => readCanvas(image, id)),
    categories: new Map(categories.map(([id], place) => [id, place])),
    warnings: [],
  };
  return {
    imageIds: Float64Array.from(images, ([id]) => id),
    categoryIds: Float64Array.from(categories, ([id]) => id),
    categoryNames: categories.map(([id, category]) => String(category.name ?? id)),
    truths: loadTruths(asList(truth.annotations, 'annotations'), index),
    detections: loadDetections(asList(results, 'the results'), index),
    warnings: index.warnings,
  };
}

/** Entries by ascending id; of entries with one id the last counts. */
function readById(truth: Json, key: string): [number, Json][] {
  const entries = asArray(truth[key], key).map((value, i): [number, Json] => {
    const entry = asObject(value, `${key}[${i}]`);
    return [asId(entry.id, `id of ${key}[${i}]`), entry];
  });
  return [...new Map(entries)].sort(([a], [b]) => a - b);
}

function readCanvas(image: Json, id: number): Canvas {
  const side = (key: string) => (image[key] == null ? undefined : asNumber(image[key], `${key} of image ${id}`));
  return { width: side('width'), height: side('height') };
}
