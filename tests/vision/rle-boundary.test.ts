import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { rleFromRows, rleToRows } from '../../src/vision/rle.ts';
import { boundaryWidth, rleBoundary, rleErode } from '../../src/vision/rle-boundary.ts';
import { rleFromString, rleToString } from '../../src/vision/rle-string.ts';
import { sharedPath } from '../helpers/shared.ts';

function erodePixels(data: Uint8Array, width: number, height: number, distance: number): Uint8Array {
  const isSet = (x: number, y: number) => x >= 0 && y >= 0 && x < width && y < height && data[y * width + x] === 1;
  return data.map((_, i) => {
    for (let dy = -distance; dy <= distance; dy++) {
      for (let dx = -distance; dx <= distance; dx++) {
        if (!isSet((i % width) + dx, Math.floor(i / width) + dy)) return 0;
      }
    }
    return 1;
  });
}

describe('erosion', () => {
  it('is that of the pixels', () => {
    const sizes = fc.record({
      width: fc.integer({ min: 1, max: 14 }),
      height: fc.integer({ min: 1, max: 14 }),
      distance: fc.integer({ min: 1, max: 4 }),
      seed: fc.uint8Array({ minLength: 196, maxLength: 196 }),
      density: fc.integer({ min: 128, max: 256 }),
    });
    fc.assert(
      fc.property(sizes, ({ width, height, distance, seed, density }) => {
        const data = seed.slice(0, width * height).map((v) => (v < density ? 1 : 0));
        const eroded = rleErode(rleFromRows(data, width, height), distance);
        expect(rleToRows(eroded)).toEqual(erodePixels(data, width, height, distance));
        expect(eroded).toEqual(rleFromRows(rleToRows(eroded), width, height));
      }),
      { numRuns: 1000 },
    );
  });
});

describe('boundary', () => {
  it('is a frame of one pixel in a small image', () => {
    // Diagonal of 7 × 5 is 8.6, 2 % of it less than a pixel.
    const full = rleFromRows(new Uint8Array(35).fill(1), 7, 5);
    const rows = Array.from({ length: 35 }, (_, i) => (i % 7 === 0 || i % 7 === 6 || i < 7 || i >= 28 ? 1 : 0));
    expect([...rleToRows(rleBoundary(full))]).toEqual(rows);
  });

  it.each([
    [480, 640, 0.02, 16],
    [3, 4, 0.1, 1],
    [3, 4, 0.5, 2],
    [3, 4, 0.7, 4],
    [1, 1, 0.02, 1],
  ])('of a %d×%d image at %d is %d pixels wide', (width, height, ratio, expected) => {
    expect(boundaryWidth(width, height, ratio)).toBe(expected);
  });

  const path = sharedPath('eval/mask_api/boundary_goldens.json');
  it.skipIf(!path)('equals boundary-iou-api (skipped where the reference data is missing)', () => {
    type Golden = { size: [number, number]; mask: string; 'boundary_0.02': string; 'boundary_0.005': string };
    const goldens = JSON.parse(readFileSync(path!, 'utf8')) as Golden[];
    for (const { size, mask, ...boundaries } of goldens) {
      const rle = rleFromString(mask, size[1], size[0]);
      expect(rleToString(rleBoundary(rle, 0.02))).toBe(boundaries['boundary_0.02']);
      expect(rleToString(rleBoundary(rle, 0.005))).toBe(boundaries['boundary_0.005']);
    }
  });
});
