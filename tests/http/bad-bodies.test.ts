import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { expectPrediction, expectProblem, formEnd, formType, part, post, postForm, postJson } from '../helpers/http.ts';
import { smallCat } from '../helpers/pictures.ts';
import { startTestServer, type TestServer } from '../helpers/server.ts';

let server: TestServer;
let detect: string;
let small: Buffer;
let filePart: Buffer;
const form = (...parts: readonly Uint8Array[]) => post(detect, Buffer.concat(parts), formType);

beforeAll(async () => {
  server = await startTestServer();
  detect = `${server.url}/v1/detect`;
  small = await smallCat();
  filePart = part('name="image"; filename="a.jpg"', small);
});
afterAll(() => server.close());

describe('content types', () => {
  it.each([
    'text/plain',
    'application/x-www-form-urlencoded',
    'multipart/mixed; boundary=x',
    'application/xml',
    ';;;',
    'image/',
  ])('%s', async (type) => {
    const detail = await expectProblem(await post(detect, small, type), 415, 'unsupported_media_type');
    expect(detail).toContain('multipart form');
  });

  it('a body without a type', async () => {
    await expectProblem(await fetch(detect, { method: 'POST', body: small }), 415, 'unsupported_media_type');
  });

  it('a compressed body is not read', async () => {
    const encoding = { 'content-encoding': 'gzip' };
    await expectProblem(await post(detect, gzipSync(small), 'image/jpeg', encoding), 415);
    const json = gzipSync(JSON.stringify({ image: small.toString('base64') }));
    await expectProblem(await post(detect, json, 'application/json', encoding), [400, 415]);
  });
});

describe('forms', () => {
  it.each([
    ['no boundary', 'multipart/form-data'],
    ['an empty boundary', 'multipart/form-data; boundary='],
    ['another boundary', 'multipart/form-data; boundary=y'],
  ])('%s', async (_what, type) => {
    await expectProblem(await post(detect, Buffer.concat([filePart, formEnd]), type), 400, 'invalid_request');
  });

  it('a form that breaks off, wherever', async () => {
    const whole = Buffer.concat([part('name="score_threshold"', '0.5'), filePart, formEnd]);
    for (const length of [0, 1, 3, 20, 50, 70, 100, 150, 200, whole.length - small.length, whole.length - 5]) {
      await expectProblem(await form(whole.subarray(0, length)), 400, 'invalid_request');
    }
    await expectProblem(await form(filePart, Buffer.from('--y--\r\n')), 400, 'invalid_request');
    await expectProblem(await form(Buffer.from('no form at all')), 400, 'invalid_request');
  });

  it('parts without a name, with a NUL, without a disposition', async () => {
    await expectProblem(await form(part('filename="a"', small), formEnd), 400, 'invalid_request');
    await expectProblem(await form(part('name=""; filename="a"', small), formEnd), 400, 'invalid_request');
    await expectProblem(await form(part('name="image"; filename="a\0b"', small), formEnd), 400, 'invalid_request');
    await expectProblem(await form(Buffer.from('--x\r\nA: b\r\n\r\nc\r\n'), formEnd), 400, 'invalid_request');
  });

  it('a file in a misspelt field is told where it belongs', async () => {
    for (const name of ['img', 'file', 'Image', 'images[0]', '__proto__', 'constructor']) {
      const detail = await expectProblem(await form(part(`name="${name}"; filename="a"`, small), formEnd), 400);
      expect(detail).toContain('‘image’');
    }
  });

  it('text where the file belongs', async () => {
    for (const value of [small.toString('base64'), '', 'cat.jpg']) {
      const detail = await expectProblem(await postForm(detect, { image: value }), 400, 'invalid_request');
      expect(detail).toContain('send the picture as a file');
    }
  });

  it.each([
    '__proto__',
    '__proto__[x]',
    'constructor[prototype][x]',
    'classes[99999999]',
    'a[b][c][d]',
    'a[',
    '[]',
    'x'.repeat(5000),
  ])('the field %s', async (name) => {
    await expectProblem(await form(part(`name="${name}"`, '1'), filePart, formEnd), 400);
    expect(({} as Record<string, unknown>).x).toBeUndefined();
  });

  it('more fields, longer fields, longer headers than anyone needs', async () => {
    const many = Array.from({ length: 1000 }, () => part('name="classes"', 'cat'));
    await expectProblem(await form(...many, filePart, formEnd), 400, 'invalid_request');
    await expectProblem(await form(part('name="model"', 'x'.repeat(200_000)), filePart, formEnd), 400);
    const heading = Buffer.from(`--x\r\nA: ${'b'.repeat(200_000)}\r\n\r\nc\r\n`);
    await expectProblem(await form(heading, filePart, formEnd), 400, 'invalid_request');
  });

  it('a preamble and an epilogue are passed over', async () => {
    await expectPrediction(await form(Buffer.from('preamble\r\n'), filePart, formEnd, Buffer.from('epilogue')));
  });
});

describe('JSON', () => {
  it.each([
    ['nothing', ''],
    ['an array', '[]'],
    ['a number', '5'],
    ['null', 'null'],
    ['text', '"image"'],
    ['half an object', '{"image": "'],
    ['a trailing comma', '{"image": "",}'],
    ['a list nested 100,000 deep', `${'['.repeat(100_000)}${']'.repeat(100_000)}`],
    ['an object nested 100,000 deep', `${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}`],
    ['an option nested 100,000 deep', `{"image":"/9j/","classes":${'['.repeat(100_000)}${']'.repeat(100_000)}}`],
    ['an option nested 5,000 deep', `{"image":"/9j/","classes":${'['.repeat(5000)}${']'.repeat(5000)}}`],
    ['an image nested 100,000 deep', `{"image":${'['.repeat(100_000)}${']'.repeat(100_000)}}`],
    ['options inside an object', '{"image":"/9j/","options":{"score_threshold":0.5}}'],
    ['UTF-16', Buffer.from('{"image":"/9j/"}', 'utf16le')],
    ['broken UTF-8 in a name', Buffer.from('7b22ff22 3a317d'.replace(' ', ''), 'hex')],
    [
      'broken UTF-8 in the image',
      Buffer.concat([Buffer.from('{"image":"'), Buffer.from([0xff, 0xfe]), Buffer.from('"}')]),
    ],
  ])('%s', async (_what, body) => {
    await expectProblem(await post(detect, body, 'application/json'), 400);
  });

  it.each([
    ['a number', 5],
    ['null', null],
    ['true', true],
    ['an object', { data: '/9j/' }],
    ['what is no base64', '%%%'],
    ['base64 with a hole', '/9j/*AAA'],
    ['padding in the middle', 'AA==AAAA'],
    ['a data URI without base64', 'data:image/png,abc'],
    ['a data URI of a text', 'data:text/plain;charset=utf-8,abc'],
    ['ftp', 'ftp://localhost/cat.jpg'],
    ['a file URL', 'file:///etc/passwd'],
    ['a script', 'javascript:alert(1)'],
    ['a list in a list', ['/9j/', ['/9j/']]],
  ])('an image that is %s', async (_what, image) => {
    await expectProblem(await postJson(detect, { image }), 400, 'invalid_request');
    if (!Array.isArray(image)) await expectProblem(await postJson(detect, { images: [image] }), 400, 'invalid_request');
  });

  it('a path is base64 of nonsense, not a file', async () => {
    await expectProblem(await postJson(detect, { image: '/etc/passwd' }), 415, 'unsupported_image');
  });

  it('image and images together; images that are no list', async () => {
    await expectProblem(await postJson(detect, { image: '/9j/', images: ['/9j/'] }), 400, 'invalid_request');
    for (const images of ['/9j/', null, 5, {}]) {
      await expectProblem(await postJson(detect, { images }), 400, 'invalid_request');
    }
  });

  it('__proto__ pollutes nothing and is named', async () => {
    const image = small.toString('base64');
    const detail = await expectProblem(await postJson(detect, `{"image":"${image}","__proto__":1}`), 400);
    expect(detail).toContain('__proto__');
    await expectProblem(await postJson(detect, `{"image":"${image}","__proto__":{"polluted":1}}`), 400);
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
  });

  it('of two members with one name the last counts, as everywhere', async () => {
    const body = `{"image":"${small.toString('base64')}","max_detections":5,"max_detections":1,"score_threshold":0.01}`;
    expect((await expectPrediction(await postJson(detect, body))).results[0]?.detections).toHaveLength(1);
  });
});

describe('POST /v1/iou', () => {
  const iou = (body: unknown) => postJson(`${server.url}/v1/iou`, body);

  it('answers one row for each of a', async () => {
    const response = await iou({
      a: [[0, 0, 2, 2]],
      b: [
        [1, 1, 3, 3],
        [0, 0, 2, 2],
      ],
      format: 'xyxy',
    });
    const body = (await response.json()) as { iou: number[][] };
    expect(body.iou[0]?.[0]).toBeCloseTo(1 / 7, 12);
    expect(body.iou[0]?.[1]).toBe(1);
    const [small, large] = [
      { size: [2, 2], counts: [0, 4] },
      { size: [3, 3], counts: [0, 9] },
    ];
    // As COCO has it.
    expect(await (await iou({ a: [small], b: [small, large], format: 'rle' })).json()).toEqual({ iou: [[1, -1]] });
    expect(await (await iou({ a: [], b: [[0, 0, 1, 1]] })).json()).toEqual({ iou: [] });
    expect(await (await iou({ a: [[0, 0, 1, 1]], b: [] })).json()).toEqual({ iou: [[]] });
  });

  it.each([
    ['an array', []],
    ['nothing', {}],
    ['three numbers', { a: [[1, 2, 3]], b: [] }],
    ['text', { a: [['1', 2, 3, 4]], b: [] }],
    ['a format there is not', { a: [], b: [], format: 'cxcywh' }],
    ['a member there is not', { a: [], b: [], fromat: 'xyxy' }],
    ['flags for another list', { a: [[0, 0, 1, 1]], b: [[0, 0, 1, 1]], iscrowd: [0, 1] }],
    ['infinite boxes', '{"a":[[0,0,1e999,1]],"b":[[0,0,1,1]]}'],
    ['an RLE of another size', { a: [{ size: [2, 2], counts: [1, 99] }], b: [], format: 'rle' }],
    ['an RLE of nonsense', { a: [{ size: [2, 2], counts: '\u0001\u0001~~~' }], b: [], format: 'rle' }],
    ['an RLE as large as the world', { a: [{ size: [2 ** 31, 2 ** 31], counts: [0] }], b: [], format: 'rle' }],
    ['a list nested 100,000 deep', `{"a":${'['.repeat(100_000)}${']'.repeat(100_000)},"b":[]}`],
  ])('refuses %s', async (_what, body) => {
    await expectProblem(await iou(body), 400, 'invalid_request');
  });

  it('refuses more pairs than an answer should have, and other types', async () => {
    const boxes = Array.from({ length: 2001 }, () => [0, 0, 1, 1]);
    await expectProblem(await iou({ a: boxes, b: boxes }), 413, 'payload_too_large');
    await expectProblem(await post(`${server.url}/v1/iou`, '{}', 'text/plain'), 415, 'unsupported_media_type');
    await expectProblem(await fetch(`${server.url}/v1/iou`, { method: 'POST' }), 415, 'unsupported_media_type');
  });
});
