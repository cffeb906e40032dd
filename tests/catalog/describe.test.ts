import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { bindDescribed, describeModel } from '../../src/catalog/describe.ts';
import { model, node, tensor, value } from '../../src/onnx/model.ts';
import { detector, scratchFolder, writeModel } from '../helpers/graphs.ts';

const scratch = scratchFolder();
afterAll(scratch.remove);

type Dims = readonly (number | string | null)[];

/** Softmax over four maps of the input's size: three of its channels, and the first again. */
function segmenter(input: Dims, output: Dims, extra: readonly { name: string; dims: Dims }[] = []) {
  const path = join(scratch.path, `${JSON.stringify([input, output, extra]).replace(/\W+/g, '_')}.onnx`);
  const used = extra.map(({ name }) => node('ReduceSum', [name], [`sum_${name}`], { keepdims: 0 }));
  const bias = extra.map(({ name }, i) => node('Add', [i ? `b${i - 1}` : 'half', `sum_${name}`], [`b${i}`]));
  writeModel(
    path,
    model({
      name: 'segmenter',
      nodes: [
        ...used,
        node('Slice', ['image', 'zero', 'one', 'one'], ['red']),
        ...bias,
        node('Add', ['red', bias.length ? `b${bias.length - 1}` : 'half'], ['fourth']),
        node('Concat', ['image', 'fourth'], ['scores'], { axis: 1 }),
        node('Softmax', ['scores'], ['probabilities'], { axis: 1 }),
      ],
      inputs: [value('image', 'float32', input), ...extra.map(({ name, dims }) => value(name, 'float32', dims))],
      outputs: [value('probabilities', 'float32', output)],
      initializers: [
        tensor('zero', 'int64', [1], [0]),
        tensor('one', 'int64', [1], [1]),
        tensor('half', 'float32', [1], [0.5]),
      ],
    }),
  );
  return path;
}

describe('describeModel', () => {
  it('runs a graph whose shapes say nothing, and tells from its numbers what it is', async () => {
    const description = await describeModel(segmenter(['n', 3, 'h', 'w'], ['n', 'c', 'h', 'w']), {});
    expect(description).toMatchObject({
      family: 'semantic',
      task: 'semantic-segmentation',
      recognition: { by: 'probe' },
    });
    expect(description.recognition.evidence).toContain('the scores of each pixel add up to 1');
    expect(description.labels).toHaveLength(4);
    expect(description.signature.outputs[0]?.dims).toEqual(['n', 'c', 'h', 'w']);
    expect(description.observed?.[0]?.dims).toEqual([1, 4, 640, 640]);
    expect(description.input.resize).toMatchObject({ mode: 'limit', multiple: 1 });
  });

  it.each([
    [1, 8],
    [3, 8],
    [4, 16],
    [5, 32],
  ])('finds out which sizes a graph takes that halves %i times and joins its levels', async (halvings, multiple) => {
    const path = join(scratch.path, `halves-${halvings}.onnx`);
    const side = 2 ** halvings;
    writeModel(
      path,
      model({
        name: 'pyramid',
        nodes: [
          node('MaxPool', ['image'], ['coarse'], { kernel_shape: [side, side], strides: [side, side] }),
          node('Resize', ['coarse', '', 'scales'], ['fine'], { mode: 'nearest' }),
          node('Add', ['image', 'fine'], ['joined']),
          node('Softmax', ['joined'], ['probabilities'], { axis: 1 }),
        ],
        inputs: [value('image', 'float32', ['n', 3, 'h', 'w'])],
        outputs: [value('probabilities', 'float32', ['n', 3, 'h', 'w'])],
        initializers: [tensor('scales', 'float32', [4], [1, 1, side, side])],
      }),
    );
    const { input } = await describeModel(path, {});
    expect(input.resize).toMatchObject({ mode: 'limit', multiple });
  });

  it('does not run a graph that is plain at sight', async () => {
    const path = join(scratch.path, 'detector.onnx');
    writeModel(path, detector());
    const description = await describeModel(path, {});
    expect(description.recognition.by).toBe('graph');
    expect(description.observed).toBeUndefined();
  });

  it('serves a graph of a fixed batch by its first picture', async () => {
    const description = await describeModel(segmenter([4, 3, 64, 64], [4, 4, 64, 64]), {});
    expect(description).toMatchObject({ family: 'semantic', input: { batch: 4 } });
    expect(description.signature.inputs[0]?.dims).toEqual([4, 3, 64, 64]);
  });

  it('binds again, in another thread, to what was described', async () => {
    const description = await describeModel(segmenter(['n', 3, 'h', 'w'], ['n', 'c', 'h', 'w']), {});
    const copy = structuredClone(description);
    expect(copy).toEqual(description);
    expect(bindDescribed(copy)).toMatchObject({ task: description.task, input: description.input, classes: 4 });
  });

  it('names what a graph asks for that nobody can give', async () => {
    const path = segmenter([1, 3, 64, 64], [1, 4, 64, 64], [{ name: 'prompt', dims: [1, 77] }]);
    await expect(describeModel(path, {})).rejects.toMatchObject({
      code: 'unrecognised_model',
      message: expect.stringContaining('prompt float32[1,77]'),
    });
  });

  it('takes the family of model.json even where it does not see itself', async () => {
    const description = await describeModel(segmenter([1, 3, 64, 64], [1, 4, 64, 64]), { family: 'classification' });
    expect(description).toMatchObject({ family: 'classification', recognition: { by: 'manifest' } });
  });
});

describe('plugins of TensorRT', () => {
  it('are named, and what to do about them', async () => {
    const path = join(scratch.path, 'plugin.onnx');
    const outputs = ['num_dets', 'det_boxes', 'det_scores', 'det_classes'];
    writeModel(
      path,
      model({
        name: 'plugin',
        nodes: [node('EfficientNMS_TRT', ['images'], outputs)],
        inputs: [value('images', 'float32', [1, 3, 64, 64])],
        outputs: [
          value('num_dets', 'int32', [1, 1]),
          value('det_boxes', 'float32', [1, 100, 4]),
          value('det_scores', 'float32', [1, 100]),
          value('det_classes', 'int32', [1, 100]),
        ],
        initializers: [],
      }),
    );
    const refused = {
      code: 'invalid_model',
      message: expect.stringMatching(/EfficientNMS_TRT.*onnxruntime cannot run/),
    };
    await expect(describeModel(path, {})).rejects.toMatchObject(refused);
    // Whatever a sidecar says.
    await expect(describeModel(path, { family: 'yolo-nms' })).rejects.toMatchObject(refused);
  });
});
