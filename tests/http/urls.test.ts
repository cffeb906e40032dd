import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fetchImage, isPublic } from '../../src/http/fetch-image.ts';
import { expectProblem, postJson } from '../helpers/http.ts';
import { startTestServer, type TestServer } from '../helpers/server.ts';

/** Every spelling of an address that is not the public internet. */
const privateHosts = [
  '127.0.0.1',
  'localhost',
  '10.0.0.1',
  '172.16.0.1',
  '192.168.1.1',
  '169.254.169.254',
  '100.64.0.1',
  '0.0.0.0',
  '255.255.255.255',
  '224.0.0.1',
  '127.1',
  '2130706433',
  '017700000001',
  '0x7f000001',
  '0x7f.1',
  '0',
  '①②⑦.0.0.1',
  '[::1]',
  '[::]',
  '[::ffff:127.0.0.1]',
  '[::ffff:a9fe:a9fe]',
  '[::127.0.0.1]',
  '[fe80::1]',
  '[fd00::1]',
  '[64:ff9b::7f00:1]',
  '[2002:7f00:1::]',
];

describe('isPublic', () => {
  it.each(['8.8.8.8', '1.1.1.1', '172.32.0.1', '2606:4700:4700::1111', '::ffff:8.8.8.8'])('%s is', (address) => {
    expect(isPublic(address)).toBe(true);
  });
  it.each(['127.0.0.1', '10.1.2.3', '169.254.169.254', '::1', '::ffff:10.0.0.1', 'fe80::1', '192.0.2.1', 'ff02::1'])(
    '%s is not',
    (address) => {
      expect(isPublic(address)).toBe(false);
    },
  );
});

describe('a server that fetches', () => {
  let server: TestServer;
  let touched = 0;
  let inside: Server;

  beforeAll(async () => {
    inside = createServer((_req, res) => {
      touched++;
      res.end('secret');
    });
    await new Promise<void>((resolve) => inside.listen(0, '127.0.0.1', resolve));
    server = await startTestServer({ models: [], settings: { allow_url_input: true, preload: 'none' } });
  });
  afterAll(async () => {
    inside.close();
    await server.close();
  });

  it.each(privateHosts)('refuses http://%s', async (host) => {
    const { port } = inside.address() as AddressInfo;
    const detect = `${server.url}/v1/detect`;
    await expectProblem(await postJson(detect, { image: `http://${host}:${port}/x.png` }), 403, 'forbidden');
    expect(touched).toBe(0);
  });

  it.each([
    ['credentials', 'http://user:secret@localhost/x.png'],
    ['nothing behind the scheme', 'http://'],
    ['a broken address', 'http://[::1/x.png'],
    ['a port there is not', 'http://localhost:99999/x.png'],
  ])('refuses %s', async (_what, image) => {
    await expectProblem(await postJson(`${server.url}/v1/detect`, { image }), 400, 'invalid_request');
  });

  it('refuses one among many', async () => {
    const images = ['http://127.0.0.1/a.png', 'http://10.0.0.1/b.png', '/9j/'];
    await expectProblem(await postJson(`${server.url}/v1/detect`, { images }), 403, 'forbidden');
  });
});

it('is off unless switched on', async () => {
  const server = await startTestServer({ models: [], settings: { preload: 'none' } });
  const detail = await expectProblem(await postJson(`${server.url}/v1/detect`, { image: 'https://127.0.0.1/' }), 403);
  expect(detail).toContain('ALLOW_URL_INPUT');
  await server.close();
});

describe('fetchImage', () => {
  const isLoopback = (address: string) => address === '127.0.0.1';
  const routes: Record<string, { status?: number; location?: string; body?: Buffer; cut?: boolean }> = {
    '/cat.png': { body: Buffer.from('cat') },
    '/': { body: Buffer.from('root') },
    '/large': { body: Buffer.alloc(5000) },
    '/missing': { status: 404 },
    '/moved': { status: 302, location: '/cat.png' },
    '/twice': { status: 308, location: '/moved' },
    '/loop': { status: 301, location: '/loop' },
    '/inside': { status: 302, location: 'http://127.0.0.2/cat.png' },
    '/metadata': { status: 307, location: 'http://169.254.169.254/latest/meta-data' },
    '/v6': { status: 302, location: 'http://[::1]/cat.png' },
    '/file': { status: 302, location: 'file:///etc/passwd' },
    '/nowhere': { status: 302, location: 'http://' },
    '/cut': { body: Buffer.from('half'), cut: true },
  };
  let source: Server;
  let base: string;
  const get = (path: string, limit = 1000) => fetchImage(`${base}${path}`, limit, isLoopback);

  beforeAll(async () => {
    source = createServer((req, res) => {
      const { status = 200, location, body = Buffer.from('no'), cut } = routes[req.url ?? ''] ?? { status: 404 };
      res.writeHead(status, { ...(location && { location }), 'content-length': body.length + (cut ? 10 : 0) });
      res.write(body, () => (cut ? res.destroy() : res.end()));
    });
    await new Promise<void>((resolve) => source.listen(0, '127.0.0.1', resolve));
    base = `http://127.0.0.1:${(source.address() as AddressInfo).port}`;
  });
  afterAll(() => source.close());

  it('gives the bytes, and the name from the path', async () => {
    for (const path of ['/cat.png', '/moved', '/twice']) {
      const { name, bytes } = await get(path);
      expect([name, Buffer.from(bytes).toString()]).toEqual(['cat.png', 'cat']);
      expect(bytes.buffer).toBeInstanceOf(SharedArrayBuffer);
    }
    expect((await get('/')).name).toBe('image');
    expect((await fetchImage(`${base.replace('127.0.0.1', 'localhost')}/cat.png`, 10, () => true)).name).toBe(
      'cat.png',
    );
  });

  it.each([
    ['/missing', 'url_fetch_failed'],
    ['/loop', 'url_fetch_failed'],
    ['/cut', 'url_fetch_failed'],
    ['/large', 'payload_too_large'],
    ['/inside', 'forbidden'],
    ['/metadata', 'forbidden'],
    ['/v6', 'forbidden'],
    ['/file', 'invalid_request'],
    ['/nowhere', 'invalid_request'],
  ])('%s: %s', async (path, code) => {
    await expect(get(path)).rejects.toMatchObject({ code });
  });

  it('nobody listens', async () => {
    const closed = createServer();
    await new Promise<void>((resolve) => closed.listen(0, '127.0.0.1', resolve));
    const { port } = closed.address() as AddressInfo;
    await new Promise((resolve) => closed.close(resolve));
    await expect(fetchImage(`http://127.0.0.1:${port}/`, 10, isLoopback)).rejects.toMatchObject({
      code: 'url_fetch_failed',
    });
  });

  it('checks what a name stands for, not the name', async () => {
    await expect(fetchImage(base.replace('127.0.0.1', 'localhost'), 10, () => false)).rejects.toMatchObject({
      code: 'forbidden',
    });
  });
});
