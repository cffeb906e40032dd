import { describe, expect, it } from 'vitest';
import { prototypeMasks } from '../../src/vision/prototypes.ts';

describe('prototypeMasks', () => {
  const input = { width: 64, height: 32 };
  // Two prototypes on 16 × 8 cells: the column, and one everywhere.
  const data = Float32Array.from([
    ...Array.from({ length: 128 }, (_, i) => i % 16),
    ...Array.from({ length: 128 }, () => 1),
  ]);
  const coefficients = [
    [1, -7.5],
    [-1, 3],
  ];
  const masks = prototypeMasks(
    { data, channels: 2, width: 16, height: 8 },
    Float32Array.from([0, 0, 64, 32, 24, 8, 32, 16]),
    input,
    (i, k) => coefficients[i]![k]!,
  );

  it('combines them by each object’s own coefficients', () => {
    expect(masks).toMatchObject({ width: 16, height: 8, region: 'input', threshold: 0 });
    const grid = masks.grid(0);
    expect([...grid.subarray(0, 16)]).toEqual(Array.from({ length: 16 }, (_, x) => x - 7.5));
    expect([...grid.subarray(112)]).toEqual(Array.from({ length: 16 }, (_, x) => x - 7.5));
  });

  it('computes what the box is sampled from, and leaves the rest', () => {
    // The box covers cells 6 and 7 of columns, 2 and 3 of rows; bilinear sampling reaches one further.
    const grid = masks.grid(1);
    const at = (x: number, y: number) => grid[y * 16 + x];
    for (const y of [1, 2, 3, 4]) for (const x of [5, 6, 7, 8]) expect(at(x, y)).toBe(3 - x);
    expect(at(0, 2)).toBe(0);
    expect(at(15, 2)).toBe(0);
    expect(at(6, 7)).toBe(0);
  });
});
