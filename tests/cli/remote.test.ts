import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { pino } from 'pino';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { loadConfig } from '../../src/config.ts';
import { prediction } from '../../src/http/responses.ts';
import { type RunningServer, startServer } from '../../src/server.ts';
import { miru, temporaryFolder } from './miru.ts';

const images = ['samples/chelsea.png', 'samples/coffee.png'];

let server: RunningServer;
let withKey: readonly string[];
beforeAll(async () => {
  const config = loadConfig({ PORT: '0', WORKERS: '1', API_KEYS: 'secret', LOG_LEVEL: 'silent' });
  server = await startServer(config, pino({ level: 'silent' }));
  withKey = ['--server', server.url, '--api-key', 'secret'];
});
afterAll(() => server.close());

describe('--server', () => {
  test('gives the same results as this process', async () => {
    const args = ['detect', ...images, '--json', '--score-threshold', '0.2'];
    const [here, there] = await Promise.all([miru(args), miru([...args, ...withKey])]);
    const parse = (text: string) => prediction.parse(JSON.parse(text));
    expect(parse(there.stdout).results).toEqual(parse(here.stdout).results);
    expect({ code: there.code, stderr: there.stderr }).toEqual({ code: 0, stderr: '' });
  });

  test('draws', async () => {
    const out = join(temporaryFolder(), 'boxed.jpg');
    const { code } = await miru(['detect', images[0]!, '--out', out, ...withKey]);
    expect(await sharp(out).metadata()).toMatchObject({ format: 'jpeg', width: 451, height: 300 });
    expect(code).toBe(0);
  });

  test('takes the key from the environment', async () => {
    const { code } = await miru(['detect', images[0]!, '--server', server.url], { env: { MIRU_API_KEY: 'secret' } });
    expect(code).toBe(0);
  });

  test('reports a broken file and goes on', async () => {
    const { code, stdout, stderr } = await miru(['detect', 'README.md', images[0]!, '--json', ...withKey]);
    expect(prediction.parse(JSON.parse(stdout)).results).toHaveLength(1);
    expect(stderr).toMatch(/^miru: README\.md: not a picture .*\nmiru: 1 of 2 images failed\n$/);
    expect(code).toBe(1);
  });

  test.each([
    [() => ['--server', server.url], 1, /^miru: this server asks for a key.*\n$/],
    [() => ['--server', server.url, '--api-key', 'wrong'], 1, /^miru: this key is not known\n$/],
    [() => [...withKey, '--model', 'nope'], 1, /^miru: there is no model ‘nope’.*\n$/],
    [
      () => [...withKey, '--model', './nope.onnx'],
      2,
      /^miru: --model \.\/nope\.onnx: a server has its own models.*\n$/,
    ],
    [
      () => [...withKey, '--workers', '2'],
      2,
      /^miru: option '--server <url>' cannot be used with option '--workers .*\n$/,
    ],
  ])('ends with one line: case %#', async (flags, expected, message) => {
    const { code, stdout, stderr } = await miru(['detect', ...images, ...flags()]);
    expect(stderr).toMatch(message);
    expect({ code, stdout }).toEqual({ code: expected, stdout: '' });
  });

  test('models list and inspect', async () => {
    const list = await miru(['models', 'list', ...withKey]);
    expect(list.stdout).toMatch(/^nanodet-g-coco \* +detection +nanodet +80 +416×416 /m);
    const one = await miru(['models', 'inspect', 'nanodet-g-coco', ...withKey]);
    expect(one.stdout).toMatch(/^family +nanodet$/m);
    const none = await miru(['models', 'inspect', 'nope', ...withKey]);
    expect(none).toMatchObject({ code: 1, stdout: '' });
  });
});

describe('servers that are not Miru', () => {
  async function answering(handler: Parameters<typeof createServer>[1]): Promise<string> {
    const other: Server = createServer(handler as never);
    await new Promise<void>((resolve) => {
      other.listen(0, '127.0.0.1', resolve);
    });
    onTestFinished(() => {
      other.closeAllConnections();
      other.close();
    });
    return `http://127.0.0.1:${(other.address() as AddressInfo).port}`;
  }

  test('nobody listens', async () => {
    const { code, stderr } = await miru(['detect', ...images, '--server', 'http://127.0.0.1:9']);
    expect(stderr).toMatch(/^miru: http:\/\/127\.0\.0\.1:9 cannot be reached: .+\n$/);
    expect(code).toBe(1);
  });

  test('another program answers', async () => {
    const url = await answering((_req, res) => res.writeHead(404).end('<h1>not here</h1>'));
    const { code, stderr } = await miru(['detect', ...images, '--server', url]);
    expect(stderr).toBe(`miru: ${url}/v1/detect answered 404 Not Found; is it a Miru server?\n`);
    expect(code).toBe(1);
  });

  test('the connection breaks off', async () => {
    const url = await answering((_req, res) => {
      res.writeHead(200, { 'content-length': '100' });
      res.write('{');
      setImmediate(() => res.destroy());
    });
    const { code, stderr } = await miru(['detect', ...images, '--server', url]);
    expect(stderr).toMatch(/^miru: http:.* cannot be reached: .+\n$/);
    expect(code).toBe(1);
  });

  test('a server that is overloaded is asked again when it says', async () => {
    let requests = 0;
    const url = await answering((req, res) => {
      req.resume();
      const problem = { code: 'overloaded', detail: 'the queue is full' };
      if (++requests === 1) res.writeHead(503, { 'retry-after': '0' }).end(JSON.stringify(problem));
      else res.end('[]');
    });
    const { code, stdout } = await miru(['detect', images[0]!, '--format', 'coco', '--server', url]);
    expect({ code, rows: JSON.parse(stdout), requests }).toEqual({ code: 0, rows: [], requests: 2 });
  });
});
