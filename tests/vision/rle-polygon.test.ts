import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { rleArea, rleFromCrop, rleToBox } from '../../src/vision/rle.ts';
import { rleFromBox, rleFromPolygon } from '../../src/vision/rle-polygon.ts';
import { rleToString } from '../../src/vision/rle-string.ts';

describe('polygons', () => {
  it('fill whole pixels of a box on pixel borders', () => {
    const side = fc.integer({ min: 1, max: 20 });
    // Whole pixels are those whose centres lie inside: a border 0.4 into the pixel makes no difference.
    fc.assert(
      fc.property(fc.nat(19), fc.nat(20), side, side, fc.constantFrom(0, 0.4), (x, y, width, height, shift) => {
        const data = new Uint8Array(width * height).fill(1);
        expect(rleFromBox([x + shift, y, width, height], 40, 45)).toEqual(
          rleFromCrop({ x, y, width, height, data }, 40, 45),
        );
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
    [
      48,
      64,
      [45.9, 55.27, 45.32, 56.69, 22.75, 33.67, 60.33, 34.26],
      'Ra11o11O1O1O1O1O1O1O1O1O1O1O1O1O1O1O2N1O1O1O1O00N2OoN',
    ],
    [101, 97, [-7.04, 49.02, -45.33, 90.81, 5.4, 108.57, 12.81, 120.17], '[2f0_2L4L3M4L4LQm8'],
    [
      31,
      13,
      [
        11.513044126145243, -0.5128481366368209, 2.269360754324264, 12.242250034839554, -1.202585096205274,
        17.957794655399503, 14.61244679388787, 17.080243690618993, 34.854507736552215, 17.397047098593685,
        44.24074268548036, 17.382847887337654,
      ],
      'V11:2O1O1N2O1O1N2Ok00VO001O001O001O001O001O1O001O001O001O',
    ],
    [
      31,
      13,
      [
        7.15038729994588, -1.106849146475441, -13.961315772276809, 10.66743353438249, 43.02607180510668,
        -1.4406274255095894, 45.96767609025808, 5.45063521099998, 34.120117544151746, -3.4562679755371595,
        1.0124782319421186, 19.146822735525177,
      ],
      '357010O1M3M02N2010000000O01O100O00100O1O10O01O100O=000D0O10O1',
    ],
  ] as [number, number, number[], string][])('equal maskApi.c: %d×%d %j', (width, height, points, counts) => {
    expect(rleToString(rleFromPolygon(points, width, height))).toBe(counts);
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
