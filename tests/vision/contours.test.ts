import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { maskToPolygons } from '../../src/vision/contours.ts';
import { rleToRows } from '../../src/vision/rle.ts';
import { rleMerge } from '../../src/vision/rle-overlap.ts';
import { rleFromPolygon } from '../../src/vision/rle-polygon.ts';
import type { BinaryMask } from '../../src/vision/types.ts';

function maskOf(rows: readonly string[], x = 0, y = 0): BinaryMask {
  const data = Uint8Array.from(rows.join(''), (c) => (c === '#' ? 1 : 0));
  return { x, y, width: rows[0]!.length, height: rows.length, data };
}

/** What COCO's tools make of a list of polygons: the union of each one's pixels. */
function fillAsCoco(polygons: readonly number[][], width: number, height: number): Uint8Array {
  if (polygons.length === 0) return new Uint8Array(width * height);
  return rleToRows(rleMerge(polygons.map((polygon) => rleFromPolygon(polygon, width, height))));
}

/** Pixels whose centre an odd number of a polygon's edges passes to the left of. */
function fillEvenOdd(polygons: readonly number[][], width: number, height: number): Uint8Array {
  const pixels = new Uint8Array(width * height);
  for (const ring of polygons) {
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        let crossings = 0;
        for (let i = 0; i < ring.length; i += 2) {
          const j = (i + 2) % ring.length;
          const [x0, y0, x1, y1] = [ring[i]!, ring[i + 1]!, ring[j]!, ring[j + 1]!];
          if (y0 > y + 0.5 === y1 > y + 0.5) continue;
          if (x0 + ((y + 0.5 - y0) / (y1 - y0)) * (x1 - x0) < x + 0.5) crossings++;
        }
        if (crossings % 2 === 1) pixels[y * width + x] = 1;
      }
    }
  }
  return pixels;
}

/** Positive where the ring runs clockwise as seen, y downwards. */
function signedArea(ring: readonly number[]): number {
  let sum = 0;
  for (let i = 0; i < ring.length; i += 2) {
    const j = (i + 2) % ring.length;
    sum += ring[i]! * ring[j + 1]! - ring[j]! * ring[i + 1]!;
  }
  return sum / 2;
}

/** The parts of a mask whose pixels touch along edges. */
function countParts({ data, width }: BinaryMask): number {
  const seen = Uint8Array.from(data);
  let parts = 0;
  for (let start = 0; start < seen.length; start++) {
    if (seen[start] === 0) continue;
    parts++;
    const open = [start];
    seen[start] = 0;
    for (let at = open.pop(); at !== undefined; at = open.pop()) {
      const column = at % width;
      const around = [at - width, at + width, ...(column > 0 ? [at - 1] : []), ...(column + 1 < width ? [at + 1] : [])];
      for (const other of around) {
        if (seen[other] !== 1) continue;
        seen[other] = 0;
        open.push(other);
      }
    }
  }
  return parts;
}

const bitmaps = fc
  .tuple(fc.integer({ min: 1, max: 14 }), fc.integer({ min: 1, max: 14 }), fc.integer({ min: 1, max: 9 }))
  .chain(([width, height, density]) =>
    fc
      .array(fc.integer({ min: 0, max: 9 }), { minLength: width * height, maxLength: width * height })
      .map((cells) => ({ width, height, data: Uint8Array.from(cells, (v) => (v < density ? 1 : 0)) })),
  );

describe('maskToPolygons', () => {
  it('outlines a rectangle with four corners in source pixels', () => {
    expect(maskToPolygons(maskOf(['##', '##', '##'], 10, 20))).toEqual([[12, 20, 12, 23, 10, 23, 10, 20]]);
  });

  it('finds nothing in an empty mask', () => {
    expect(maskToPolygons(maskOf(['..', '..']))).toEqual([]);
    expect(maskToPolygons({ x: 3, y: 4, width: 0, height: 0, data: new Uint8Array() })).toEqual([]);
  });

  it('keeps pixels apart that only touch at a corner', () => {
    expect(maskToPolygons(maskOf(['#.', '.#']))).toHaveLength(2);
  });

  it('joins a hole to its outline by a slit without area', () => {
    const polygons = maskToPolygons(maskOf(['###', '#.#', '###']));
    expect(polygons).toHaveLength(1);
    expect(signedArea(polygons[0]!)).toBe(8);
  });

  it('joins a hole through the hole above it, and an island in a hole stands alone', () => {
    const rows = ['########', '#.#....#', '###.##.#', '#.#.##.#', '###....#', '########'];
    const mask = maskOf(rows);
    const polygons = maskToPolygons(mask);
    expect(polygons).toHaveLength(2);
    expect(fillAsCoco(polygons, 8, 6)).toEqual(mask.data);
  });

  it('gives any mask back, by the rules of COCO and by even-odd', () => {
    fc.assert(
      fc.property(bitmaps, fc.nat(5), fc.nat(5), (bitmap, x, y) => {
        const mask = { ...bitmap, x, y };
        const [width, height] = [bitmap.width + x + 2, bitmap.height + y + 2];
        const expected = new Uint8Array(width * height);
        bitmap.data.forEach((v, i) => {
          expected[(Math.floor(i / bitmap.width) + y) * width + (i % bitmap.width) + x] = v;
        });
        const polygons = maskToPolygons(mask);
        expect(fillAsCoco(polygons, width, height)).toEqual(expected);
        expect(fillEvenOdd(polygons, width, height)).toEqual(expected);
      }),
      { numRuns: 400 },
    );
  });

  it('makes one clockwise polygon per part, whose areas add up to the mask, at least 6 numbers long', () => {
    fc.assert(
      fc.property(bitmaps, (bitmap) => {
        const polygons = maskToPolygons({ ...bitmap, x: 0, y: 0 });
        expect(polygons).toHaveLength(countParts({ ...bitmap, x: 0, y: 0 }));
        const areas = polygons.map(signedArea);
        expect(areas.every((area) => area > 0)).toBe(true);
        expect(areas.reduce((sum, area) => sum + area, 0)).toBe(bitmap.data.reduce((sum, v) => sum + v, 0));
        expect(polygons.every((ring) => ring.length >= 6 && ring.length % 2 === 0)).toBe(true);
      }),
    );
  });

  it('keeps no point in the middle of a straight line', () => {
    fc.assert(
      fc.property(bitmaps, (bitmap) => {
        for (const ring of maskToPolygons({ ...bitmap, x: 0, y: 0 })) {
          const n = ring.length;
          for (let i = 0; i < n; i += 2) {
            const ax = ring[(i + 2) % n]! - ring[i]!;
            const ay = ring[(i + 3) % n]! - ring[i + 1]!;
            const bx = ring[(i + 4) % n]! - ring[(i + 2) % n]!;
            const by = ring[(i + 5) % n]! - ring[(i + 3) % n]!;
            expect(ax * by - ay * bx === 0 && ax * bx + ay * by > 0).toBe(false);
          }
        }
      }),
    );
  });

  it('saves most points of a disc within a tolerance of one pixel and keeps its area', () => {
    const side = 101;
    const data = Uint8Array.from({ length: side * side }, (_, i) =>
      ((i % side) - 50) ** 2 + (Math.floor(i / side) - 50) ** 2 < 48 ** 2 ? 1 : 0,
    );
    const disc = { x: 0, y: 0, width: side, height: side, data };
    const [exact] = maskToPolygons(disc);
    const [coarse] = maskToPolygons(disc, 1);
    expect(coarse!.length).toBeLessThan(exact!.length / 4);
    expect(Math.abs(signedArea(coarse!) / signedArea(exact!) - 1)).toBeLessThan(0.03);
  });

  it('never loses a part, whatever the tolerance', () => {
    fc.assert(
      fc.property(bitmaps, fc.double({ min: 0, max: 50, noNaN: true }), (bitmap, tolerance) => {
        const mask = { ...bitmap, x: 0, y: 0 };
        const polygons = maskToPolygons(mask, tolerance);
        expect(polygons).toHaveLength(maskToPolygons(mask).length);
        expect(polygons.every((ring) => ring.length >= 6)).toBe(true);
      }),
    );
  });
});
