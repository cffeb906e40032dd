import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { model, node, tensor, value } from '../../src/onnx/model.ts';
import { writeModel } from '../helpers/graphs.ts';
import { expectPrediction, expectProblem, post, postJson } from '../helpers/http.ts';
import { startTestServer, type TestServer } from '../helpers/server.ts';

/** Red where nothing else is: black, with a red square from (20, 30) to (60, 70). */
const square = { xmin: 20, ymin: 30, xmax: 60, ymax: 70 };
let picture: Buffer;
let server: TestServer;

beforeAll(async () => {
  const red = await sharp({ create: { width: 40, height: 40, channels: 3, background: '#ff0000' } })
    .png()
    .toBuffer();
  const black = sharp({ create: { width: 100, height: 100, channels: 3, background: '#000000' } });
  picture = await black
    .composite([{ input: red, left: square.xmin, top: square.ymin }])
    .png()
    .toBuffer();
  server = await startTestServer({ models: ['nanodet-g-coco'] });
  const write = async (id: string, graph: ReturnType<typeof model>) => {
    await mkdir(join(server.modelsDir, id));
    writeModel(join(server.modelsDir, id, 'model.onnx'), graph);
  };
  await write('windows', scoresOfWindows);
  await write('fast', fastRcnn('boxes'));
  await write('two', fastRcnn(2));
  const status = async (id: string) => (await fetch(`${server.url}/v1/models/${id}`)).status;
  await vi.waitUntil(async () => (await status('two')) === 200 && (await status('fast')) === 200, { timeout: 20_000 });
}, 60_000);
afterAll(() => server.close());

/** Blue, green and red to numbers of which the last says how red it is. */
const red = [0, 0, 0, 0, 0, 0.2];

/**
 * As the zoo's R-CNN: a score for each class of one window, here "red" after a class that nothing is. The window is a quarter
 * of what the graph sees: the rest is context.
 */
const scoresOfWindows = model({
  name: 'windows',
  nodes: [
    node('ReduceMean', ['data_0'], ['mean'], { axes: [2, 3], keepdims: 0 }),
    node('MatMul', ['mean', 'weight'], ['product']),
    node('Add', ['product', 'bias'], ['fc-rcnn_1']),
  ],
  inputs: [value('data_0', 'float32', [1, 3, 64, 64])],
  outputs: [value('fc-rcnn_1', 'float32', [1, 2])],
  initializers: [tensor('weight', 'float32', [3, 2], red), tensor('bias', 'float32', [2], [-9, 18])],
});

/** Fast R-CNN: a pooled pixel of each box, its scores, and offsets that move nothing. */
function fastRcnn(boxes: number | string) {
  return model({
    name: 'fast',
    nodes: [
      node('MaxRoiPool', ['data', 'rois'], ['pooled'], { pooled_shape: [1, 1] }),
      node('Reshape', ['pooled', 'rows'], ['features']),
      node('MatMul', ['features', 'weight'], ['scores']),
      node('Softmax', ['scores'], ['cls_prob'], { axis: 1 }),
      node('MatMul', ['features', 'zeros'], ['bbox_pred']),
    ],
    inputs: [value('data', 'float32', [1, 3, 'height', 'width']), value('rois', 'float32', [boxes, 5])],
    outputs: [value('cls_prob', 'float32', [boxes, 2]), value('bbox_pred', 'float32', [boxes, 8])],
    initializers: [
      tensor('rows', 'int64', [2], [-1, 3]),
      tensor('weight', 'float32', [3, 2], red),
      tensor('zeros', 'float32', [3, 8], new Array(24).fill(0)),
    ],
  });
}

const detect = (id: string, more: Record<string, unknown> = {}) => {
  const body = { model: id, image: picture.toString('base64'), score_threshold: 0.6, ...more };
  return postJson(`${server.url}/v1/detect`, body);
};

describe.each(['windows', 'fast'])('%s', (id) => {
  it('looks where it is told to', async () => {
    const proposals = [Object.values(square), [70, 10, 85, 25]];
    const { results } = await expectPrediction(await detect(id, { proposals }));
    const [found, ...others] = results[0]!.detections!;
    expect(others).toEqual([]);
    for (const side of ['xmin', 'ymin', 'xmax', 'ymax'] as const) expect(found!.box[side]).toBeCloseTo(square[side], 1);
    expect(found!.class_id).toBe(id === 'windows' ? 1 : 0);
  });

  it('a query says the same as a JSON body', async () => {
    const proposals = JSON.stringify([Object.values(square)]);
    const query = new URLSearchParams({ model: id, proposals, score_threshold: '0.6' });
    const { results } = await expectPrediction(await post(`${server.url}/v1/detect?${query}`, picture));
    expect(results[0]!.detections).toHaveLength(1);
  });

  it('boxes that leave the picture, or miss it', async () => {
    const proposals = [
      [-50, -50, 300, 300],
      [500, 500, 600, 600],
    ];
    await expectPrediction(await detect(id, { proposals }));
  });

  it('without proposals, looks all over', async () => {
    const { results } = await expectPrediction(await detect(id, { iou_threshold: 0.1 }));
    const best = results[0]!.detections![0]!.box;
    expect(best.xmin).toBeLessThan(square.xmax);
    expect(best.xmax).toBeGreaterThan(square.xmin);
  });
});

describe('refused', () => {
  it('a model of a fixed number of boxes takes no more', async () => {
    const box = Object.values(square);
    await expectPrediction(await detect('two', { proposals: [box] }));
    const detail = await expectProblem(await detect('two', { proposals: [box, box, box] }), 400, 'invalid_option');
    expect(detail).toContain('at most 2');
  });

  it('a model that needs none', async () => {
    const detail = await expectProblem(
      await detect('nanodet-g-coco', { proposals: [[0, 0, 9, 9]] }),
      400,
      'invalid_option',
    );
    expect(detail).toContain('proposals');
  });

  it.each([
    ['none', []],
    ['no JSON', '[[1,2,3'],
    ['three numbers', [[1, 2, 3]]],
    ['the wrong way round', [[9, 9, 1, 1]]],
    ['too far', [[0, 0, 1e9, 1]]],
    ['no number', [[0, 0, null, 1]]],
    ['too many', Array.from({ length: 4001 }, () => [0, 0, 9, 9])],
  ])('%s', async (_title, proposals) => {
    expect(await expectProblem(await detect('fast', { proposals }), 400, 'invalid_option')).toContain('proposals');
  });
});
