import { describe, expect, it } from 'vitest';
import { meanInside, outset } from '../../src/vision/quads.ts';
import { convexHull, minAreaRect, rectCorners } from '../../src/vision/rotated-rect.ts';

describe('meanInside', () => {
  const width = 6;
  const map = Float32Array.from({ length: 30 }, (_, i) => i);

  it('counts the outline and what lies within, in either direction around', () => {
    const square = [1, 1, 3, 1, 3, 3, 1, 3];
    expect(meanInside(map, width, 5, square)).toBe(2 * width + 2);
    expect(meanInside(map, width, 5, [1, 3, 3, 3, 3, 1, 1, 1])).toBe(2 * width + 2);
    expect(meanInside(map, width, 5, [4, 2, 4, 2, 4, 2, 4, 2])).toBe(2 * width + 4);
  });

  it('follows slanted sides', () => {
    // A diamond: one cell, three, five, three, one.
    const ones = new Float32Array(25);
    for (const cell of [2, 6, 7, 8, 10, 11, 12, 13, 14, 16, 17, 18, 22]) ones[cell] = 1;
    expect(meanInside(ones, 5, 5, [2, 0, 4, 2, 2, 4, 0, 2])).toBe(1);
    expect(meanInside(ones, 5, 5, [0, 0, 4, 0, 4, 4, 0, 4])).toBeCloseTo(13 / 25, 12);
  });

  it('leaves out what lies outside the map, and is 0 where nothing is inside', () => {
    expect(meanInside(map, width, 5, [-3, -3, 0, -3, 0, 0, -3, 0])).toBe(0);
    expect(meanInside(map, width, 5, [4, 4, 9, 4, 9, 9, 4, 9])).toBe(4 * width + 4.5);
    expect(meanInside(map, width, 5, [7, 7, 9, 7, 9, 9, 7, 9])).toBe(0);
  });
});

describe('outset', () => {
  it('moves every side outwards, whichever way round the corners are', () => {
    for (const corners of [
      [2, 2, 8, 2, 8, 5, 2, 5],
      [2, 5, 8, 5, 8, 2, 2, 2],
    ]) {
      const grown = minAreaRect(convexHull(outset(corners, 2)));
      expect(grown).toMatchObject({ centerX: 5, centerY: 3.5 });
      expect([grown.width, grown.height].sort((a, b) => a - b)).toEqual([7, 10]);
    }
  });

  it('has nowhere to move a point to', () => {
    expect(outset([3, 3, 3, 3, 3, 3, 3, 3], 2)).toEqual([]);
  });
});

describe('rectCorners', () => {
  it('gives the corners in order around', () => {
    const corners = rectCorners({ centerX: 10, centerY: 20, width: 6, height: 4, angle: Math.PI / 2 });
    [12, 17, 12, 23, 8, 23, 8, 17].forEach((expected, i) => {
      expect(corners[i]).toBeCloseTo(expected, 12);
    });
  });
});
