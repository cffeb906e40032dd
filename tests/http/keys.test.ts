import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { expectPrediction, expectProblem, post, postForm } from '../helpers/http.ts';
import { smallCat } from '../helpers/pictures.ts';
import { startTestServer, type TestServer } from '../helpers/server.ts';

describe('API keys', () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startTestServer({ settings: { api_keys: 'first-key,second-key' } });
  });
  afterAll(() => server.close());
  const get = (path: string, headers: Record<string, string> = {}) => fetch(`${server.url}${path}`, { headers });

  it.each(['/healthz', '/readyz', '/metrics', '/openapi.json', '/docs/', '/docs/init.js'])(
    '%s is open',
    async (path) => {
      expect((await get(path)).status).toBe(200);
    },
  );

  it.each([
    ['GET', '/v1/models'],
    ['GET', '/v1/models/nanodet-g-coco'],
    ['GET', '/v1/nope'],
    ['POST', '/v1/detect'],
    ['POST', '/v1/iou'],
    ['POST', '/v1/models'],
    ['POST', '/v1/models/nanodet-g-coco/unload'],
    ['DELETE', '/v1/models/nanodet-g-coco'],
  ])('%s %s asks for a key', async (method, path) => {
    await expectProblem(await fetch(`${server.url}${path}`, { method }), 401, 'unauthorized');
    const headers = { authorization: 'Bearer wrong' };
    await expectProblem(await fetch(`${server.url}${path}`, { method, headers }), 403, 'forbidden');
  });

  it('takes either key, as a bearer token or in X-API-Key', async () => {
    for (const key of ['first-key', 'second-key']) {
      expect((await get('/v1/models', { authorization: `Bearer ${key}` })).status).toBe(200);
      expect((await get('/v1/models', { authorization: `bearer ${key}` })).status).toBe(200);
      expect((await get('/v1/models', { 'x-api-key': key })).status).toBe(200);
    }
    const headers = { 'x-api-key': 'first-key' };
    await expectPrediction(await post(`${server.url}/v1/detect`, await smallCat(), 'image/jpeg', headers));
  });

  it.each([
    ['x-api-key', 'first-ke', 403],
    ['x-api-key', 'first-key,second-key', 403],
    ['x-api-key', '', 403],
    ['authorization', 'Bearer', 401],
    ['authorization', 'Bearer ', 401],
    ['authorization', 'Basic first-key', 401],
    ['authorization', 'first-key', 401],
    ['authorization', `Bearer ${'x'.repeat(10_000)}`, 403],
  ])('%s: %s', async (name, value, status) => {
    await expectProblem(await get('/v1/models', { [name]: value }), status);
  });

  it('are not taken from the query, and not told', async () => {
    const detail = await expectProblem(await get('/v1/models?api_key=first-key'), 401);
    expect(detail).not.toContain('first');
  });
});

describe('pages of other origins', () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startTestServer();
  });
  afterAll(() => server.close());

  it.each(['http://evil.example', 'null', 'http://localhost:1', 'http://localhost.evil.example', ':::', 'file://'])(
    'Origin %s may look and predict, but not change models',
    async (origin) => {
      const headers = { origin };
      const models = `${server.url}/v1/models`;
      expect((await fetch(models, { headers })).status).toBe(200);
      const changes: [string, string][] = [
        ['POST', models],
        ['POST', `${models}/nanodet-g-coco/load`],
        ['POST', `${models}/nanodet-g-coco/unload`],
        ['DELETE', `${models}/nanodet-g-coco`],
      ];
      for (const [method, url] of changes) await expectProblem(await fetch(url, { method, headers }), 403, 'forbidden');
    },
  );

  it('the server’s own page may', async () => {
    const url = `${server.url}/v1/models/nanodet-g-coco/load`;
    expect((await fetch(url, { method: 'POST', headers: { origin: server.url } })).status).toBe(200);
    expect((await fetch(url, { method: 'POST' })).status).toBe(200);
  });

  it('no page of another origin may read answers', async () => {
    const response = await postForm(`${server.url}/v1/detect`, { image: { name: 'a', bytes: await smallCat() } });
    expect(response.headers.has('access-control-allow-origin')).toBe(false);
    expect(response.headers.get('cross-origin-resource-policy')).toBe('same-origin');
  });
});
