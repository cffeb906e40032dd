import { describe, expect, it } from 'vitest';
import { Candidates } from '../../src/vision/candidates.ts';
import { expectedBin } from '../../src/vision/dfl.ts';
import { countCells, pyramidLevels } from '../../src/vision/levels.ts';
import { isPeak } from '../../src/vision/peaks.ts';
import { countPriors, decodeDelta, priorBoxes } from '../../src/vision/priors.ts';

const f32 = (...values: number[]) => Float32Array.from(values);

describe('expectedBin', () => {
  it('is the mean of the softmax over bins', () => {
    // Weights 1 : 1 : 2 over bins 0, 1, 2.
    expect(expectedBin(f32(99, 0, 0, Math.log(2)), 1, 3)).toBeCloseTo(1.25, 6);
    expect(expectedBin(f32(0, 50, 0, 50, 0, 50, 0), 1, 3, 2)).toBeCloseTo(1, 6);
  });

  it('survives logits that would overflow, and gives NaN for NaN', () => {
    expect(expectedBin(f32(-3e38, 3e38, -3e38), 0, 3)).toBe(1);
    expect(expectedBin(f32(0, Number.NaN), 0, 2)).toBeNaN();
  });
});

describe('pyramidLevels', () => {
  it('rounds sides up and counts on from level to level', () => {
    const levels = pyramidLevels({ width: 100, height: 64 }, [8, 32]);
    expect(levels).toEqual([
      { stride: 8, width: 13, height: 8, start: 0 },
      { stride: 32, width: 4, height: 2, start: 104 },
    ]);
    expect(countCells(levels)).toBe(112);
    expect(countCells(pyramidLevels({ width: 640, height: 640 }, [8, 16, 32]))).toBe(8400);
  });
});

describe('isPeak', () => {
  const map = { width: 3, height: 2, start: 1, stepX: 2, stepY: 6 };
  // Every second number belongs to the map.
  const data = f32(99, 1, 99, 2, 99, 3, 99, 1, 99, 3, 99, 0);

  it('looks at eight neighbours, inside the map only', () => {
    expect(isPeak(data, map, 0, 0)).toBe(false);
    expect(isPeak(data, map, 2, 1)).toBe(false);
  });

  it('takes every cell of a plateau', () => {
    expect(isPeak(data, map, 2, 0)).toBe(true);
    expect(isPeak(data, map, 1, 1)).toBe(true);
  });
});

describe('priorBoxes', () => {
  it('goes level by level, row by row, cell by cell, size by size', () => {
    const input = { width: 32, height: 16 };
    const levels = [
      { stride: 16, sizes: [4, 8] },
      { stride: 32, sizes: [40] },
    ];
    expect([...priorBoxes(input, levels)]).toEqual([
      ...[8, 8, 4, 4],
      ...[8, 8, 8, 8],
      ...[24, 8, 4, 4],
      ...[24, 8, 8, 8],
      // Centre and size of the last are cut to the input.
      ...[16, 16, 32, 16],
    ]);
    expect(countPriors(input, levels)).toBe(5);
  });

  it('gives boxes of other shapes after the squares, √r times as wide and 1/√r as high as the first', () => {
    expect([...priorBoxes({ width: 16, height: 16 }, [{ stride: 16, sizes: [4, 6], ratios: [4] }])]).toEqual([
      ...[8, 8, 4, 4],
      ...[8, 8, 6, 6],
      ...[8, 8, 8, 2],
      ...[8, 8, 2, 8],
    ]);
    const ssd300 = [
      { stride: 8, sizes: [30, 42], ratios: [2] },
      ...[16, 32, 64].map((stride) => ({ stride, sizes: [60, 80], ratios: [2, 3] })),
      ...[100, 300].map((stride) => ({ stride, sizes: [213, 240], ratios: [2] })),
    ];
    expect(countPriors({ width: 300, height: 300 }, ssd300)).toBe(8732);
  });

  it('spreads the cells over the input where they are to divide it evenly', () => {
    const level = { stride: 16, sizes: [4] };
    const rows = (even: boolean) =>
      priorBoxes({ width: 16, height: 24 }, [{ ...level, even }]).filter((_, i) => i % 4 === 1);
    expect([...rows(false)]).toEqual([8, 24]);
    expect([...rows(true)]).toEqual([6, 18]);
  });

  it('gives UltraFace its 4420 at 320×240', () => {
    const levels = [
      { stride: 8, sizes: [10, 16, 24] },
      { stride: 16, sizes: [32, 48] },
      { stride: 32, sizes: [64, 96] },
      { stride: 64, sizes: [128, 192, 256] },
    ];
    expect(countPriors({ width: 320, height: 240 }, levels)).toBe(4420);
    expect(countPriors({ width: 640, height: 480 }, levels)).toBe(17640);
  });
});

describe('decodeDelta', () => {
  it('moves the centre by variance and size, and scales the size exponentially', () => {
    const box = new Float64Array(4);
    const priors = f32(0, 0, 0, 0, 50, 40, 20, 10);
    decodeDelta(priors, f32(9, 9, 9, 9, 1, -2, Math.log(2) / 0.2, 0), 1, 0.1, 0.2, box);
    // Centre 50 + 0.1·20, 40 − 0.2·10; size 40 × 10.
    [32, 33, 72, 43].forEach((expected, i) => {
      expect(box[i]).toBeCloseTo(expected, 4);
    });
  });
});

describe('Candidates', () => {
  const limits = { scoreThreshold: 0.1, iouThreshold: 0.5, maxDetections: 10, classAgnostic: false };
  const kept = (...box: [number, number, number, number]) => {
    const candidates = new Candidates(limits);
    candidates.add(...box, 0.5, 0);
    return candidates.top().scores.length;
  };

  it('drops boxes that float32 cannot hold, or holds without extent', () => {
    expect(kept(-1e39, 0, 1e39, 1)).toBe(0);
    expect(kept(-3e38, 0, 3e38, 1)).toBe(0);
    expect(kept(5, 5, 5 + 1e-9, 6)).toBe(0);
    expect(kept(5, Number.NaN, 6, 6)).toBe(0);
    expect(kept(5, 5, 6, Number.POSITIVE_INFINITY)).toBe(0);
    expect(kept(-1e4, 5, 1e4, 6)).toBe(1);
  });
});
