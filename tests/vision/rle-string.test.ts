import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { rleFromColumns, rleFromCounts, rleToColumns } from '../../src/vision/rle.ts';
import { rleFromString, rleToString } from '../../src/vision/rle-string.ts';

describe('compressed counts', () => {
  it('write differences from the fourth run on', () => {
    // 5, 3, 4 as they are; 6 − 3 = 3; 2 − 4 = −2, which is 'N'.
    const rle = rleFromCounts([5, 3, 4, 6, 2], 4, 5);
    expect(rleToString(rle)).toBe('5343N');
    expect(rleFromString('5343N', 4, 5)).toEqual(rle);
  });

  it('carry large numbers over several characters', () => {
    const rle = rleFromCounts([2 ** 28 - 1, 1], 2 ** 14, 2 ** 14);
    expect(rleFromString(rleToString(rle), 2 ** 14, 2 ** 14)).toEqual(rle);
  });

  it('come back as they went', () => {
    fc.assert(
      fc.property(fc.uint8Array({ min: 0, max: 1, minLength: 120, maxLength: 120 }), (data) => {
        const rle = rleFromColumns(data, 10, 12);
        expect(rleFromString(rleToString(rle), 10, 12)).toEqual(rle);
      }),
    );
  });

  it('write masks of many runs', () => {
    const stripes = Uint8Array.from({ length: 500 * 400 }, (_, i) => i % 2);
    const text = rleToString(rleFromColumns(stripes, 500, 400));
    expect(text).toBe(`111${'0'.repeat(500 * 400 - 3)}`);
    expect(rleToColumns(rleFromString(text, 500, 400))).toEqual(stripes);
  });

  it.each([
    ['', /add up to 0 of 4×5/],
    ['5', /add up to 5 of 4×5/],
    ['5343', /add up to 18 of 4×5/],
    ['5343P', /cut short in the number at character 4/],
    ['53434', /add up to 26, beyond 4×5/],
    ['O5', /run 0 of the RLE string is negative \(-1\)/],
    ['5343J', /run 4 of the RLE string is negative \(-2\)/],
    ['53 3N', /invalid character at 2/],
    ['53\u{1f600}', /invalid character at 2/],
    ['ooooooooooooooooo0', /too long a number at character 0/],
    ['PPPPPPPPPPPPP', /too long a number at character 0/],
    ['oooooo0', /beyond 4×5/],
  ])('refuse %j', (text, message) => {
    expect(() => rleFromString(text, 4, 5)).toThrow(RangeError);
    expect(() => rleFromString(text, 4, 5)).toThrow(message);
  });

  it('refuse absurd sizes before anything is read', () => {
    expect(() => rleFromString('0', 1e9, 1e9)).toThrow(/exceeds/);
    expect(() => rleFromString('0', 0, 5)).toThrow(/at least 1 pixel/);
  });

  it('are a mask or a RangeError, whatever the text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 40 }), fc.boolean(), (noise, shift) => {
        const text = shift ? noise.replace(/./gsu, (c) => String.fromCharCode(48 + (c.charCodeAt(0) % 64))) : noise;
        try {
          const { counts } = rleFromString(text, 7, 9);
          expect(counts.reduce((a, b) => a + b, 0)).toBe(63);
        } catch (error) {
          expect(error).toBeInstanceOf(RangeError);
        }
      }),
      { numRuns: 2000 },
    );
  });
});
