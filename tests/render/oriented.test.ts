import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { toCocoResults } from '../../src/render/coco.ts';
import { toJsonResult } from '../../src/render/json.ts';
import { drawLine } from '../../src/render/lines.ts';
import { renderOverlay } from '../../src/render/overlay.ts';
import type { Detections, Limits, Result } from '../../src/vision/types.ts';

const size = { width: 60, height: 40 };
const limits: Limits = { scoreThreshold: 0, iouThreshold: 1, maxDetections: 9, classAgnostic: false };
const blank = () => ({ ...size, data: new Uint8Array(size.width * size.height * 3) });

function detection(extras: Partial<Detections>): Result {
  const one = { boxes: Float32Array.of(10, 10, 30, 30), scores: Float32Array.of(0.5), classIds: Int32Array.of(0) };
  return { task: 'detection', value: { ...one, ...extras } };
}

async function json(result: Result) {
  return JSON.parse(await toJsonResult(result, { name: 'a.jpg', picture: size, labels: ['a'], limits })).detections[0];
}

describe('oriented boxes', () => {
  it('are a rectangle and its corners in JSON', async () => {
    const diamond = await json(detection({ corners: Float32Array.of(20, 10, 30, 20, 20, 30, 10, 20) }));
    expect(diamond.polygon).toEqual([
      [20, 10],
      [30, 20],
      [20, 30],
      [10, 20],
    ]);
    expect(diamond.rotated_box).toMatchObject({ cx: 20, cy: 20, width: 14.14, height: 14.14 });
    expect(diamond.rotated_box.angle % (Math.PI / 2)).toBeCloseTo(Math.PI / 4, 5);
    const upright = await json(detection({ corners: Float32Array.of(10, 0, 14, 0, 14, 20, 10, 20) }));
    expect(upright.rotated_box).toEqual({ cx: 12, cy: 10, width: 20, height: 4, angle: 1.570796 });
    expect(await json(detection({}))).not.toHaveProperty('polygon');
  });

  it('are drawn along their sides, not along their extents', async () => {
    const corners = Float32Array.of(20, 10, 30, 20, 20, 30, 10, 20);
    const png = await renderOverlay(blank(), detection({ corners }), [], 'png');
    const { data } = await sharp(png).removeAlpha().raw().toBuffer({ resolveWithObject: true });
    const isPainted = (x: number, y: number) => [0, 1, 2].some((c) => data[(y * size.width + x) * 3 + c]! > 40);
    expect(isPainted(25, 25)).toBe(true);
    expect(isPainted(29, 29)).toBe(false);
  });
});

describe('keypoints', () => {
  it('are x, y, score in COCO results', () => {
    const keypoints = { names: ['a', 'b'], points: Float32Array.of(1, 2, 0.5, 3.005, 4, 0.25) };
    const [result] = JSON.parse(`[${toCocoResults(detection({ keypoints }), { name: '7.jpg', picture: size })}]`);
    expect(result).toMatchObject({ image_id: 7, keypoints: [1, 2, 0.5, 3.01, 4, 0.25] });
  });
});

describe('drawLine', () => {
  it('draws nothing outside of the canvas, however long the line', () => {
    const canvas = blank();
    const white = [255, 255, 255] as const;
    drawLine(canvas, [-1e7, 100, 1e7, 100], 3, white);
    drawLine(canvas, [Number.NaN, 0, 10, 10], 3, white);
    expect(canvas.data.every((v) => v === 0)).toBe(true);
    drawLine(canvas, [-1e7, 20, 1e7, 20], 3, white);
    const row = (y: number) => canvas.data.subarray(y * size.width * 3, (y + 1) * size.width * 3);
    expect(row(20).every((v) => v > 200)).toBe(true);
    expect(row(30).every((v) => v === 0)).toBe(true);
  });
});
