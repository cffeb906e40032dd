import { mkdirSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { encodeModel } from '../../src/onnx/encode.ts';
import { detector, scratchFolder } from '../helpers/graphs.ts';
import { post, type ServerProcess, serve } from './server-process.ts';
import { chelsea } from './start-engine.ts';

const running: ServerProcess[] = [];
async function start(environment?: Readonly<Record<string, string>>) {
  const server = await serve(environment);
  running.push(server);
  return server;
}
afterEach(() => {
  for (const { child } of running.splice(0)) child.kill('SIGKILL');
});

const busy = async (url: string) => /^miru_running [1-9]/m.test(await (await fetch(`${url}/metrics`)).text());

describe('many clients', () => {
  it('each get the right answer, or hear when to try again', async () => {
    const server = await start({ WORKERS: '2', QUEUE_LIMIT: '8' });
    const agent = new http.Agent({ keepAlive: true });
    const once = () => post(`${server.url}/v1/detect?model=nanodet-g-coco`, chelsea, agent);
    const expected = JSON.parse((await once()).body);
    expect(expected.results[0].detections[0].label).toBe('cat');
    let left = 200;
    const counts = { right: 0, refused: 0 };
    const client = async () => {
      while (left-- > 0) {
        const { status, headers, body } = await once();
        if (status === 200) {
          expect(JSON.parse(body).results).toEqual(expected.results);
          counts.right++;
        } else {
          expect([status, JSON.parse(body).code]).toEqual([503, 'overloaded']);
          expect(Number(headers['retry-after'])).toBeGreaterThan(0);
          counts.refused++;
          await new Promise((resolve) => setTimeout(resolve, 100));
        }
      }
    };
    await Promise.all(Array.from({ length: 32 }, client));
    agent.destroy();
    expect(counts.right + counts.refused).toBe(200);
    expect(counts.right).toBeGreaterThan(10);
    expect(await server.stop()).toMatchObject({ code: 0 });
  });
});

describe('a model dropped into the directory', () => {
  it('is served within five seconds, though it is copied slowly', async () => {
    const scratch = scratchFolder();
    const server = await start({ MODELS_DIR: scratch.path, PRELOAD: 'none' });
    const bytes = encodeModel(detector({ classId: 1 }));
    const folder = join(scratch.path, 'dropped');
    mkdirSync(folder);
    writeFileSync(join(folder, 'model.onnx'), bytes.subarray(0, bytes.length / 2));
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect((await post(`${server.url}/v1/detect?model=dropped`, chelsea)).status).toBe(404);
    writeFileSync(join(folder, 'model.onnx'), bytes);
    const answer = await vi.waitUntil(
      async () => {
        const { status, body } = await post(`${server.url}/v1/detect?model=dropped`, chelsea);
        return status === 200 && body;
      },
      { timeout: 5_000, interval: 100 },
    );
    expect(JSON.parse(answer).results[0].detections[0].label).toBe('class_1');
    scratch.remove();
  });
});

describe('SIGTERM', () => {
  const slow = 'centernet-mobilenetv3-coco';

  it('lets every request in flight have its answer, refuses new ones and exits with 0', async () => {
    const server = await start({ WORKERS: '2', SHUTDOWN_TIMEOUT_MS: '20000' });
    const agent = new http.Agent({ keepAlive: true });
    const detect = () => post(`${server.url}/v1/detect?model=${slow}`, chelsea, agent);
    const expected = JSON.parse((await detect()).body).results;
    const inFlight = Array.from({ length: 12 }, detect);
    await vi.waitUntil(async () =>
      (await (await fetch(`${server.url}/metrics`)).text()).includes('miru_queue_length 8'),
    );
    const stopped = server.stop();
    await vi.waitUntil(() =>
      fetch(`${server.url}/healthz`).then(
        () => false,
        () => true,
      ),
    );
    await expect(post(`${server.url}/v1/detect?model=${slow}`, chelsea)).rejects.toThrow(/ECONNREFUSED/);
    for (const { status, body } of await Promise.all(inFlight)) {
      expect(status).toBe(200);
      expect(JSON.parse(body).results).toEqual(expected);
    }
    const { code, ms } = await stopped;
    expect(code).toBe(0);
    expect(ms).toBeLessThan(20_000);
    agent.destroy();
  });

  it('does not wait longer than it may; who is left gets a 503', async () => {
    const server = await start({ WORKERS: '1', SHUTDOWN_TIMEOUT_MS: '1' });
    await post(`${server.url}/v1/detect?model=${slow}`, chelsea);
    const inFlight = Array.from({ length: 8 }, () => post(`${server.url}/v1/detect?model=${slow}`, chelsea));
    await vi.waitUntil(() => busy(server.url), 20_000);
    const { code, signal } = await server.stop();
    expect({ code, signal }).toEqual({ code: 0, signal: null });
    const statuses = (await Promise.all(inFlight)).map(({ status }) => status);
    expect(statuses).toContain(503);
    expect(statuses.filter((status) => status !== 200 && status !== 503)).toEqual([]);
  });

  it('ends an idle server at once, whoever keeps a connection open', async () => {
    const server = await start({ PRELOAD: 'none' });
    const agent = new http.Agent({ keepAlive: true });
    await post(`${server.url}/v1/detect?model=nanodet-g-coco`, chelsea, agent);
    expect(await server.stop()).toMatchObject({ code: 0, ms: expect.toSatisfy((ms: number) => ms < 3_000) });
    agent.destroy();
  });

  it('does not wait for an upload that never ends', async () => {
    const server = await start({ PRELOAD: 'none' });
    const headers = { 'content-type': 'image/png', 'content-length': 1_000_000 };
    const req = http.request(`${server.url}/v1/detect`, { method: 'POST', headers });
    const cut = new Promise((resolve) => req.once('error', resolve).once('response', resolve));
    req.write(chelsea.subarray(0, 1_000));
    await new Promise((resolve) => setTimeout(resolve, 200));
    const { code, ms } = await server.stop();
    expect(code).toBe(0);
    expect(ms).toBeLessThan(10_000);
    await cut;
  });
});
