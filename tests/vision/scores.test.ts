import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { argmax, columnMaxima, logit, sigmoid, softmax } from '../../src/vision/scores.ts';

const f32 = (...values: number[]) => Float32Array.from(values);

describe('argmax', () => {
  it('reads from start, step by step, and gives the first of equals', () => {
    expect(argmax(f32(9, 1, 9, 3, 9, 3, 9, 2), 1, 4, 2)).toBe(1);
    expect(argmax(f32(5, 7, 7), 0, 3)).toBe(1);
    expect(argmax(f32(-5, -4, 100), 0, 2)).toBe(1);
  });

  it('never lets NaN win', () => {
    expect(argmax(f32(Number.NaN, 1, Number.NaN, 2), 0, 4)).toBe(3);
    expect(argmax(f32(Number.NaN, Number.NaN), 0, 2)).toBe(0);
    expect(argmax(f32(Number.NaN, Number.NEGATIVE_INFINITY), 0, 2)).toBe(0);
  });
});

describe('columnMaxima', () => {
  it('agrees with argmax of every column', () => {
    const matrix = fc.tuple(fc.integer({ min: 1, max: 6 }), fc.integer({ min: 1, max: 6 })).chain(([rows, columns]) =>
      fc.tuple(
        fc.constant(rows),
        fc.constant(columns),
        fc.array(fc.constantFrom(0, 1, 2, -1, 0.5, Number.POSITIVE_INFINITY, Number.NaN), {
          minLength: rows * columns,
          maxLength: rows * columns,
        }),
      ),
    );
    fc.assert(
      fc.property(matrix, ([rows, columns, values]) => {
        const data = f32(7, 7, ...values);
        const { values: maxima, indices } = columnMaxima(data, 2, rows, columns);
        for (let c = 0; c < columns; c++) {
          const row = argmax(data, 2 + c, rows, columns);
          expect(indices[c]).toBe(row);
          const max = data[2 + row * columns + c]!;
          expect(maxima[c]).toBe(Number.isNaN(max) ? Number.NEGATIVE_INFINITY : max);
        }
      }),
    );
  });
});

describe('sigmoid and logit', () => {
  it('are each other’s inverses, and finite sums at the ends', () => {
    expect(sigmoid(0)).toBe(0.5);
    expect(sigmoid(-1000)).toBe(0);
    expect(sigmoid(1000)).toBe(1);
    for (const p of [0.001, 0.25, 0.5, 0.9]) expect(sigmoid(logit(p))).toBeCloseTo(p, 12);
    expect(logit(0)).toBe(Number.NEGATIVE_INFINITY);
    expect(logit(1)).toBe(Number.POSITIVE_INFINITY);
  });
});

describe('softmax', () => {
  it('gives e^x over their sum', () => {
    const [a, b, c] = softmax(f32(0, Math.log(2), Math.log(5)));
    expect(a).toBeCloseTo(1 / 8, 6);
    expect(b).toBeCloseTo(2 / 8, 6);
    expect(c).toBeCloseTo(5 / 8, 6);
  });

  it('does not overflow', () => {
    expect([...softmax(f32(3e38, 3e38))]).toEqual([0.5, 0.5]);
    expect([...softmax(f32(-3e38, 0))]).toEqual([0, 1]);
    expect(softmax(f32())).toHaveLength(0);
  });
});
