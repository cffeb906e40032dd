import { readFileSync } from 'node:fs';
import { cp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join, resolve } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { z } from 'zod';
import { modelDetail, modelList } from '../../src/http/responses.ts';
import { encodeModel } from '../../src/onnx/encode.ts';
import { expectPrediction, expectProblem, formEnd, formType, part, post, postForm } from '../helpers/http.ts';
import { smallCat } from '../helpers/pictures.ts';
import { startTestServer, type TestServer } from '../helpers/server.ts';

const graph = new Uint8Array(readFileSync(resolve('models/selfie-segmentation/model.onnx')));
/** A graph that is sound and does nothing that is known. */
const identity = encodeModel({
  irVersion: 8,
  producer: '',
  opsets: { '': 17 },
  metadata: {},
  graph: {
    name: 'identity',
    inputs: [{ name: 'in', dtype: 'float32', dims: [1, 7] }],
    outputs: [{ name: 'out', dtype: 'float32', dims: [1, 7] }],
    initializers: [],
    nodes: [{ name: '', op: 'Identity', domain: '', inputs: ['in'], outputs: ['out'], attributes: {} }],
  },
});
const manifest = JSON.stringify({ family: 'binary-mask' });
const file = { name: 'people.onnx', bytes: graph };
let server: TestServer;
let models: string;

beforeAll(async () => {
  server = await startTestServer({ copy: true, settings: { max_model_bytes: 8 * 2 ** 20 } });
  models = `${server.url}/v1/models`;
});
afterAll(() => server.close());

async function detailOf(response: Response, status = 200): Promise<z.output<typeof modelDetail>> {
  const text = await response.text();
  expect(response.status, text).toBe(status);
  const body = modelDetail.parse(JSON.parse(text));
  expect(JSON.parse(text)).toEqual(body);
  return body;
}

async function list() {
  const body = (await (await fetch(models)).json()) as unknown;
  expect(modelList.parse(body)).toEqual(body);
  return modelList.parse(body).models;
}

const remove = (id: string) => fetch(`${models}/${id}`, { method: 'DELETE' });
const act = (id: string, action: string) => fetch(`${models}/${id}/${action}`, { method: 'POST' });

/** Nothing is left of an upload that was refused. */
async function expectUntouched() {
  expect(await readdir(server.modelsDir)).toEqual(['nanodet-g-coco']);
  expect((await list()).map(({ id }) => id)).toEqual(['nanodet-g-coco']);
}

describe('GET /v1/models', () => {
  it('lists, and tells everything of one', async () => {
    const [first] = await list();
    expect(first).toMatchObject({
      id: 'nanodet-g-coco',
      task: 'detection',
      family: 'nanodet',
      classes: 80,
      input: { width: 416, height: 416 },
      provider: 'cpu',
      state: 'ready',
      default: true,
      license: 'Apache-2.0',
    });
    const detail = await detailOf(await fetch(`${models}/nanodet-g-coco`));
    expect(detail).toMatchObject(first!);
    expect(detail.labels).toHaveLength(80);
    expect(detail.recognition?.by).toBe('manifest');
    expect(detail.signature?.inputs).toHaveLength(1);
  });

  it.each(['nope', '..%2f..%2fetc', '__proto__', 'constructor', '.', `${'x'.repeat(5000)}`, '%00'])(
    'there is no %s to get, load, unload or delete',
    async (id) => {
      const safe = id === '.' ? '%2e%2f' : id;
      await expectProblem(await fetch(`${models}/${safe}`), 404, 'model_not_found');
      await expectProblem(await act(safe, 'load'), 404, 'model_not_found');
      await expectProblem(await act(safe, 'unload'), 404, 'model_not_found');
      await expectProblem(await remove(safe), 404, 'model_not_found');
      await expectUntouched();
    },
  );
});

describe('POST /v1/models', () => {
  afterEach(expectUntouched);

  it.each([
    ['one name a line', ' nothing \r\nsomebody\n'],
    ['a JSON array', '["nothing", "somebody"]'],
  ])('adds one with labels as %s, serves it at once, and deletes it', async (_what, labels) => {
    const response = await postForm(models, { file, manifest, labels });
    expect(response.headers.get('location')).toBe('/v1/models/people');
    const added = await detailOf(response, 201);
    expect(added).toMatchObject({ id: 'people', labels: ['nothing', 'somebody'], task: 'semantic-segmentation' });
    const segmented = await post(`${server.url}/v1/segment?model=people`, await smallCat());
    const names = (await expectPrediction(segmented)).results[0]!.segments!.map(({ label }) => label);
    expect(names).toContain('nothing');
    expect((await list()).find(({ id }) => id === 'people')?.state).toBe('ready');
    expect(await readFile(join(server.modelsDir, 'people', 'model.onnx'))).toEqual(Buffer.from(graph));
    expect((await remove('people')).status).toBe(204);
    await expectProblem(await post(`${server.url}/v1/segment?model=people`, await smallCat()), 404);
  });

  it.each([
    ['My Model.v2.onnx', undefined, 'My-Model.v2'],
    ['x.onnx', 'chosen', 'chosen'],
    ['../../etc/cron.d/x.onnx', undefined, 'x'],
    ['x.onnx', '../../escape', 'escape'],
    ['x.onnx', '.hidden', 'hidden'],
    ['x.onnx', 'y'.repeat(5000), 'y'.repeat(128)],
    ['x.onnx', '__proto__', 'proto__'],
  ])('file %s with id %s is model %s', async (name, id, expected) => {
    const { id: given } = await detailOf(
      await postForm(models, { file: { name, bytes: graph }, manifest, ...(id && { id }) }),
      201,
    );
    expect(given).toBe(expected);
    expect((await readdir(server.modelsDir)).sort()).toEqual([expected, 'nanodet-g-coco'].sort());
    expect((await remove(expected)).status).toBe(204);
  });

  it('an id that is taken', async () => {
    const detail = await expectProblem(
      await postForm(models, { file, manifest, id: 'nanodet-g-coco' }),
      409,
      'conflict',
    );
    expect(detail).toContain('nanodet-g-coco');
  });

  it('of two uploads of one id at once, one wins', async () => {
    const both = await Promise.all([1, 2].map(() => postForm(models, { file, manifest })));
    expect(both.map(({ status }) => status).sort()).toEqual([201, 409]);
    expect((await remove('people')).status).toBe(204);
  });

  it.each([
    ['not ONNX', { file: { name: 'a.onnx', bytes: Buffer.from('hello, this is no graph') } }, 422],
    ['an empty file', { file: { name: 'a.onnx', bytes: new Uint8Array() } }, 422],
    ['a picture', { file: { name: 'a.onnx', bytes: Buffer.from('\x89PNG\r\n\x1a\n', 'latin1') }, manifest }, 422],
    ['half a graph', { file: { name: 'a.onnx', bytes: graph.subarray(0, graph.length / 2) }, manifest }, 422],
    ['a graph of no known family', { file: { name: 'a.onnx', bytes: identity } }, 422],
    ['a task that its family does not do', { file, manifest: '{"family":"binary-mask","task":"detection"}' }, 422],
    ['a family that reads other outputs', { file, manifest: '{"family":"classification"}' }, 422],
    ['a family there is not', { file, manifest: '{"family":"yolov99"}' }, 422],
    [
      'a manifest with nested metrics',
      { file, manifest: `{"metrics":{"a":${'['.repeat(1e5)}${']'.repeat(1e5)}}}` },
      422,
    ],
    ['a manifest that is no JSON', { file, manifest: 'family: binary-mask' }, 422],
    ['a manifest with a misspelt field', { file, manifest: '{"famly":"binary-mask"}' }, 422],
    ['a manifest nested 100,000 deep', { file, manifest: `${'['.repeat(1e5)}${']'.repeat(1e5)}` }, 422],
    ['labels of another number', { file, manifest, labels: 'a\nb\nc\nd' }, 422],
    ['labels that are no names', { file, manifest, labels: '[1, 2]' }, 422],
    ['a name that gives no id', { file: { name: '猫.onnx', bytes: graph }, manifest }, 400],
    ['no file', { manifest }, 400],
    ['text in the field file', { file: 'people.onnx', manifest }, 400],
    ['a file in a misspelt field', { modle: file, manifest }, 400],
    ['two files', { file: [file, file], manifest }, 400],
    ['a graph that is too large', { file: { name: 'a.onnx', bytes: Buffer.alloc(9 * 2 ** 20) } }, 413],
  ] as const)('refuses %s and leaves nothing behind', async (_what, fields, status) => {
    const detail = await expectProblem(await postForm(models, fields), status);
    expect(detail).not.toContain(server.modelsDir);
  });

  it('refuses bodies that are no form, and forms that break off', async () => {
    await expectProblem(await post(models, graph, 'application/octet-stream'), 415, 'unsupported_media_type');
    await expectProblem(await fetch(models, { method: 'POST' }), 415, 'unsupported_media_type');
    const whole = Buffer.concat([
      part('name="manifest"', manifest),
      part('name="file"; filename="a.onnx"', graph),
      formEnd,
    ]);
    for (const length of [0, 10, 100, 200, 100_000, whole.length - 3]) {
      await expectProblem(await post(models, whole.subarray(0, length), formType), 400, 'invalid_request');
    }
  });

  it('a client that goes away in the middle leaves nothing', async () => {
    const socket = connect(Number(new URL(server.url).port), '127.0.0.1');
    const head = `POST /v1/models HTTP/1.1\r\nHost: x\r\nContent-Type: ${formType}\r\nContent-Length: 5000000\r\n\r\n`;
    socket.write(head);
    socket.write(part('name="file"; filename="a.onnx"', graph));
    await expect.poll(async () => (await readdir(server.modelsDir)).length).toBe(2);
    socket.destroy();
    await expect.poll(() => readdir(server.modelsDir)).toEqual(['nanodet-g-coco']);
  });
});

describe('loading', () => {
  it('unload and load; a request loads by itself', async () => {
    expect((await detailOf(await act('nanodet-g-coco', 'unload'))).state).toBe('unloaded');
    expect((await fetch(`${server.url}/readyz`)).status).toBe(503);
    expect((await detailOf(await act('nanodet-g-coco', 'load'))).state).toBe('ready');
    expect((await fetch(`${server.url}/readyz`)).status).toBe(200);
    await act('nanodet-g-coco', 'unload');
    await expectPrediction(await post(`${server.url}/v1/detect`, await smallCat()));
    expect((await list())[0]?.state).toBe('ready');
  });

  it('takes in a model that was dropped into the directory', async () => {
    const folder = join(server.modelsDir, 'dropped');
    await cp(resolve('models/selfie-segmentation'), folder, { recursive: true });
    expect(await detailOf(await act('dropped', 'load'))).toMatchObject({ state: 'ready', provider: 'cpu' });
    await writeFile(join(folder, 'model.json'), '{"family":"binary-mask","labels":["a","b"]}');
    expect((await detailOf(await act('dropped', 'load'))).labels).toEqual(['a', 'b']);
    await rm(folder, { recursive: true });
    await expectProblem(await act('dropped', 'load'), 404, 'model_not_found');
  });

  it('a broken file in the directory is listed with its reason and answers 503', async () => {
    await writeFile(join(server.modelsDir, 'broken.onnx'), 'no graph');
    await expectProblem(await act('broken', 'load'), 422);
    const broken = (await list()).find(({ id }) => id === 'broken');
    expect(broken).toMatchObject({ state: 'failed', task: null, provider: null, error: expect.stringMatching(/./) });
    await detailOf(await fetch(`${models}/broken`));
    await expectProblem(await post(`${server.url}/v1/detect?model=broken`, await smallCat()), 503, 'model_unavailable');
    await expectPrediction(await post(`${server.url}/v1/detect`, await smallCat()));
    expect((await remove('broken')).status).toBe(204);
    await expectUntouched();
  });
});

it('without a directory to write to, uploads are forbidden', async () => {
  const settings = { models_dir: ['/nonexistent'], preload: 'none' };
  const other = await startTestServer({ models: [], settings });
  await expectProblem(await postForm(`${other.url}/v1/models`, { file, manifest }), 403, 'forbidden');
  await expectProblem(await post(`${other.url}/v1/detect`, await smallCat()), 404, 'model_not_found');
  await other.close();
});
