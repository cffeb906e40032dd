import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  expectPrediction,
  expectProblem,
  formEnd,
  formType,
  part,
  post,
  postForm,
  postJson,
  talk,
} from '../helpers/http.ts';
import { noise, plain, smallCat } from '../helpers/pictures.ts';
import { startTestServer, type TestServer } from '../helpers/server.ts';

const MiB = 2 ** 20;

describe('sizes', () => {
  let server: TestServer;
  let detect: string;

  beforeAll(async () => {
    server = await startTestServer({ settings: { max_upload_bytes: MiB, max_pixels: 200_000 } });
    detect = `${server.url}/v1/detect`;
  });
  afterAll(() => server.close());

  it('a declared 100 MB is refused before any of it is sent', async () => {
    const head = `POST /v1/detect HTTP/1.1\r\nHost: x\r\nContent-Type: image/png\r\nContent-Length: ${100e6}\r\n\r\n`;
    expect(await talk(server.url, [head], /"code"/)).toMatch(/^HTTP\/1.1 413 .*"payload_too_large"/s);
  });

  it('100 MB that are sent', async () => {
    await expectProblem(await post(detect, Buffer.alloc(100e6)), 413, 'payload_too_large');
  });

  it.each([
    ['a picture', 'image/png', 'A'],
    ['JSON', 'application/json', '{"image":"'],
    ['a form', formType, part('name="image"; filename="a"', '').subarray(0, -2).toString()],
  ])('%s that grows past the limit, and the connection lives on', async (_what, type, head) => {
    async function* endless() {
      yield Buffer.from(head);
      for (let i = 0; i < 40; i++) yield Buffer.alloc(100_000, 'A');
    }
    for (let i = 0; i < 3; i++) {
      await expectProblem(await post(detect, endless(), type), 413, 'payload_too_large');
      expect((await fetch(`${server.url}/healthz`)).status).toBe(200);
    }
  });

  it('a form without an end is answered when it is too large, not when it ends', async () => {
    const head = 'POST /v1/detect HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n';
    const body = Buffer.concat([part('name="image"; filename="a"', ''), Buffer.alloc(2 * MiB)]);
    const chunks = [`${head}Content-Type: ${formType}\r\n\r\n${body.length.toString(16)}\r\n`, body, '\r\n'];
    expect(await talk(server.url, chunks, /"code"/)).toMatch(/^HTTP\/1.1 413/);
  });

  it('the files of a form count together', async () => {
    async function* form() {
      for (let i = 0; i < 3; i++) yield part(`name="image"; filename="${i}"`, Buffer.alloc(0.4 * MiB));
      yield formEnd;
    }
    await expectProblem(await post(detect, form(), formType), 413, 'payload_too_large');
  });

  it('20 images work, 200 are too many', async () => {
    const bytes = await smallCat(120);
    const files = (count: number) => ({
      image: Array.from({ length: count }, (_, i) => ({ name: `${i}.jpg`, bytes })),
    });
    const { results } = await expectPrediction(await postForm(detect, files(20)));
    expect(results.map(({ image }) => image.name)).toEqual(files(20).image.map(({ name }) => name));
    await expectProblem(await postForm(detect, files(200)), 413, 'payload_too_large');
    const images = Array.from({ length: 200 }, () => '/9j/');
    await expectProblem(await postJson(detect, { images }), 413, 'payload_too_large');
  });

  it('max_pixels', async () => {
    await expectPrediction(await post(detect, await plain(500, 400)));
    const detail = await expectProblem(await post(detect, await plain(501, 400)), 422, 'image_too_large');
    expect(detail).toContain('501×400');
  });
});

describe('too much at once', () => {
  let server: TestServer;
  let slow: Buffer;

  beforeAll(async () => {
    server = await startTestServer({ settings: { queue_limit: 1 } });
    slow = await noise(1000, 1000);
  });
  afterAll(() => server.close());

  it('answers 503 with Retry-After, and serves again afterwards', async () => {
    const detect = `${server.url}/v1/detect`;
    const responses = await Promise.all(Array.from({ length: 30 }, () => post(detect, slow)));
    const busy = responses.filter(({ status }) => status === 503);
    expect(busy.length).toBeGreaterThan(0);
    expect(responses.filter(({ status }) => status === 200).length).toBeGreaterThanOrEqual(3);
    for (const response of responses) {
      if (response.status === 200) await expectPrediction(response);
      else {
        expect(response.headers.get('retry-after')).toMatch(/^[1-9]\d*$/);
        await expectProblem(response, 503, 'overloaded');
      }
    }
    await expectPrediction(await post(detect, slow));
    expect(server.engine.pool.stats).toMatchObject({ queued: 0, running: 0, lost: 0 });
  });

  it('more images in one request than can ever wait', async () => {
    const image = Array.from({ length: 5 }, () => ({ name: 'a', bytes: slow }));
    const response = await postForm(`${server.url}/v1/detect`, { image });
    expect(response.headers.has('retry-after')).toBe(true);
    await expectProblem(response, 503, 'overloaded');
  });
});

describe('too long', () => {
  it('504', async () => {
    const server = await startTestServer({ settings: { request_timeout_ms: 30 } });
    try {
      const slow = await noise(2500, 2500);
      await expectProblem(await post(`${server.url}/v1/detect`, slow), 504, 'timeout');
    } finally {
      await server.close();
    }
  });
});
