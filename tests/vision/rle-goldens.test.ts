import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { type Rle, rleArea, rleFromColumns, rleToBox, rleToColumns } from '../../src/vision/rle.ts';
import { rleIou, rleMerge } from '../../src/vision/rle-overlap.ts';
import { rleFromBox, rleFromPolygon } from '../../src/vision/rle-polygon.ts';
import { rleFromString, rleToString } from '../../src/vision/rle-string.ts';
import { sharedPath } from '../helpers/shared.ts';

interface Goldens {
  encode: { size: [number, number]; counts: string; uncompressed: number[]; area: number; bbox: number[] }[];
  frPoly: { h: number; w: number; polys: number[][]; each: string[]; merged: string; area: number; bbox: number[] }[];
  frBbox: { h: number; w: number; bbox: number[]; counts: string; area: number; toBbox: number[] }[];
  merge: { size: [number, number]; rles: string[]; union: string; intersection: string }[];
  iou: { size: [number, number]; dt: string[]; gt: string[]; iscrowd: number[]; iou: number[][] }[];
}

const path = sharedPath('eval/mask_api/mask_goldens.json.gz');

describe.skipIf(!path)('answers of maskApi.c (skipped where the reference data is missing)', () => {
  const goldens = path ? (JSON.parse(gunzipSync(readFileSync(path)).toString()) as Goldens) : ({} as Goldens);
  const read = (text: string, [height, width]: [number, number]): Rle => rleFromString(text, width, height);

  it('encode, strings, area and box', () => {
    for (const { size, counts, uncompressed, area, bbox } of goldens.encode) {
      const rle = read(counts, size);
      expect([...rle.counts]).toEqual(uncompressed);
      expect(rleToString(rle)).toBe(counts);
      expect(rleFromColumns(rleToColumns(rle), rle.width, rle.height)).toEqual(rle);
      expect(rleArea(rle)).toBe(area);
      expect(rleToBox(rle)).toEqual(bbox);
    }
  });

  it('polygons', () => {
    for (const { h, w, polys, each, merged, area, bbox } of goldens.frPoly) {
      const rles = polys.map((polygon) => rleFromPolygon(polygon, w, h));
      expect(rles.map(rleToString)).toEqual(each);
      const union = rleMerge(rles);
      expect(rleToString(union)).toBe(merged);
      expect(rleArea(union)).toBe(area);
      expect(rleToBox(union)).toEqual(bbox);
    }
  });

  it('boxes', () => {
    for (const { h, w, bbox, counts, area, toBbox } of goldens.frBbox) {
      const rle = rleFromBox(bbox, w, h);
      expect(rleToString(rle)).toBe(counts);
      expect(rleArea(rle)).toBe(area);
      expect(rleToBox(rle)).toEqual(toBbox);
    }
  });

  it('merge', () => {
    for (const { size, rles, union, intersection } of goldens.merge) {
      const masks = rles.map((text) => read(text, size));
      expect(rleToString(rleMerge(masks))).toBe(union);
      expect(rleToString(rleMerge(masks, 'intersection'))).toBe(intersection);
    }
  });

  it('IoU, crowds included', () => {
    for (const { size, dt, gt, iscrowd, iou } of goldens.iou) {
      const truths = gt.map((text) => read(text, size));
      const matrix = dt.map((text) => truths.map((truth, g) => rleIou(read(text, size), truth, iscrowd[g] === 1)));
      expect(matrix).toEqual(iou);
    }
  });
});
