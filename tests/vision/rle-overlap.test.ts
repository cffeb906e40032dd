import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { rleFromColumns, rleFromCounts } from '../../src/vision/rle.ts';
import { intersectRuns, rleIou, rleMerge } from '../../src/vision/rle-overlap.ts';

const WIDTH = 5;
const HEIGHT = 6;
const bitmap = fc.uint8Array({ min: 0, max: 1, minLength: WIDTH * HEIGHT, maxLength: WIDTH * HEIGHT });
const encode = (data: Uint8Array) => rleFromColumns(data, WIDTH, HEIGHT);

describe('merge', () => {
  it('is the union or the intersection of the pixels', () => {
    fc.assert(
      fc.property(bitmap, bitmap, bitmap, (a, b, c) => {
        const masks = [a, b, c].map(encode);
        expect(rleMerge(masks)).toEqual(encode(a.map((v, i) => v | b[i]! | c[i]!)));
        expect(rleMerge(masks, 'intersection')).toEqual(encode(a.map((v, i) => v & b[i]! & c[i]!)));
      }),
    );
  });

  it('does not stop at runs of length 0', () => {
    const a = rleFromCounts([2, 0, 1, 3], 2, 3);
    const b = rleFromCounts([2, 0, 2, 2], 2, 3);
    expect([...rleMerge([a, b]).counts]).toEqual([3, 3]);
    expect([...rleMerge([a, b], 'intersection').counts]).toEqual([4, 2]);
  });

  it('refuses nothing and sizes that differ', () => {
    expect(() => rleMerge([])).toThrow('cannot merge no masks');
    const message = 'cannot merge a mask of 3×2 with one of 2×3';
    expect(() => rleMerge([rleFromCounts([6], 2, 3), rleFromCounts([6], 3, 2)])).toThrow(message);
  });
});

describe('IoU', () => {
  it('is shared pixels over united pixels', () => {
    fc.assert(
      fc.property(bitmap, bitmap, (a, b) => {
        const shared = a.filter((v, i) => v & b[i]!).length;
        const united = a.filter((v, i) => v | b[i]!).length;
        const [rleA, rleB] = [encode(a), encode(b)];
        expect(rleIou(rleA, rleB)).toBe(shared ? shared / united : 0);
        expect(rleIou(rleB, rleA)).toBe(rleIou(rleA, rleB));
        expect(rleIou(rleA, rleB, true)).toBe(shared ? shared / a.filter((v) => v).length : 0);
        const [m, n] = [rleA.counts, rleB.counts];
        expect(intersectRuns(m, 0, m.length, n, 0, n.length)).toBe(shared);
      }),
    );
  });

  it('is 1 with itself, 0 for empty masks', () => {
    const full = rleFromCounts([0, 6], 2, 3);
    const empty = rleFromCounts([6], 2, 3);
    expect(rleIou(full, full)).toBe(1);
    expect(rleIou(empty, full)).toBe(0);
    expect(rleIou(empty, empty)).toBe(0);
  });

  it('is −1 between images of different sizes where the boxes overlap', () => {
    expect(rleIou(rleFromCounts([0, 6], 2, 3), rleFromCounts([0, 6], 3, 2))).toBe(-1);
    expect(rleIou(rleFromCounts([0, 1, 5], 2, 3), rleFromCounts([5, 1], 3, 2))).toBe(0);
  });
});
