import { encodePng, readPngSamples } from '../image/png.ts';
import { rleArea, rleToBox } from '../vision/rle.ts';
import { arrayOf, asObject, at, idOf, type Json, numberOf, type Place, textOf } from './checks.ts';
import { readCategory, readImage, uniqueIds } from './coco-read.ts';
import { jsonFile, toCategory } from './coco-write.ts';
import {
  type Annotation,
  type Category,
  type Dataset,
  type DatasetImage,
  groupByImage,
  type SourceFile,
  type Written,
} from './dataset.ts';
import { fail } from './fail.ts';
import { fittingMask, pixelsOf } from './geometry.ts';
import { parseJson } from './json.ts';
import { baseName, fileNames, filesOf, listSome, splitExtension } from './names.ts';
import { paint, rlesOf } from './pixels.ts';

/** A segment of an image: the pixels of its id. */
export interface Segment {
  readonly id: number;
  readonly categoryId: number;
  readonly area?: number;
  readonly crowd?: boolean;
}

/** COCO's panoptic annotations, before their pixels are read. */
export interface PanopticFile {
  /** Those that the file lists; predictions may list none. */
  readonly images: readonly DatasetImage[];
  readonly categories: readonly Category[];
  readonly annotations: readonly {
    readonly imageId: number;
    readonly file: string;
    readonly segments: readonly Segment[];
  }[];
}

/**
 * Reads the JSON of COCO panoptic annotations or predictions.
 * @throws AppError naming the file, the JSON path or the ids at fault.
 */
export function readPanopticJson(file: SourceFile): PanopticFile {
  const whole = { file: file.name, path: '' };
  const json = asObject(parseJson(file), whole);
  const list = <T>(key: string, read: (entry: Json, place: Place) => T): T[] =>
    arrayOf(json, key, whole).map((value, index) => {
      const place = { file: file.name, path: key, index };
      return read(asObject(value, place), place);
    });
  const images = json.images === undefined ? [] : list('images', readImage);
  const categories = json.categories === undefined ? [] : list('categories', readCategory);
  uniqueIds(file.name, 'images', images);
  uniqueIds(file.name, 'categories', categories);
  const annotations = list('annotations', (entry, place) => {
    const png = textOf(entry, 'file_name', place);
    if (!png) fail(`${at(place, 'file_name')} must name a PNG, got nothing`);
    const segments = arrayOf(entry, 'segments_info', place).map((value, i) => {
      const own = { ...place, path: `annotations[${place.index}].segments_info`, index: i };
      return readSegment(asObject(value, own), own);
    });
    uniqueIds(at(place), 'segments_info', segments);
    return { imageId: idOf(entry, 'image_id', place), file: png, segments };
  });
  uniqueIds(
    file.name,
    'annotations',
    annotations.map(({ imageId }) => ({ id: imageId })),
  );
  return { images, categories, annotations };
}

/** Segment ids of a picture, id = R + 256 G + 256² B, 0 for void. @throws AppError unless it is an RGB or RGBA PNG. */
export function readSegmentIds(
  file: SourceFile,
  maxPixels?: number,
): { width: number; height: number; ids: Uint32Array } {
  const { width, height, channels, data } = readPngSamples(file.bytes, file.name, maxPixels);
  if (channels < 3 || data instanceof Uint16Array) {
    fail(`${file.name} must be an RGB PNG of 8 bits, whose colours are segment ids`);
  }
  const ids = new Uint32Array(width * height);
  for (let i = 0, c = 0; i < ids.length; i++, c += channels)
    ids[i] = data[c]! + 256 * data[c + 1]! + 65536 * data[c + 2]!;
  return { width, height, ids };
}

/** The picture of each annotation, by the name of its file. @throws AppError naming those that are missing. */
export function findPictures({ annotations }: PanopticFile, files: readonly SourceFile[]): SourceFile[] {
  const byName = new Map(
    files.filter(({ name }) => splitExtension(name).extension === '.png').map((file) => [baseName(file.name), file]),
  );
  const missing = annotations.filter(({ file }) => !byName.has(baseName(file)));
  if (missing.length)
    fail(`these pictures of the panoptic annotations are missing: ${listSome(missing.map(({ file }) => file))}`);
  return annotations.map(({ file }) => byName.get(baseName(file))!);
}

/**
 * Reads COCO panoptic annotations, one JSON file and a PNG for each image, as a data set of masks.
 * @throws AppError naming what is missing, and segments without pixels or pixels without a segment.
 */
export function readPanoptic(files: readonly SourceFile[], maxPixels?: number): Dataset {
  const json = filesOf(files, '.json');
  if (json.length !== 1) fail(`panoptic annotations are one JSON file and PNGs; there are ${json.length} JSON files`);
  const panoptic = readPanopticJson(json[0]!);
  const pictures = findPictures(panoptic, files);
  const images = new Map(panoptic.images.map((image) => [image.id, image]));
  const annotations: Annotation[] = [];
  for (const [i, { imageId, segments, file }] of panoptic.annotations.entries()) {
    const { width, height, ids } = readSegmentIds(pictures[i]!, maxPixels);
    images.set(imageId, { name: baseName(file), ...images.get(imageId), id: imageId, width, height });
    checkSegments(ids, segments, pictures[i]!.name);
    const masks = rlesOf(ids, width, height);
    for (const { id, categoryId, area, crowd } of segments) {
      const segmentation = masks.get(id) ?? fail(`${pictures[i]!.name} has no pixels of segment ${id}`);
      annotations.push({
        id: annotations.length + 1,
        imageId,
        categoryId,
        segmentation,
        ...(area !== undefined && { area }),
        ...(crowd && { crowd: true }),
      });
    }
  }
  const known = new Set(panoptic.categories.map(({ id }) => id));
  const unknown = new Set(annotations.map(({ categoryId }) => categoryId).filter((id) => !known.has(id)));
  const categories = [
    ...panoptic.categories,
    ...[...unknown].sort((a, b) => a - b).map((id) => ({ id, name: String(id) })),
  ];
  return { images: [...images.values()], categories, annotations, warnings: [] };
}

/**
 * `panoptic.json` and `panoptic/<image>.png` for each image. Segments are numbered from 1 in each image. Where
 * annotations overlap, the earlier one keeps the pixels; those without any are left out.
 * @throws AppError for images of unknown size and masks of another.
 */
export function writePanoptic({ images, categories, annotations }: Dataset): Written {
  const names = fileNames(images, '.png');
  const ofImage = groupByImage(annotations);
  let leftOut = 0;
  const entries = images.map((image, i) => {
    const { width, height, pixels } = pixelsOf(image);
    const own = ofImage.get(image.id) ?? [];
    const ids = new Uint32Array(pixels);
    for (const [at, annotation] of [...own.entries()].reverse()) {
      const mask = fittingMask(annotation, image);
      if (mask) paint(ids, mask, at + 1);
    }
    const masks = rlesOf(ids, width, height);
    const segments = own.flatMap(({ categoryId, crowd }, at) => {
      const mask = masks.get(at + 1);
      if (!mask) leftOut++;
      return mask
        ? [{ id: at + 1, category_id: categoryId, area: rleArea(mask), bbox: rleToBox(mask), iscrowd: crowd ? 1 : 0 }]
        : [];
    });
    const picture = { name: `panoptic/${names[i]!}`, bytes: encodePng(width, height, 3, colorsOf(ids)) };
    return { picture, annotation: { image_id: image.id, file_name: names[i]!, segments_info: segments } };
  });
  const json = {
    images: images.map(({ id, name, width, height }) => ({ id, file_name: name, width, height })),
    annotations: entries.map(({ annotation }) => annotation),
    categories: categories.map(toCategory),
  };
  const warnings = leftOut ? [`${leftOut} annotations without a mask, or covered by others, are left out`] : [];
  return { files: [jsonFile('panoptic.json', json), ...entries.map(({ picture }) => picture)], warnings };
}

function readSegment(entry: Json, place: Place): Segment {
  const id = idOf(entry, 'id', place);
  if (!(id > 0 && id < 2 ** 24)) fail(`${at(place, 'id')} must be from 1 to 16777215, got ${id}`);
  return {
    id,
    categoryId: idOf(entry, 'category_id', place),
    ...(entry.area != null && { area: numberOf(entry, 'area', place) }),
    ...(Boolean(entry.iscrowd) && { crowd: true }),
  };
}

/** Before masks are made of them: a picture of noise has as many ids as pixels. */
function checkSegments(ids: Uint32Array, segments: readonly Segment[], name: string): void {
  const known = new Set([0, ...segments.map(({ id }) => id)]);
  const wrong = ids.find((id) => !known.has(id));
  if (wrong !== undefined) fail(`${name} has pixels of the segment ${wrong}, which is not in its segments_info`);
}

function colorsOf(ids: Uint32Array): Uint8Array {
  const colors = new Uint8Array(3 * ids.length);
  for (let i = 0; i < ids.length; i++) {
    colors[3 * i] = ids[i]! & 255;
    colors[3 * i + 1] = (ids[i]! >> 8) & 255;
    colors[3 * i + 2] = ids[i]! >> 16;
  }
  return colors;
}
