import { type Rle, rleArea, rleFromCounts, rleToBox } from '../../vision/rle.ts';
import { rleMerge } from '../../vision/rle-overlap.ts';
import { rleFromBox, rleFromPolygon } from '../../vision/rle-polygon.ts';
import { rleFromString } from '../../vision/rle-string.ts';
import { asArray, asNumbers, asObject } from './read.ts';

/** The size of the image that polygons are drawn in; undefined where the file does not say. */
export interface Canvas {
  readonly width: number | undefined;
  readonly height: number | undefined;
}

/**
 * A mask in any of COCO's forms: polygons, compressed or uncompressed run lengths.
 * @throws RangeError saying what is wrong with it.
 */
export function readSegmentation(value: unknown, canvas: Canvas): Rle {
  if (Array.isArray(value)) return readPolygons(value, canvas);
  const { size, counts } = asObject(value, 'segmentation');
  const [height, width] = asNumbers(size, 'size of a segmentation', 2) as [number, number];
  if (typeof counts === 'string') return rleFromString(counts, width, height);
  return rleFromCounts(asArray(counts, 'counts of a segmentation') as number[], width, height);
}

/** The mask that COCO gives to a detection that has only a box. */
export function boxMask(box: ArrayLike<number>, canvas: Canvas): Rle {
  const { width, height } = known(canvas);
  return rleFromBox(box, width, height);
}

/** Area and box of a mask, for detections that have no box of their own. */
export function measure(rle: Rle): { area: number; box: readonly number[] } {
  return { area: rleArea(rle), box: rleToBox(rle) };
}

function readPolygons(polygons: unknown[], canvas: Canvas): Rle {
  const { width, height } = known(canvas);
  if (polygons.length === 0) throw new RangeError('segmentation has no polygons');
  return rleMerge(polygons.map((polygon) => rleFromPolygon(asNumbers(polygon, 'a polygon'), width, height)));
}

function known({ width, height }: Canvas): { width: number; height: number } {
  if (width === undefined || height === undefined) {
    throw new RangeError('its image has no width and height, without which polygons and boxes make no mask');
  }
  return { width, height };
}
