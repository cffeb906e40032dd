import { describe, expect, it } from 'vitest';
import { fitFrame } from '../../src/vision/frame.ts';
import { toSource } from '../../src/vision/to-source.ts';
import type { BinaryMask, MaskGrids } from '../../src/vision/types.ts';

const frame = fitFrame({ width: 20, height: 10 }, { mode: 'stretch', width: 10, height: 10 });

/** One object in the box 2–6, 2–6 of the model input, its mask on the way back to 20 × 10 pixels. */
function maskOf(masks: Omit<MaskGrids, 'threshold'>): BinaryMask {
  const value = {
    boxes: Float32Array.of(2, 2, 6, 6),
    scores: Float32Array.of(1),
    classIds: Int32Array.of(0),
    masks: { ...masks, threshold: 0.5 },
  };
  const result = toSource({ task: 'instance-segmentation', value }, frame);
  if (result.task !== 'instance-segmentation') throw new Error(result.task);
  return result.value.masks[0]!;
}

const halves = Float32Array.of(1, 0);

describe('instance masks on their way back', () => {
  it('lie in the object’s box unless told', () => {
    const { data, ...where } = maskOf({ width: 2, height: 1, region: 'box', grid: () => halves });
    expect(where).toEqual({ x: 4, y: 2, width: 8, height: 4 });
    expect([...data.subarray(0, 8)]).toEqual([1, 1, 1, 1, 0, 0, 0, 0]);
  });

  it('are sampled where their grid lies', () => {
    const regions = Float32Array.of(4, 2, 8, 6);
    const { data } = maskOf({ width: 2, height: 1, region: 'box', regions, grid: () => halves });
    expect([...data]).toEqual(new Array(32).fill(1));
  });

  it('reach as far as their window does, within the image', () => {
    const windows = Float32Array.of(-5, 1, 7, 20);
    const whole = Float32Array.of(1);
    const mask = maskOf({ width: 1, height: 1, region: 'input', windows, grid: () => whole });
    expect(mask).toEqual({ x: 0, y: 1, width: 14, height: 9, data: new Uint8Array(14 * 9).fill(1) });
  });
});
