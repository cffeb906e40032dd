import { expect, test } from 'vitest';
import { overlapGroups } from '../../src/vision/overlap-groups.ts';

const boxes = Float32Array.of(0, 0, 10, 10, 50, 50, 60, 60, 1, 0, 11, 10, 6, 0, 16, 10, 51, 50, 61, 60);

test('each group has what overlaps its best box, which need not overlap each other', () => {
  expect(overlapGroups(boxes, 0.3)).toEqual([[0, 2], [1, 4], [3]]);
  expect(overlapGroups(boxes, 0.2)).toEqual([
    [0, 2, 3],
    [1, 4],
  ]);
});

test('at an IoU of 1 nothing overlaps, not even a box and its double', () => {
  expect(overlapGroups(Float32Array.of(0, 0, 1, 1, 0, 0, 1, 1), 1)).toEqual([[0], [1]]);
  expect(overlapGroups(new Float32Array(), 0.5)).toEqual([]);
});
