import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  rleArea,
  rleFromColumns,
  rleFromCounts,
  rleFromCrop,
  rleFromRows,
  rleToBox,
  rleToColumns,
  rleToRows,
} from '../../src/vision/rle.ts';

const mask = fc
  .record({ width: fc.integer({ min: 1, max: 12 }), height: fc.integer({ min: 1, max: 12 }) })
  .chain(({ width, height }) =>
    fc.record({
      width: fc.constant(width),
      height: fc.constant(height),
      data: fc.uint8Array({ min: 0, max: 1, minLength: width * height, maxLength: width * height }),
    }),
  );

function transpose(data: Uint8Array, width: number, height: number): Uint8Array {
  return Uint8Array.from(data, (_, i) => data[(i % height) * width + Math.floor(i / height)]!);
}

describe('encoding', () => {
  it('runs down the columns and starts with background', () => {
    // 1 0 1
    // 1 1 0
    const rows = Uint8Array.of(1, 0, 1, 1, 1, 0);
    expect([...rleFromRows(rows, 3, 2).counts]).toEqual([0, 2, 1, 2, 1]);
    expect([...rleFromColumns(Uint8Array.of(1, 1, 0, 1, 1, 0), 3, 2).counts]).toEqual([0, 2, 1, 2, 1]);
  });

  it('has one run for an empty mask and a zero before a full one', () => {
    expect([...rleFromRows(new Uint8Array(6), 3, 2).counts]).toEqual([6]);
    expect([...rleFromRows(new Uint8Array(6).fill(1), 3, 2).counts]).toEqual([0, 6]);
  });

  it('takes every value but 0 as set', () => {
    expect([...rleFromColumns(Uint8Array.of(0, 255, 7), 1, 3).counts]).toEqual([1, 2]);
    expect([...rleFromRows(Uint8Array.of(0, 255, 7), 1, 3).counts]).toEqual([1, 2]);
  });

  it('comes back as it went', () => {
    fc.assert(
      fc.property(mask, ({ width, height, data }) => {
        expect(rleToRows(rleFromRows(data, width, height))).toEqual(data);
        expect(rleToColumns(rleFromColumns(data, width, height))).toEqual(data);
        expect(rleFromRows(data, width, height)).toEqual(rleFromColumns(transpose(data, width, height), width, height));
      }),
    );
  });

  it('encodes a crop like the whole image around it', () => {
    const margins = fc.record({ left: fc.nat(3), top: fc.nat(3), right: fc.nat(3), bottom: fc.nat(3) });
    fc.assert(
      fc.property(mask, margins, (crop, { left, top, right, bottom }) => {
        const width = left + crop.width + right;
        const height = top + crop.height + bottom;
        const whole = new Uint8Array(width * height);
        crop.data.forEach((v, i) => {
          whole[(top + Math.floor(i / crop.width)) * width + left + (i % crop.width)] = v;
        });
        expect(rleFromCrop({ x: left, y: top, ...crop }, width, height)).toEqual(rleFromRows(whole, width, height));
      }),
      { numRuns: 500 },
    );
  });

  it('encodes an empty crop as an empty mask', () => {
    const crop = { x: 2, y: 1, width: 0, height: 0, data: new Uint8Array() };
    expect([...rleFromCrop(crop, 4, 4).counts]).toEqual([16]);
  });

  it.each([
    { x: -1, y: 0, width: 2, height: 2, data: new Uint8Array(4) },
    { x: 3, y: 0, width: 2, height: 2, data: new Uint8Array(4) },
    { x: 0, y: 3, width: 2, height: 2, data: new Uint8Array(4) },
    { x: 0.5, y: 0, width: 2, height: 2, data: new Uint8Array(4) },
    { x: 0, y: 0, width: 2, height: 2, data: new Uint8Array(3) },
    { x: 4, y: 4, width: -2, height: -2, data: new Uint8Array(4) },
    { x: Number.NaN, y: 0, width: 1, height: 1, data: new Uint8Array(1) },
  ])('refuses a crop that does not fit: %o', (crop) => {
    expect(() => rleFromCrop(crop, 4, 4)).toThrow(RangeError);
  });
});

describe('area and box', () => {
  it('agree with the pixels', () => {
    fc.assert(
      fc.property(mask, ({ width, height, data }) => {
        const rle = rleFromRows(data, width, height);
        const set = [...data.keys()].filter((i) => data[i]);
        expect(rleArea(rle)).toBe(set.length);
        const xs = set.map((i) => i % width);
        const ys = set.map((i) => Math.floor(i / width));
        const [x, y] = [Math.min(...xs), Math.min(...ys)];
        const box = set.length ? [x, y, Math.max(...xs) - x + 1, Math.max(...ys) - y + 1] : [0, 0, 0, 0];
        expect(rleToBox(rle)).toEqual(box);
      }),
    );
  });

  it('ignore runs of length 0', () => {
    expect(rleToBox(rleFromCounts([3, 0, 6], 3, 3))).toEqual([0, 0, 0, 0]);
    expect(rleToBox(rleFromCounts([3, 1, 0, 1, 0, 0, 4], 3, 3))).toEqual([1, 0, 1, 2]);
  });
});

describe('counts from outside', () => {
  it.each([
    [[-1, 5], /run 0 is -1/],
    [[1.5, 2.5], /run 0 is 1.5/],
    [[Number.NaN], /run 0 is NaN/],
    [[2, 3], /add up to 5, beyond 2×2/],
    [[2, 1], /add up to 3 of 2×2/],
    [[], /add up to 0 of 2×2/],
    [[2 ** 53, 1], /beyond/],
  ])('refuses %j', (counts, message) => {
    expect(() => rleFromCounts(counts, 2, 2)).toThrow(RangeError);
    expect(() => rleFromCounts(counts, 2, 2)).toThrow(message);
  });

  it.each([
    [0, 4],
    [4, -1],
    [1.5, 2],
    [Number.NaN, 1],
    [Number.POSITIVE_INFINITY, 1],
    [1e6, 1e6],
  ])('refuses a size of %d×%d', (width, height) => {
    expect(() => rleFromCounts([width * height], width, height)).toThrow(RangeError);
    expect(() => rleToRows({ width, height, counts: Uint32Array.of(1) })).toThrow(RangeError);
  });

  it('refuses bitmaps of another size', () => {
    expect(() => rleFromRows(new Uint8Array(5), 2, 2)).toThrow('expected 2×2 pixels, got 5');
    expect(() => rleFromColumns(new Uint8Array(3), 2, 2)).toThrow(RangeError);
  });
});
