import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { edges, tintLabels, tintMask } from '../../src/render/regions.ts';

/** The definition, pixel by pixel. */
function edgesByDefinition(cells: Uint8Array, width: number, height: number, reach: number, bordered: boolean) {
  return Uint8Array.from(cells, (cell, i) => {
    const [x, y] = [i % width, Math.floor(i / width)];
    for (let dy = -reach; dy <= reach; dy++) {
      for (let dx = -reach; dx <= reach; dx++) {
        const outside = x + dx < 0 || y + dy < 0 || x + dx >= width || y + dy >= height;
        if (outside ? bordered : cells[(y + dy) * width + x + dx] !== cell) return 1;
      }
    }
    return 0;
  });
}

const grids = fc
  .tuple(fc.integer({ min: 1, max: 12 }), fc.integer({ min: 1, max: 12 }), fc.integer({ min: 0, max: 3 }))
  .chain(([width, height, top]) =>
    fc
      // Rows of few values and many alike, so that the insides of regions occur.
      .array(fc.integer({ min: 0, max: 30 }), { minLength: width * height, maxLength: width * height })
      .map((cells) => ({ width, height, cells: Uint8Array.from(cells, (v) => (v <= top ? v : 0)) })),
  );

describe('edges', () => {
  it('agrees with its definition', () => {
    fc.assert(
      fc.property(grids, fc.integer({ min: 1, max: 4 }), fc.boolean(), ({ width, height, cells }, reach, bordered) => {
        expect(edges(cells, { width, height }, reach, bordered)).toEqual(
          edgesByDefinition(cells, width, height, reach, bordered),
        );
      }),
      { numRuns: 1000 },
    );
  });

  it('accepts an empty grid', () => {
    expect(edges(new Uint8Array(), { width: 0, height: 0 }, 2, true)).toEqual(new Uint8Array());
    expect(edges(new Uint8Array(), { width: 0, height: 3 }, 2, false)).toEqual(new Uint8Array());
  });
});

describe('tinting', () => {
  const blank = (width: number, height: number) => ({ width, height, data: new Uint8Array(width * height * 3) });
  const white = [255, 255, 255] as const;

  it('tints a mask at 45 % and its edge at 90 %, nothing else, and cuts it at the borders', () => {
    const canvas = blank(6, 6);
    tintMask(canvas, { x: 2, y: 2, width: 9, height: 9, data: new Uint8Array(81).fill(1) }, white, 1);
    const red = canvas.data.filter((_, i) => i % 3 === 0);
    expect([...red.subarray(0, 12)].every((v) => v === 0)).toBe(true);
    expect([...red.subarray(12, 18)]).toEqual([0, 0, 230, 230, 230, 230]);
    expect([...red.subarray(18, 24)]).toEqual([0, 0, 230, 115, 115, 115]);
  });

  it('cuts a mask that begins beyond the picture', () => {
    const canvas = blank(2, 2);
    tintMask(canvas, { x: -3, y: -3, width: 4, height: 4, data: new Uint8Array(16).fill(1) }, white, 1);
    expect([...canvas.data].filter((v) => v > 0)).toHaveLength(3);
    expect(canvas.data[0]).toBeGreaterThan(0);
  });

  it('leaves classes without a colour as they are', () => {
    const canvas = blank(3, 1);
    tintLabels(canvas, Uint8Array.of(0, 5, 5), [undefined, undefined, undefined, undefined, undefined, white], 1);
    expect([...canvas.data]).toEqual([0, 0, 0, 230, 230, 230, 115, 115, 115]);
  });
});
