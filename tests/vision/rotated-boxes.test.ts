import { describe, expect, it } from 'vitest';
import { rotatedCorners, suppressRotated } from '../../src/vision/rotated-boxes.ts';
import { RotatedCandidates } from '../../src/vision/rotated-candidates.ts';
import type { Limits } from '../../src/vision/types.ts';

const limits: Limits = { scoreThreshold: 0.1, iouThreshold: 0.5, maxDetections: 10, classAgnostic: false };

describe('rotatedCorners', () => {
  it('goes around an upright box from its top left', () => {
    const corners = new Float32Array(8);
    rotatedCorners(Float32Array.of(10, 20, 6, 4, 0), 0, corners, 0);
    expect([...corners]).toEqual([7, 18, 13, 18, 13, 22, 7, 22]);
  });

  it('turns from x towards y', () => {
    const corners = new Float32Array(16);
    rotatedCorners(Float32Array.of(0, 0, 1, 1, 0, 10, 20, 6, 4, Math.PI / 2), 1, corners, 8);
    [12, 17, 12, 23, 8, 23, 8, 17].forEach((v, k) => {
      expect(corners[8 + k]).toBeCloseTo(v, 5);
    });
  });
});

describe('suppressRotated', () => {
  const kept = (boxes: number[], classIds: number[], wanted: Partial<Limits> = {}) =>
    suppressRotated(Float32Array.from(boxes), Int32Array.from(classIds), { ...limits, ...wanted });

  it('drops the same box, whichever side is called its width', () => {
    const [box, turned] = [
      [50, 50, 40, 10, 0.3],
      [50, 50, 10, 40, 0.3 + Math.PI / 2],
    ] as const;
    expect(kept([...box, ...turned], [0, 0])).toEqual([0]);
    expect(kept([...box, ...turned], [0, 1])).toEqual([0, 1]);
    expect(kept([...box, ...turned], [0, 1], { classAgnostic: true })).toEqual([0]);
  });

  it('keeps what only crosses it', () => {
    expect(kept([50, 50, 40, 4, 0, 50, 50, 40, 4, Math.PI / 2], [0, 0])).toEqual([0, 1]);
  });

  it('lets a box that goes take others with it', () => {
    // Each covers the next, the first not the last.
    const row = [50, 50, 20, 20, 0, 54, 50, 20, 20, 0, 58, 50, 20, 20, 0];
    const iou = { iouThreshold: 0.6 };
    expect(kept(row.slice(0, 10), [0, 0], iou)).toEqual([0]);
    expect(kept([...row.slice(0, 5), ...row.slice(10)], [0, 0], iou)).toEqual([0, 1]);
    expect(kept(row, [0, 0, 0], iou)).toEqual([0]);
  });

  it('keeps all of threshold 1, and no more than asked for', () => {
    const same = [5, 5, 4, 4, 0];
    expect(kept([...same, ...same, ...same], [0, 0, 0], { iouThreshold: 1 })).toEqual([0, 1, 2]);
    expect(kept([...same, ...same], [0, 0], { iouThreshold: 1, maxDetections: 1 })).toEqual([0]);
  });
});

describe('RotatedCandidates', () => {
  it('gives extents and corners by descending score, of what is a box', () => {
    const candidates = new RotatedCandidates(limits);
    candidates.add(10, 10, 4, 2, 0, 0.5, 1);
    candidates.add(30, 30, 4, 2, Math.PI / 2, 0.9, 2);
    candidates.add(50, 50, 4, 2, Number.NaN, 0.9, 2);
    candidates.add(50, 50, -4, 2, 0, 0.9, 2);
    candidates.add(50, 50, 4, 2, 0, 0.05, 2);
    for (const { boxes, scores, classIds, corners } of [candidates.top(), candidates.suppress()]) {
      expect([...scores].map((s) => s.toFixed(1))).toEqual(['0.9', '0.5']);
      expect([...classIds]).toEqual([2, 1]);
      expect([...boxes].map((v) => Math.round(v * 100) / 100)).toEqual([29, 28, 31, 32, 8, 9, 12, 11]);
      expect(corners).toHaveLength(16);
      expect([...corners!.slice(8)]).toEqual([8, 9, 12, 9, 12, 11, 8, 11]);
    }
  });
});
