// npm run soak: many requests from many clients. Every answer must be the right one, or a 503 that says when to try
// again, and the server must not grow.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { createClient } from './load.mjs';

const { values: options } = parseArgs({
  options: {
    model: { type: 'string', default: 'nanodet-g-coco' },
    image: { type: 'string', default: 'samples/chelsea.png' },
    requests: { type: 'string', default: '2000' },
    clients: { type: 'string', default: '32' },
    rounds: { type: 'string', default: '2' },
  },
});
const requests = Number(options.requests);
const clients = Number(options.clients);
/** By then every buffer has been allocated once. */
const WARM = 200;
const MOST_GROWTH = 0.1;

const image = readFileSync(options.image);
const type = options.image.endsWith('.png') ? 'image/png' : 'image/jpeg';
const server = await startServer();
const client = createClient(server.url, clients);
const detect = () => client.post(`/v1/detect?model=${options.model}`, type, image);
const expected = JSON.parse((await detect()).body).results;

let failed = false;
try {
  for (let round = 1; round <= Number(options.rounds); round++) await soak(round);
} finally {
  client.close();
  server.child.kill('SIGTERM');
}
if (failed) process.exitCode = 1;

async function soak(round) {
  const counts = { right: 0, refused: 0 };
  let warmRss = 0;
  let sent = 0;
  const started = performance.now();
  const loop = async () => {
    while (sent++ < requests) {
      check(await detect(), counts);
      if (counts.right + counts.refused === WARM) warmRss = rss();
    }
  };
  await Promise.all(Array.from({ length: clients }, loop));
  const seconds = (performance.now() - started) / 1000;
  const endRss = rss();
  const growth = endRss / warmRss - 1;
  console.log(`round ${round}: ${counts.right} right, ${counts.refused} refused, ${seconds.toFixed(1)} s`);
  console.log(`  RSS ${warmRss} MiB after ${WARM}, ${endRss} MiB at the end: ${(growth * 100).toFixed(1)} %`);
  if (growth > MOST_GROWTH) {
    console.log(`  that is more than ${MOST_GROWTH * 100} %`);
    failed = true;
  }
}

function check({ status, headers, body }, counts) {
  if (status === 200) {
    assert.deepEqual(JSON.parse(body).results, expected);
    counts.right++;
    return;
  }
  assert.equal(status, 503, String(body));
  assert.ok(Number(headers['retry-after']) > 0, 'a 503 without Retry-After');
  counts.refused++;
}

/** MiB of memory that the server holds (Linux). */
function rss() {
  return Math.round(Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${server.child.pid}/status`, 'utf8'))[1]) / 1024);
}

async function startServer() {
  const env = { ...process.env, PORT: '0', LOG_LEVEL: 'error' };
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
