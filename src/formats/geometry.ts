import { messageOf } from '../errors.ts';
import { maskToPolygons } from '../vision/contours.ts';
import { pixelCount, type Rle, rleArea, rleToBox, rleToRows } from '../vision/rle.ts';
import { rleMerge } from '../vision/rle-overlap.ts';
import { rleFromBox, rleFromPolygon } from '../vision/rle-polygon.ts';
import type { Annotation, DatasetImage, Polygons } from './dataset.ts';
import { fail } from './fail.ts';

export function isPolygons(segmentation: Polygons | Rle): segmentation is Polygons {
  return Array.isArray(segmentation);
}

/** The box x, y, width, height around points x, y, x, y, … */
export function boundsOf(polygons: Polygons): readonly number[] {
  let [left, top, right, bottom] = [Infinity, Infinity, -Infinity, -Infinity];
  for (const points of polygons) {
    for (let i = 0; i + 1 < points.length; i += 2) {
      left = Math.min(left, points[i]!);
      right = Math.max(right, points[i]!);
      top = Math.min(top, points[i + 1]!);
      bottom = Math.max(bottom, points[i + 1]!);
    }
  }
  return [left, top, right - left, bottom - top];
}

/** Its own box, or the one around its mask or its labelled keypoints; undefined where it has none of them. */
export function boxOf({ box, segmentation, keypoints }: Annotation): readonly number[] | undefined {
  if (box) return box;
  if (segmentation) return isPolygons(segmentation) ? boundsOf(segmentation) : rleToBox(segmentation);
  const labelled = keypoints?.filter((_, i) => keypoints[i - (i % 3) + 2]! > 0 && i % 3 < 2);
  return labelled?.length ? boundsOf([labelled]) : undefined;
}

/**
 * The mask of an annotation; its box filled where it has no segmentation; undefined where it has neither, or polygons
 * or a box in an image of unknown size. Polygons are filled as COCO does.
 * @throws RangeError for polygons that cannot be filled.
 */
export function maskOf(annotation: Annotation, { width, height }: DatasetImage): Rle | undefined {
  const { segmentation, box } = annotation;
  if (segmentation && !isPolygons(segmentation)) return segmentation;
  if (width === undefined || height === undefined) return undefined;
  if (segmentation) return rleMerge(segmentation.map((polygon) => rleFromPolygon(polygon, width, height)));
  return box && rleFromBox(box, width, height);
}

/** How many pixels an image has. @throws AppError where its size is unknown or more than a mask can have. */
export function pixelsOf({ id, width, height }: DatasetImage): { width: number; height: number; pixels: number } {
  if (width === undefined || height === undefined) return fail(`the size of image ${id} is unknown`);
  try {
    return { width, height, pixels: pixelCount(width, height) };
  } catch (error) {
    return fail(`image ${id}: ${messageOf(error)}`, error);
  }
}

/**
 * The mask of an annotation that has a segmentation, to be painted into its image.
 * @throws AppError where it is of another size or cannot be filled.
 */
export function fittingMask(annotation: Annotation, image: DatasetImage): Rle | undefined {
  if (!annotation.segmentation) return undefined;
  const mask = filled(annotation, image);
  if (!mask || (mask.width === image.width && mask.height === image.height)) return mask;
  return fail(`the mask of annotation ${annotation.id} is not of the size of its image ${image.id}`);
}

function filled(annotation: Annotation, image: DatasetImage): Rle | undefined {
  try {
    return maskOf(annotation, image);
  } catch (error) {
    return fail(`annotation ${annotation.id}: ${messageOf(error)}`, error);
  }
}

/** Its own area, or that of its mask, or that of its box, in square pixels. */
export function areaOf(annotation: Annotation, image: DatasetImage): number {
  if (annotation.area !== undefined) return annotation.area;
  const mask = annotation.segmentation && filled(annotation, image);
  if (mask) return rleArea(mask);
  const box = boxOf(annotation);
  return box ? box[2]! * box[3]! : 0;
}

/** Outlines of a segmentation, exact for masks; none for an empty mask. */
export function polygonsOf(segmentation: Polygons | Rle): Polygons {
  if (isPolygons(segmentation)) return segmentation;
  const [x, y, width, height] = rleToBox(segmentation);
  if (width === 0) return [];
  return maskToPolygons({ x, y, width, height, data: cropOf(segmentation, x, y, width, height) });
}

/** Row-major pixels of a part of a mask, 0 or 1. */
export function cropOf(mask: Rle, x: number, y: number, width: number, height: number): Uint8Array {
  const pixels = rleToRows(mask);
  const crop = new Uint8Array(width * height);
  for (let row = 0; row < height; row++) {
    const start = (y + row) * mask.width + x;
    crop.set(pixels.subarray(start, start + width), row * width);
  }
  return crop;
}

/**
 * One ring around all polygons, for formats that have one polygon for each object: from the first polygon's first
 * point to every other polygon and back along the same line, which encloses nothing.
 */
export function joinRings(polygons: Polygons): readonly number[] {
  const [first, ...others] = polygons;
  if (!first || others.length === 0) return first ?? [];
  const [x, y] = [first[0]!, first[1]!];
  return [...first, x, y, ...others.flatMap((ring) => [...ring, ring[0]!, ring[1]!, x, y])];
}
