import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { rleArea, rleFromCrop, rleToBox } from '../../src/vision/rle.ts';
import { rleFromBox, rleFromPolygon } from '../../src/vision/rle-polygon.ts';

describe('polygons', () => {
  it('fill whole pixels of a box on pixel borders', () => {
    const side = fc.integer({ min: 1, max: 20 });
    fc.assert(
      fc.property(fc.nat(20), fc.nat(20), side, side, (x, y, width, height) => {
        const data = new Uint8Array(width * height).fill(1);
        expect(rleFromBox([x, y, width, height], 40, 45)).toEqual(rleFromCrop({ x, y, width, height, data }, 40, 45));
      }),
    );
  });

  it('do not depend on where the outline starts', () => {
    const point = fc.tuple(fc.integer({ min: -10, max: 60 }), fc.integer({ min: -10, max: 60 }));
    fc.assert(
      fc.property(fc.array(point, { minLength: 3, maxLength: 8 }), (points) => {
        const turned = [...points.slice(1), points[0]!];
        expect(rleFromPolygon(turned.flat(), 50, 40)).toEqual(rleFromPolygon(points.flat(), 50, 40));
      }),
    );
  });

  it('always cover the image exactly', () => {
    const coordinate = fc.double({ min: -30, max: 80, noNaN: true });
    fc.assert(
      fc.property(fc.array(fc.tuple(coordinate, coordinate), { minLength: 3, maxLength: 12 }), (points) => {
        const { counts } = rleFromPolygon(points.flat(), 50, 40);
        expect(counts.reduce((a, b) => a + b, 0)).toBe(2000);
      }),
    );
  });

  it('are cut off at the border of the image', () => {
    expect(rleToBox(rleFromBox([-5, -5, 10, 10], 20, 20))).toEqual([0, 0, 5, 5]);
    expect(rleArea(rleFromBox([-5, -5, 100, 100], 20, 20))).toBe(400);
    expect(rleArea(rleFromBox([30, 30, 10, 10], 20, 20))).toBe(0);
  });

  it.each([
    [[1, 1, 2, 2], /at least 3 points, got 4/],
    [[1, 1, 2, 2, 3, 3, 4], /got 7/],
    [[1, 1, 2, Number.NaN, 3, 3], /coordinate 3 of a polygon is NaN/],
    [[1, 1, 2, Number.POSITIVE_INFINITY, 3, 3], /coordinate 3/],
    [[0, 0, 1e12, 0, 0, 5], /too long/],
    [[0, 0, 1e308, 0, 0, 5], /too long/],
  ])('refuse %j', (points, message) => {
    expect(() => rleFromPolygon(points, 10, 10)).toThrow(RangeError);
    expect(() => rleFromPolygon(points, 10, 10)).toThrow(message);
  });
});
