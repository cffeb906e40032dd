// Sends cases to a real server in a process of its own.
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import process from 'node:process';
import { createInterface } from 'node:readline';
import { setTimeout } from 'node:timers/promises';
import { complaintAbout } from './check.mjs';
import { Random } from './random.mjs';
import { requestOf, requests } from './requests.mjs';
import * as samples from './samples.mjs';

const MODELS = ['nanodet-g-coco', 'selfie-segmentation'];
/** Requests under way at once. */
const CLIENTS = 4;

/**
 * @returns {Promise<{ findings: object[], counts: object, slowest: object, memory: object }>}
 */
export async function fuzzServer({ seed, from, to, limitMs }) {
  const server = await startServer();
  const findings = [];
  const counts = Object.fromEntries(requests.map(({ name }) => [name, {}]));
  let slowest = { ms: 0 };
  let next = from;
  let before;
  const fifth = from + Math.floor((to - from) / 5);

  const client = async () => {
    while (next < to && !server.ended()) {
      const index = next++;
      if (index === fifth) before = server.residentMiB();
      const random = new Random(seed, index);
      const { name, make } = requestOf(random);
      const started = performance.now();
      const { status, finding } = await send(server.url, make(random), limitMs);
      const ms = performance.now() - started;
      counts[name][status] = (counts[name][status] ?? 0) + 1;
      if (ms > slowest.ms) slowest = { ms, index, target: name };
      const died = server.ended();
      if (finding || died)
        findings.push({ finding: died ? `the server ended: ${died}` : finding, index, target: name });
    }
  };
  try {
    await Promise.all(Array.from({ length: CLIENTS }, client));
    const memory = { before, after: server.residentMiB(), peak: server.residentMiB('VmHWM') };
    // And it still serves.
    if (!server.ended()) {
      const body = readFileSync('samples/chelsea.png');
      const { status, finding } = await send(
        server.url,
        { path: '/v1/detect', headers: { 'content-type': 'image/png' }, body },
        60_000,
      );
      if (status !== 200)
        findings.push({ finding: `a good picture is answered ${status} ${finding}`, index: to, target: 'the end' });
    }
    for (const line of server.errors) findings.push({ finding: `logged: ${line}`, index: -1, target: 'the log' });
    return { findings, counts, slowest, memory };
  } finally {
    server.stop();
  }
}

async function send(url, { path, headers, body }, limitMs) {
  let response;
  let text;
  try {
    response = await fetch(`${url}${path}`, { method: 'POST', headers, body, signal: AbortSignal.timeout(limitMs) });
    text = Buffer.from(await response.arrayBuffer()).toString();
  } catch (error) {
    return { status: 'none', finding: `no answer: ${error.message} ${error.cause?.message ?? ''}` };
  }
  const { status } = response;
  if (status === 201) return { status, finding: await tryModel(url, response.headers.get('location'), limitMs) };
  if (status === 202) return { status, finding: await awaitJob(`${url}${response.headers.get('location')}`, limitMs) };
  if (status === 200) return { status };
  if (!(response.headers.get('content-type') ?? '').startsWith('application/problem+json')) {
    return { status, finding: `${status} without a problem: ${text.slice(0, 200)}` };
  }
  const { detail, code } = JSON.parse(text);
  const isFair = (status >= 400 && status < 499) || (status === 503 && code === 'overloaded');
  return { status, finding: isFair ? complaintAbout(detail) : `${status} ${code}: ${detail}` };
}

/** What was accepted is run, and removed. */
async function tryModel(url, location, limitMs) {
  const id = location.split('/').at(-1);
  const signal = () => AbortSignal.timeout(limitMs);
  const picture = samples.png(8, 8);
  const init = { method: 'POST', headers: { 'content-type': 'image/png' }, body: picture, signal: signal() };
  try {
    const answer = await fetch(`${url}/v1/predict?model=${id}`, init);
    const text = await answer.text();
    const removed = await fetch(`${url}/v1/models/${id}`, { method: 'DELETE', signal: signal() });
    if (removed.status !== 204) return `the model cannot be removed: ${removed.status}`;
    if (answer.status >= 500 && answer.status !== 503) return `an accepted model: ${answer.status} ${text}`;
  } catch (error) {
    return `an accepted model: ${error.message} ${error.cause?.message ?? ''}`;
  }
  return undefined;
}

/** Waits for a job that was taken on, whose end may be failure, and removes it. */
async function awaitJob(url, limitMs) {
  const deadline = Date.now() + limitMs;
  for (;;) {
    const response = await fetch(url);
    const { state, error } = await response.json();
    const isFinal = ['done', 'failed', 'cancelled'].includes(state);
    if (!isFinal && Date.now() < deadline) {
      await setTimeout(50);
      continue;
    }
    await fetch(url, { method: 'DELETE' });
    if (!isFinal) return `a job is still ${state}`;
    if (error?.status >= 500) return `a job failed: ${JSON.stringify(error)}`;
    return error ? complaintAbout(error.detail ?? error.message ?? '') : undefined;
  }
}

async function startServer() {
  const models = mkdtempSync(join(tmpdir(), 'miru-fuzz-models-'));
  for (const id of MODELS) symlinkSync(resolve('models', id), join(models, id));
  const env = {
    ...process.env,
    ...{ PORT: '0', MODELS_DIR: models, WORKERS: '1', THREADS: '1', PROVIDER: 'cpu', LOG_LEVEL: 'error' },
    ...{ EVALUATION_THREADS: '2', MAX_PIXELS: '1000000' },
  };
  const child = spawn(process.execPath, ['dist/main.js', 'serve'], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  const errors = [];
  let ended;
  child.once('exit', (code, signal) => {
    ended = `exit code ${code}, signal ${signal}`;
  });
  createInterface({ input: child.stderr }).on('line', (line) => errors.push(line));
  const url = await new Promise((done, fail) => {
    child.once('exit', () => fail(new Error(`the server did not start: ${errors.join('\n')}`)));
    createInterface({ input: child.stdout }).on('line', (line) => {
      const [found] = /http:\/\/[^\s"]+:\d+/.exec(line) ?? [];
      if (found) done(found);
      else if (line.includes('"level":50') || line.includes('"level":60')) errors.push(line);
    });
  });
  return {
    url,
    errors,
    ended: () => ended,
    /** Undefined where the system does not tell. */
    residentMiB(which = 'VmRSS') {
      if (ended || process.platform !== 'linux') return undefined;
      const [, kib] = new RegExp(`${which}:\\s+(\\d+)`).exec(readFileSync(`/proc/${child.pid}/status`, 'utf8')) ?? [];
      return kib / 1024;
    },
    stop() {
      child.kill('SIGKILL');
      rmSync(models, { recursive: true, force: true });
    },
  };
}
