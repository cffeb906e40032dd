import { describe, expect, it } from 'vitest';
import { batchOf, forOnePicture, ofFirstPicture } from '../../src/families/batch.ts';
import { extraInputs, unknownInputs } from '../../src/families/extra-inputs.ts';
import { findImageInput } from '../../src/families/graph.ts';
import { signature, tensor, value } from './fixture.ts';

const size = { width: 640, height: 480 };
const picture = value('images', ['N', 3, 640, 640]);

describe('extra inputs', () => {
  it('tell the graph that the picture is as large as its input', () => {
    const graph = signature(
      [picture, value('orig_target_sizes', ['N', 2], 'int64'), value('scale_factor', [1, 2])],
      [value('boxes', [1, 300, 4])],
    );
    expect(unknownInputs(graph, 'images')).toEqual([]);
    expect(extraInputs(graph, 'images', size, 1)).toEqual({
      orig_target_sizes: { dtype: 'int64', dims: [1, 2], data: BigInt64Array.of(640n, 480n) },
      scale_factor: { dtype: 'float32', dims: [1, 2], data: Float32Array.of(1, 1) },
    });
  });

  it('come in the declared type, as often as the batch has pictures', () => {
    const graph = signature(
      [picture, value('image_shape', [2, 2], 'int32'), value('pixel_mask', [2, 1, 1], 'int64')],
      [],
    );
    const extras = extraInputs(graph, 'images', { width: 1, height: 1 }, 2);
    expect(extras.image_shape).toEqual({ dtype: 'int32', dims: [2, 2], data: Int32Array.of(1, 1, 1, 1) });
    expect(extras.pixel_mask).toEqual({ dtype: 'int64', dims: [2, 1, 1], data: BigInt64Array.of(1n, 1n) });
    const half = signature([picture, value('scale_factor', [2], 'float16')], []);
    expect(extraInputs(half, 'images', size, 1).scale_factor).toEqual({
      dtype: 'float16',
      dims: [2],
      data: Uint16Array.of(0x3c00, 0x3c00),
    });
  });

  it('tell a graph of films that it has seen nothing, and to look at 512 pixels', () => {
    const film = ['batch_size', 'channels', 'height', 'width'];
    const graph = signature(
      [
        value('src', ['batch_size', 3, 'h', 'w'], 'float16'),
        value('r1i', film, 'float16'),
        value('downsample_ratio', [1]),
      ],
      [],
    );
    const ratio = (width: number) => extraInputs(graph, 'src', { width, height: 320 }, 1).downsample_ratio;
    expect(ratio(1024)).toEqual({ dtype: 'float32', dims: [1], data: Float32Array.of(0.5) });
    expect(ratio(320)!.data).toEqual(Float32Array.of(1));
    const nothing = { dtype: 'float16', dims: [1, 1, 1, 1], data: Uint16Array.of(0) };
    expect(extraInputs(graph, 'src', size, 1).r1i).toEqual(nothing);
  });

  it('are masks of the picture’s size, or of the size that the graph declares', () => {
    const mask = (dims: (number | string)[], dtype: 'int64' | 'bool') =>
      extraInputs(signature([picture, value('pixel_mask', dims, dtype)], []), 'images', size, 1).pixel_mask!;
    expect(mask(['batch', 64, 64], 'int64').dims).toEqual([1, 64, 64]);
    expect(mask(['batch', 64, 64], 'int64').data).toEqual(new BigInt64Array(64 * 64).fill(1n));
    expect(mask(['batch', 'height', 'width'], 'bool').dims).toEqual([1, 480, 640]);
    expect(mask(['height', 32], 'bool')).toEqual({
      dtype: 'bool',
      dims: [480, 32],
      data: new Uint8Array(480 * 32).fill(1),
    });
  });

  it('that nothing is known of are named', () => {
    const graph = signature([picture, value('prompt', [1, 77], 'int64'), value('im_shape', [1, 2], 'string')], []);
    expect(unknownInputs(graph, 'images')).toEqual(['prompt int64[1,77]', 'im_shape string[1,2]']);
    expect(() => extraInputs(graph, 'images', size, 1)).toThrow(/asks for prompt int64\[1,77\]/);
    expect(unknownInputs(signature([picture, value('constructor', [1])], []), 'images')).toEqual([
      'constructor float32[1]',
    ]);
  });
});

describe('batches', () => {
  const graph = signature([value('images', [4, 3, 64, 64])], [value('output', [4, 84, 21]), value('anchors', [21, 2])]);

  it('are taken off for the families', () => {
    expect(batchOf(graph)).toBe(4);
    const one = forOnePicture(graph, 4);
    expect(one.inputs[0]?.dims).toEqual([1, 3, 64, 64]);
    expect(one.outputs.map((output) => output.dims)).toEqual([
      [1, 84, 21],
      [21, 2],
    ]);
    expect(batchOf(signature([picture], []))).toBe(1);
    expect(batchOf(signature([value('ids', [4, 77], 'int64')], []))).toBe(1);
  });

  it('give the first picture’s rows, and all of what is not by picture', () => {
    const output = tensor([4, 2]);
    output.data.set([1, 2, 3, 4, 5, 6, 7, 8]);
    const small = signature([value('images', [4, 3, 64, 64])], [value('output', [4, 2]), value('rows', ['k', 2])]);
    const rows = tensor([4, 2], 7);
    const first = ofFirstPicture({ output, rows }, small, 4);
    expect(first.output).toEqual({ dtype: 'float32', dims: [1, 2], data: Float32Array.of(1, 2) });
    expect(first.rows).toBe(rows);
  });
});

describe('findImageInput', () => {
  it.each([
    [[1, 3, 64, 48], 'nchw', 3],
    [['N', 64, 48, 3], 'nhwc', 3],
    [[3, 64, 48], 'chw', 3],
    [[64, 48, 3], 'hwc', 3],
    [['batch_size', 'num_channels', 64, 48], 'nchw', 3],
    [[1, 64, 48, 1], 'nhwc', 1],
    [[1, 1, 64, 48], 'nchw', 1],
  ] as const)('reads %j', (dims, layout, channels) => {
    expect(findImageInput(signature([value('x', dims)], []))).toMatchObject({
      layout,
      channels,
      height: 64,
      width: 48,
    });
  });

  it.each([[[2, 3, 64, 64]], [[64, 48]], [[1, 4, 64, 64]], [[1, 64, 48]], [[]]])(
    'does not take %j for a picture',
    (dims) => {
      expect(findImageInput(signature([value('x', dims)], []))).toBeUndefined();
    },
  );

  it('prefers colour to grey, whatever comes first', () => {
    const graph = signature([value('mask', [1, 1, 8, 8]), value('image', [1, 3, 8, 8])], []);
    expect(findImageInput(graph)?.name).toBe('image');
  });
});
