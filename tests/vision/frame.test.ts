import { describe, expect, it } from 'vitest';
import { fitFrame } from '../../src/vision/frame.ts';
import type { InputSpec } from '../../src/vision/input-spec.ts';
import { toInputTensor } from '../../src/vision/pixels.ts';
import { halfToFloat } from '../../src/vision/tensor.ts';

describe('fitFrame', () => {
  const scale = { mode: 'scale', longest: 1333, multiple: 32, anchor: 'top-left', enlarge: true } as const;

  it('crops the middle, in the input’s proportions', () => {
    const crop = { mode: 'crop', width: 224, height: 224, share: 0.875 } as const;
    // What bringing the shorter side to 256 and taking the middle 224 gives.
    const frame = fitFrame({ width: 1024, height: 512 }, crop);
    expect(frame.region).toEqual({ left: 288, top: 32, width: 448, height: 448 });
    expect(frame).toMatchObject({ content: { width: 224, height: 224 }, scaleX: 0.5, offsetX: -144, offsetY: -16 });
    const wide = fitFrame({ width: 100, height: 100 }, { ...crop, height: 112, share: 1 });
    expect(wide.region).toEqual({ left: 0, top: 25, width: 100, height: 50 });
    expect(fitFrame({ width: 1, height: 9000 }, crop).region).toEqual({ left: 0, top: 4500, width: 1, height: 1 });
  });

  it('brings both sides to multiples within their limits, and enlarges nothing', () => {
    const limit = { mode: 'limit', longest: 1600, multiple: 32 } as const;
    const photo = { width: 2000, height: 1100 };
    expect(fitFrame(photo, limit).input).toEqual({ width: 1600, height: 896 });
    expect(fitFrame(photo, { ...limit, shortest: 512 }).input).toEqual({ width: 928, height: 512 });
    expect(fitFrame({ width: 300, height: 200 }, { ...limit, shortest: 512 }).input).toEqual({
      width: 288,
      height: 192,
    });
  });

  it('brings the shorter side to its length, unless the longer one grows too long', () => {
    const photo = fitFrame({ width: 640, height: 480 }, { ...scale, shortest: 800 });
    expect(photo).toMatchObject({ content: { width: 1067, height: 800 }, input: { width: 1088, height: 800 } });
    const panorama = fitFrame({ width: 2000, height: 500 }, { ...scale, shortest: 800 });
    expect(panorama).toMatchObject({ content: { width: 1333, height: 333 }, input: { width: 1344, height: 352 } });
  });

  it('keeps small pictures as they are where nothing is enlarged', () => {
    const own = fitFrame({ width: 150, height: 97 }, { ...scale, multiple: 1, enlarge: false });
    expect(own).toMatchObject({ input: { width: 150, height: 97 }, scaleX: 1, scaleY: 1, offsetX: 0, offsetY: 0 });
  });

  it('puts the odd pixel of centred padding at the end, and keeps a line of one pixel', () => {
    const centred = fitFrame({ width: 100, height: 61 }, { ...scale, longest: 100, anchor: 'center' });
    expect(centred).toMatchObject({ input: { width: 128, height: 64 }, offsetX: 14, offsetY: 1 });
    const line = fitFrame({ width: 16000, height: 1 }, { ...scale, longest: 640 });
    expect(line).toMatchObject({ content: { width: 640, height: 1 }, input: { width: 640, height: 32 } });
  });
});

const spec: InputSpec = {
  name: 'x',
  layout: 'nchw',
  batch: 1,
  dtype: 'float32',
  color: 'rgb',
  mean: [0, 0, 0],
  std: [1, 1, 1],
  resize: { mode: 'stretch', width: 2, height: 1 },
  interpolation: 'linear',
  pad: 0,
};
const frame = fitFrame({ width: 2, height: 1 }, spec.resize);
const pixels = Uint8Array.of(10, 20, 30, 40, 50, 60);

describe('toInputTensor', () => {
  it('leaves out the batch where the graph takes one picture', () => {
    expect(toInputTensor(pixels, frame, { ...spec, layout: 'chw' })).toMatchObject({
      dims: [3, 1, 2],
      data: Float32Array.of(10, 40, 20, 50, 30, 60),
    });
    expect(toInputTensor(pixels, frame, { ...spec, layout: 'hwc', color: 'bgr' })).toMatchObject({
      dims: [1, 2, 3],
      data: Float32Array.of(30, 20, 10, 60, 50, 40),
    });
  });

  it('fills the first picture of a batch and leaves the others zero', () => {
    const { dims, data } = toInputTensor(pixels, frame, { ...spec, batch: 3, layout: 'nhwc' });
    expect(dims).toEqual([3, 1, 2, 3]);
    expect([...data]).toEqual([...pixels, ...new Array(12).fill(0)]);
  });

  it('weighs colours to grey as OpenCV does', () => {
    const { dims, data } = toInputTensor(pixels, frame, { ...spec, color: 'gray', mean: [8, 0, 0], std: [2, 1, 1] });
    expect(dims).toEqual([1, 1, 1, 2]);
    // .299·10 + .587·20 + .114·30 = 18.15 → 18; .299·40 + .587·50 + .114·60 = 48.15 → 48.
    expect([...data]).toEqual([(18 - 8) / 2, (48 - 8) / 2]);
  });

  it('fills the input with a crop', () => {
    const crop = fitFrame({ width: 9, height: 5 }, { mode: 'crop', width: 2, height: 1, share: 0.5 });
    const { data } = toInputTensor(pixels, crop, { ...spec, layout: 'nhwc' });
    expect([...data]).toEqual([...pixels]);
  });

  it('pads with zero where the border is the mean', () => {
    const padded = fitFrame({ width: 2, height: 1 }, { mode: 'letterbox', width: 2, height: 2, anchor: 'top-left' });
    const { data } = toInputTensor(pixels, padded, { ...spec, mean: [1, 2, 3], pad: 'mean' });
    expect([...data]).toEqual([9, 39, 0, 0, 18, 48, 0, 0, 27, 57, 0, 0]);
  });

  it('pads grey pictures and halves alike', () => {
    const padded = fitFrame({ width: 2, height: 1 }, { mode: 'letterbox', width: 2, height: 2, anchor: 'top-left' });
    const { data } = toInputTensor(pixels, padded, { ...spec, color: 'gray', dtype: 'float16', pad: 114 });
    expect(Array.from(data as Uint16Array, halfToFloat)).toEqual([18, 48, 114, 114]);
  });
});
