import { encodePng, readPngSamples } from '../image/png.ts';
import { type Rle, rleFromCrop, rleToBox } from '../vision/rle.ts';
import { rleMerge } from '../vision/rle-overlap.ts';
import { DatasetBuilder, type Mark } from './builder.ts';
import { arrayOf, asNumbers, asObject, at, type Json, type Place, show, sizeOf, textOf } from './checks.ts';
import { jsonFile } from './coco-write.ts';
import {
  type Annotation,
  type Dataset,
  type DatasetImage,
  groupByImage,
  type Reference,
  type SourceFile,
  type Written,
} from './dataset.ts';
import { fail } from './fail.ts';
import { boundsOf, boxOf, cropOf, isPolygons } from './geometry.ts';
import { parseJson } from './json.ts';
import { fileNames, filesOf, imageExtension, listSome, splitExtension, stemOf } from './names.ts';

type Size = { readonly width: number; readonly height: number };

/** LabelMe draws circles exactly; as many corners as this miss a circle by less than a part in 800 of its radius. */
const CIRCLE_CORNERS = 64;

/**
 * Reads LabelMe annotations, one JSON file for each image: polygons, rectangles, circles (as polygons) and masks. Shapes
 * with one label and one `group_id` are parts of one object. Points and lines have no place in a data set of objects and
 * are left out with a warning. Flags named `crowd` and `difficult` are those of the data set.
 * @param maxPixels of the largest mask that is read.
 * @throws AppError naming the file, the JSON path and what was expected.
 */
export function readLabelMe(files: readonly SourceFile[], maxPixels?: number, reference?: Reference): Dataset {
  const builder = new DatasetBuilder(reference);
  const skipped = new Set<string>();
  for (const file of filesOf(files, '.json')) {
    const { stem } = splitExtension(file.name);
    const whole = { file: file.name, path: '' };
    const json = asObject(parseJson(file), whole);
    const size = sizeOf(json, whole, 'imageWidth', 'imageHeight');
    const image = stem + imageExtension(textOf(json, 'imagePath', whole) ?? '');
    builder.addImage(image, size, file.name);
    for (const { label, mark } of readShapes(json, whole, size, maxPixels, skipped)) builder.mark(image, label, mark);
  }
  if (skipped.size) builder.warn(`left out shapes of these types: ${listSome(skipped)}`);
  builder.warnOfMissingFiles();
  return builder.finish();
}

/**
 * `<image>.json` for each image: rectangles, polygons and masks. Parts of one object share a `group_id`.
 * @throws AppError for images whose names cannot be those of files.
 */
export function writeLabelMe({ images, categories, annotations }: Dataset): Written {
  const names = fileNames(images, '.json');
  const labels = new Map(categories.map(({ id, name }) => [id, name]));
  const ofImage = groupByImage(annotations);
  const files = images.map((image, i) => {
    const shapes = (ofImage.get(image.id) ?? []).flatMap((annotation) => {
      const label = labels.get(annotation.categoryId) ?? String(annotation.categoryId);
      return shapesOf(annotation).map((shape) => ({ label, ...shape }));
    });
    return jsonFile(names[i]!, toLabelMe(image, shapes));
  });
  const count = (test: (annotation: Annotation) => unknown) => annotations.filter(test).length;
  const nothing = count((annotation) => shapesOf(annotation).length === 0);
  const scored = count(({ score }) => score !== undefined);
  const posed = count(({ keypoints }) => keypoints);
  return {
    files,
    warnings: [
      ...(nothing ? [`${nothing} annotations without a box or mask are left out`] : []),
      ...(scored ? [`the scores of ${scored} annotations are left out: LabelMe has no place for them`] : []),
      ...(posed ? [`the keypoints of ${posed} annotations are left out`] : []),
    ],
  };
}

/** The shapes of one object. */
interface Parts {
  readonly label: string;
  readonly place: Place;
  readonly marks: Mark[];
}

function readShapes(
  json: Json,
  whole: Place,
  size: Size | undefined,
  maxPixels: number | undefined,
  skipped: Set<string>,
): { label: string; mark: Mark }[] {
  const objects = new Map<string, Parts>();
  for (const [index, value] of arrayOf(json, 'shapes', whole).entries()) {
    const place = { ...whole, path: 'shapes', index };
    const entry = asObject(value, place);
    const label = textOf(entry, 'label', place);
    if (!label) fail(`${at(place, 'label')} must be a name, got nothing`);
    const type = textOf(entry, 'shape_type', place) ?? 'polygon';
    const outline = readOutline(entry, type, place, size, maxPixels);
    if (!outline) {
      skipped.add(type);
      continue;
    }
    const flags = entry.flags == null ? {} : asObject(entry.flags, place, 'flags');
    const mark: Mark = {
      ...outline,
      ...(flags.crowd === true && { crowd: true }),
      ...(flags.difficult === true && { difficult: true }),
    };
    const group = entry.group_id;
    if (group != null && typeof group !== 'number' && typeof group !== 'string') {
      fail(`${at(place, 'group_id')} must be a number, got ${show(group)}`);
    }
    const key = group == null ? `#${index}` : JSON.stringify([label, group]);
    const object = objects.get(key);
    if (object) object.marks.push(mark);
    else objects.set(key, { label, place, marks: [mark] });
  }
  return [...objects.values()].map((parts) => ({ label: parts.label, mark: join(parts) }));
}

/** Box and segmentation of a shape; undefined for types that are neither area nor box. */
function readOutline(
  entry: Json,
  type: string,
  place: Place,
  size: Size | undefined,
  maxPixels: number | undefined,
): Mark | undefined {
  if (!['polygon', 'rectangle', 'circle', 'mask'].includes(type)) return undefined;
  const points = arrayOf(entry, 'points', place).map((point, i) => asNumbers(point, place, `points[${i}]`, 2));
  if (type === 'polygon') {
    if (points.length < 3) fail(`${at(place, 'points')} must be at least 3 points of a polygon, got ${points.length}`);
    const polygon = points.flat();
    return { box: boundsOf([polygon]), segmentation: [polygon] };
  }
  if (points.length !== 2) fail(`${at(place, 'points')} must be the 2 points of a ${type}, got ${points.length}`);
  if (type === 'circle') {
    const polygon = circle(points[0]!, points[1]!);
    return { box: boundsOf([polygon]), segmentation: [polygon] };
  }
  const box = boundsOf(points);
  if (type === 'rectangle') return { box };
  if (!size) fail(`${at(place)} is a mask, but the file has no imageWidth and imageHeight`);
  return readMask(entry, box, place, size, maxPixels);
}

/** Masks are PNGs of the part of the image between two pixels, both of which belong to it. */
function readMask(entry: Json, box: readonly number[], place: Place, size: Size, maxPixels?: number): Mark {
  const base64 = textOf(entry, 'mask', place);
  if (!base64) fail(`${at(place, 'mask')} must be a PNG in base64, got nothing`);
  const { width, height, channels, data } = readPngSamples(Buffer.from(base64, 'base64'), at(place, 'mask'), maxPixels);
  const [x, y] = [Math.round(box[0]!), Math.round(box[1]!)];
  const pixels = Uint8Array.from({ length: width * height }, (_, i) => (data[i * channels] ? 1 : 0));
  try {
    const segmentation = rleFromCrop({ x, y, width, height, data: pixels }, size.width, size.height);
    return { box: rleToBox(segmentation), segmentation };
  } catch (error) {
    return fail(`${at(place, 'mask')} of ${width}×${height} at ${x}, ${y} does not lie in the image`, error);
  }
}

function join({ marks, place }: Parts): Mark {
  const [first] = marks;
  if (marks.length === 1) return first!;
  const polygons: (readonly number[])[] = [];
  const masks: Rle[] = [];
  for (const { segmentation } of marks) {
    if (!segmentation)
      fail(`${at(place)} shares its group_id with other shapes, but only polygons and masks can be joined`);
    if (isPolygons(segmentation)) polygons.push(...segmentation);
    else masks.push(segmentation);
  }
  if (polygons.length === 0) {
    const segmentation = rleMerge(masks);
    return { ...first, box: rleToBox(segmentation), segmentation };
  }
  if (masks.length) fail(`${at(place)} is joined to shapes of another type by its group_id; draw all parts in one way`);
  return { ...first, box: boundsOf(polygons), segmentation: polygons };
}

function circle(center: readonly number[], rim: readonly number[]): readonly number[] {
  const [x, y] = center as [number, number];
  const radius = Math.hypot(rim[0]! - x, rim[1]! - y);
  return Array.from({ length: CIRCLE_CORNERS }, (_, i) => {
    const angle = (2 * Math.PI * i) / CIRCLE_CORNERS;
    return [x + radius * Math.cos(angle), y + radius * Math.sin(angle)];
  }).flat();
}

function shapesOf(annotation: Annotation): Record<string, unknown>[] {
  const { id, segmentation, crowd, difficult } = annotation;
  const flags = { ...(crowd && { crowd }), ...(difficult && { difficult }) };
  if (segmentation && isPolygons(segmentation)) {
    const group_id = segmentation.length > 1 ? id : null;
    return segmentation.map((polygon) => ({
      points: pairs(polygon),
      group_id,
      shape_type: 'polygon',
      flags,
      mask: null,
    }));
  }
  const box = segmentation ? rleToBox(segmentation) : boxOf(annotation);
  if (!box) return [];
  const [x, y, width, height] = box as [number, number, number, number];
  if (!segmentation) {
    const points = [
      [x, y],
      [x + width, y + height],
    ];
    return [{ points, group_id: null, shape_type: 'rectangle', flags, mask: null }];
  }
  if (width === 0) return [];
  const crop = cropOf(segmentation, x, y, width, height).map((pixel) => 255 * pixel);
  const mask = Buffer.from(encodePng(width, height, 1, crop)).toString('base64');
  const points = [
    [x, y],
    [x + width - 1, y + height - 1],
  ];
  return [{ points, group_id: null, shape_type: 'mask', flags, mask }];
}

function pairs(points: readonly number[]): number[][] {
  return Array.from({ length: points.length / 2 }, (_, i) => [points[2 * i]!, points[2 * i + 1]!]);
}

function toLabelMe({ name, width, height }: DatasetImage, shapes: readonly unknown[]): Record<string, unknown> {
  return {
    version: '5.5.0',
    flags: {},
    shapes,
    imagePath: stemOf(name) + imageExtension(name),
    imageData: null,
    imageHeight: height ?? null,
    imageWidth: width ?? null,
  };
}
