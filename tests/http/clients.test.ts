import { connect, type Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { expectPrediction, expectProblem, post, talk } from '../helpers/http.ts';
import { noise, smallCat } from '../helpers/pictures.ts';
import { startTestServer, type TestServer } from '../helpers/server.ts';

let server: TestServer;
let small: Buffer;
const health = 'GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n';
const ok = /HTTP\/1.1 200 .*\{"status":"ok"\}/s;
const detect = () => `${server.url}/v1/detect`;
const stats = () => server.engine.pool.stats;
const requestHead = (type: string, length: number | string) =>
  `POST /v1/detect HTTP/1.1\r\nHost: x\r\nContent-Type: ${type}\r\nContent-Length: ${length}\r\n\r\n`;

beforeAll(async () => {
  server = await startTestServer();
  small = await smallCat();
});
afterAll(() => server.close());

async function open(): Promise<Socket> {
  const socket = connect(Number(new URL(server.url).port), '127.0.0.1');
  socket.on('error', () => {});
  await new Promise((resolve) => socket.once('connect', resolve));
  return socket;
}

describe('clients that go away', () => {
  it.each(['image/png', 'application/json', 'multipart/form-data; boundary=x'])(
    'while they upload %s',
    async (type) => {
      // Together more than the server would hold, if it went on holding it.
      for (let i = 0; i < 25; i++) {
        const socket = await open();
        socket.write(requestHead(type, server.config.max_upload_bytes));
        socket.write(Buffer.alloc(10_000, '{'));
        await expect.poll(() => socket.bytesWritten).toBeGreaterThan(10_000);
        socket.destroy();
      }
      await expectPrediction(await post(detect(), small));
      expect(stats()).toMatchObject({ queued: 0, running: 0, lost: 0 });
    },
  );

  it('while they wait: what nobody wants is not computed', async () => {
    const slow = await noise(2500, 2500);
    const staying = [1, 2].map(() => post(detect(), slow));
    await expect.poll(() => stats().running).toBe(2);
    const leaving = new AbortController();
    const left = Array.from({ length: 10 }, () =>
      fetch(detect(), { method: 'POST', body: slow, headers: { 'content-type': 'image/png' }, signal: leaving.signal }),
    );
    await expect.poll(() => stats().queued, { timeout: 20_000, interval: 5 }).toBeGreaterThan(0);
    leaving.abort();
    expect((await Promise.allSettled(left)).map(({ status }) => status)).not.toContain('fulfilled');
    for (const response of staying) await expectPrediction(await response);
    await expect.poll(() => stats()).toMatchObject({ queued: 0, running: 0, lost: 0 });
    const metrics = await (await fetch(`${server.url}/metrics`)).text();
    // Three uploads before this, and the two that stayed.
    expect(metrics).toContain('miru_images_total{model="nanodet-g-coco"} 5');
  });
});

describe('clients that take their time', () => {
  it('a slow upload', async () => {
    const socket = await open();
    let answer = '';
    socket.on('data', (data) => {
      answer += data.toString('latin1');
    });
    socket.write(requestHead('image/jpeg', small.length));
    for (let at = 0; at < small.length; at += 2000) {
      socket.write(small.subarray(at, at + 2000));
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    await expect.poll(() => answer, { timeout: 10_000 }).toMatch(/^HTTP\/1.1 200 .*"label":"cat"/s);
    socket.destroy();
  });

  it('two at once', async () => {
    const answers = await Promise.all([post(detect(), small), post(detect(), small)]);
    const [a, b] = await Promise.all(answers.map(expectPrediction));
    expect(a?.results).toEqual(b?.results);
  });
});

describe('connections', () => {
  it.each([
    ['an unknown path', 'GET /nope HTTP/1.1\r\nHost: x\r\n\r\n', 404],
    ['a wrong method', 'PUT /v1/detect HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc', 405],
    ['a bad picture', `${requestHead('image/png', 5)}hello`, 415],
    ['a body of a type that is not read', `${requestHead('text/plain', 5)}hello`, 415],
    ['a broken form', `${requestHead('multipart/form-data; boundary=x', 5)}hello`, 400],
    ['broken JSON', `${requestHead('application/json', 5)}{"a":`, 400],
    [
      'an unknown option',
      'POST /v1/detect?x=1 HTTP/1.1\r\nHost: x\r\nContent-Type: image/png\r\nContent-Length: 1\r\n\r\nx',
      400,
    ],
    ['a POST without a body', 'POST /v1/detect HTTP/1.1\r\nHost: x\r\n\r\n', 400],
    [
      'a bad chunked body',
      'POST /v1/detect HTTP/1.1\r\nHost: x\r\nContent-Type: image/png\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n',
      415,
    ],
  ])('live on after %s, also when the next request is sent at once', async (_what, request, status) => {
    const answer = await talk(server.url, [request + health], ok);
    expect(answer).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
    expect(answer).toMatch(ok);
  });

  it.each([
    ['no HTTP', 'HELLO\r\n\r\n'],
    ['two lengths', 'POST /v1/detect HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab'],
    [
      'a length and chunks',
      'POST /v1/detect HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    ],
    ['a negative length', requestHead('image/png', -5)],
    ['a length beyond numbers', requestHead('image/png', '99999999999999999999999')],
    [
      'a chunk that is none',
      'POST /v1/detect HTTP/1.1\r\nHost: x\r\nContent-Type: image/png\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n',
    ],
    ['no host', 'GET /healthz HTTP/1.1\r\n\r\n'],
    ['a header with a NUL', 'GET /healthz HTTP/1.1\r\nHost: x\r\nX-A: \0\r\n\r\n'],
    [
      'a header line that folds into the next request',
      'GET /healthz HTTP/1.1\r\nHost: x\r\nX-A: a\nPOST / HTTP/1.1\r\n\r\n',
    ],
    ['20 kB of headers', `GET /healthz HTTP/1.1\r\nHost: x\r\nX-A: ${'a'.repeat(20_000)}\r\n\r\n`],
  ])('end with %s', async (_what, request) => {
    expect(await talk(server.url, [request], /\r\n\r\n/)).toMatch(/^HTTP\/1.1 4\d\d /);
    expect((await fetch(`${server.url}/healthz`)).status).toBe(200);
  });

  it('an Accept header of nonsense asks for nothing special', async () => {
    for (const accept of [';;q=,,/', 'image/png;q=x', '*', 'a/b/c', 'x'.repeat(8000)]) {
      expect((await post(detect(), small, 'image/jpeg', { accept })).status).toBe(200);
    }
  });
});

describe('methods', () => {
  it.each([
    ['GET', '/v1/detect', 'POST'],
    ['PUT', '/v1/predict', 'POST'],
    ['DELETE', '/v1/models', 'GET, POST'],
    ['PATCH', '/v1/models/nanodet-g-coco', 'GET, DELETE'],
    ['GET', '/v1/models/nanodet-g-coco/load', 'POST'],
    ['POST', '/healthz', 'GET'],
  ])('%s %s is 405 and says what is allowed', async (method, path, allow) => {
    const response = await fetch(`${server.url}${path}`, { method });
    expect(response.headers.get('allow')).toBe(allow);
    await expectProblem(response, 405, 'method_not_allowed');
  });

  it('HEAD is GET without a body, OPTIONS tells the methods', async () => {
    const head = await fetch(`${server.url}/v1/models`, { method: 'HEAD' });
    expect([head.status, await head.text()]).toEqual([200, '']);
    expect((await fetch(detect(), { method: 'HEAD' })).status).toBe(405);
    const options = await fetch(detect(), { method: 'OPTIONS' });
    expect([options.status, options.headers.get('allow')]).toEqual([200, 'POST']);
  });

  it.each([
    '/nope',
    '/v1',
    '/v1/',
    '/v1/detect/x',
    '/v1/models/a/b/c',
    '/docs/nope.js',
    '/docs/..%2f..%2fpackage.json',
  ])('%s is 404', async (path) => {
    await expectProblem(await fetch(`${server.url}${path}`), 404, 'not_found');
  });

  it.each(['%', '%E0%A4%A', '%ff'])('/v1/models/%s cannot be decoded', async (id) => {
    await expectProblem(await fetch(`${server.url}/v1/models/${id}`), 400, 'invalid_request');
  });
});
