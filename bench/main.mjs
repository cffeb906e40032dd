// npm run bench: the server's throughput beside what the cores could do, and how long /healthz takes under load.
// Ratios are taken within one run; the client runs on the same machine and takes its share of the cores.
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { describeModel } from '../dist/catalog/describe.js';
import { openPicture } from '../dist/image/picture.js';
import { openSession } from '../dist/runtime/session.js';
import { fitFrame } from '../dist/vision/frame.js';
import { toInputTensor } from '../dist/vision/pixels.js';
import { createClient, percentile, saturate } from './load.mjs';

const { values: options } = parseArgs({
  options: {
    model: { type: 'string', default: 'nanodet-g-coco' },
    slow: { type: 'string', default: 'centernet-mobilenetv3-coco' },
    image: { type: 'string', default: 'samples/chelsea.png' },
    seconds: { type: 'string', default: '8' },
  },
});
const seconds = Number(options.seconds);
const cores = availableParallelism();
const bytes = readFileSync(options.image);
const type = options.image.endsWith('.png') ? 'image/png' : 'image/jpeg';

const bare = await bareLimit(options.model);
console.log(`${options.model} on ${options.image}, ${cores} cores, Node ${process.version}`);
console.log(`bare: decode + resize ${bare.decodeMs.toFixed(1)} ms CPU, session.run ${bare.runMs.toFixed(1)} ms CPU`);
console.log(`bare limit: ${bare.limit.toFixed(1)} images/s\n`);

const server = await startServer();
try {
  await throughput();
  await healthUnderLoad();
} finally {
  server.child.kill('SIGTERM');
}

/** CPU time of one picture without any server: decode and resize, then one run on one thread. */
async function bareLimit(id) {
  const path = `models/${id}/model.onnx`;
  const description = await describeModel(path, JSON.parse(readFileSync(`models/${id}/model.json`, 'utf8')));
  const session = await openSession(path, { provider: 'cpu', threads: 1 });
  const { input } = description;
  const prepare = async () => {
    const picture = await openPicture(bytes, { maxPixels: 1e9 });
    const frame = fitFrame(picture, input.resize);
    return { frame, rgb: await picture.resized(frame.content, input.interpolation) };
  };
  const { frame, rgb } = await prepare();
  const feeds = { [input.name]: toInputTensor(rgb, frame, input) };
  const decodeMs = await cpuPerCall(prepare);
  const runMs = await cpuPerCall(() => session.run(feeds));
  await session.release();
  return { decodeMs, runMs, limit: (cores * 1000) / (decodeMs + runMs) };
}

async function cpuPerCall(call) {
  for (let i = 0; i < 10; i++) await call();
  const rounds = [];
  for (let round = 0; round < 5; round++) {
    const before = process.cpuUsage();
    for (let i = 0; i < 20; i++) await call();
    const { user, system } = process.cpuUsage(before);
    rounds.push((user + system) / 1000 / 20);
  }
  return percentile(rounds, 0.5);
}

async function throughput() {
  console.log('clients  images/s  ratio to limit  p50 ms  p99 ms  refused');
  for (const clients of [1, 4, 16]) {
    const client = createClient(server.url, clients);
    const once = () => client.post(`/v1/detect?model=${options.model}`, type, bytes);
    await saturate(clients, 1, once);
    const { results, seconds: took } = await saturate(clients, seconds, once);
    const good = results.filter((r) => r.status === 200);
    const rate = good.length / took;
    const times = good.map((r) => r.ms);
    const cells = [clients, rate.toFixed(1), (rate / bare.limit).toFixed(2), percentile(times, 0.5).toFixed(1)];
    cells.push(percentile(times, 0.99).toFixed(1), results.length - good.length);
    console.log(cells.map((cell, i) => String(cell).padStart([7, 9, 15, 7, 7, 8][i])).join(' '));
    client.close();
  }
}

async function healthUnderLoad() {
  const client = createClient(server.url, 8);
  const probe = createClient(server.url, 1);
  const once = () => client.post(`/v1/detect?model=${options.slow}`, type, bytes);
  await once();
  const times = [];
  const load = saturate(8, seconds, once);
  const until = performance.now() + seconds * 1000;
  while (performance.now() < until) {
    times.push((await probe.get('/healthz')).ms);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  const { results } = await load;
  const [p50, p99, max] = [0.5, 0.99, 1].map((p) => percentile(times, p).toFixed(1));
  console.log(`\nGET /healthz beside 8 clients of ${options.slow} (${results.length} images):`);
  console.log(`${times.length} probes, p50 ${p50} ms, p99 ${p99} ms, max ${max} ms`);
  client.close();
  probe.close();
}

async function startServer() {
  const env = { ...process.env, PORT: '0', LOG_LEVEL: 'error', MODELS_DIR: process.env.MODELS_DIR ?? '' };
  const child = spawn(process.execPath, ['dist/main.js', 'serve'], { env, stdio: ['ignore', 'pipe', 'inherit'] });
  const url = await new Promise((resolve, reject) => {
    let text = '';
    child.stdout.on('data', (chunk) => {
      text += chunk;
      const found = /listens on (\S+)/.exec(text);
      if (found) resolve(found[1]);
    });
    child.on('exit', () => reject(new Error('the server did not start')));
  });
  return { child, url };
}
