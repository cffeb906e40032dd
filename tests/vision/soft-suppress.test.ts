import { describe, expect, test } from 'vitest';
import { Candidates } from '../../src/vision/candidates.ts';
import { softSuppress } from '../../src/vision/soft-suppress.ts';
import type { Limits } from '../../src/vision/types.ts';

const limits: Limits = { scoreThreshold: 0.1, iouThreshold: 1, maxDetections: 10, classAgnostic: false };

function run(
  rows: readonly (readonly [number, number, number, number, number, number])[],
  about: Partial<Limits> = {},
) {
  const candidates = new Candidates({ ...limits, ...about });
  rows.forEach(([a, b, c, d, score, classId], i) => {
    candidates.add(a, b, c, d, score, classId, i);
  });
  const { scores, sources } = softSuppress(candidates.sorted(), 0.5, { ...limits, ...about });
  return Array.from(scores, (score, k) => [sources[k], Math.round(score * 1000) / 1000]);
}

describe('softSuppress', () => {
  test('a box over another of its class loses score, by the IoU of pixels one wide', () => {
    // 10×10 and 10×10 pixels that share 5×10: IoU 1/3; exp(−2/9) = .801.
    expect(
      run([
        [0, 0, 9, 9, 0.9, 0],
        [5, 0, 14, 9, 0.8, 0],
      ]),
    ).toEqual([
      [0, 0.9],
      [1, 0.641],
    ]);
  });

  test('the order is that of the lowered scores', () => {
    expect(
      run([
        [0, 0, 9, 9, 0.9, 0],
        [0, 0, 9, 9, 0.8, 0],
        [50, 50, 60, 60, 0.5, 0],
      ]),
    ).toEqual([
      [0, 0.9],
      [2, 0.5],
      [1, 0.108],
    ]);
  });

  test('other classes count where the caller says so', () => {
    const rows = [
      [0, 0, 9, 9, 0.9, 0],
      [0, 0, 9, 9, 0.8, 1],
    ] as const;
    expect(run(rows)).toEqual([
      [0, 0.9],
      [1, 0.8],
    ]);
    expect(run(rows, { classAgnostic: true })).toEqual([
      [0, 0.9],
      [1, 0.108],
    ]);
  });

  test('what falls below the threshold is dropped, and so is what is too much', () => {
    const rows = [
      [0, 0, 9, 9, 0.9, 0],
      [0, 0, 9, 9, 0.6, 0],
      [30, 0, 39, 9, 0.5, 0],
    ] as const;
    expect(run(rows)).toEqual([
      [0, 0.9],
      [2, 0.5],
    ]);
    expect(run(rows, { maxDetections: 1 })).toEqual([[0, 0.9]]);
    expect(run([])).toEqual([]);
  });
});
