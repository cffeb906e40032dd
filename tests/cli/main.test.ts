import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, onTestFinished, test } from 'vitest';

const env = { PATH: process.env.PATH, WORKERS: '1', LOG_LEVEL: 'silent' };

function start(...args: string[]): ChildProcess & { text: () => string; errors: () => string } {
  const child = spawn(process.execPath, ['dist/main.js', ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  let text = '';
  let errors = '';
  child.stdout!.on('data', (chunk) => {
    text += chunk;
  });
  child.stderr!.on('data', (chunk) => {
    errors += chunk;
  });
  return Object.assign(child, { text: () => text, errors: () => errors });
}

test('the executable predicts', async () => {
  const child = start('detect', 'samples/chelsea.png');
  const [code] = await once(child, 'close');
  expect(child.text()).toMatch(/^samples\/chelsea\.png {2}451×300 /);
  expect({ code, errors: child.errors() }).toEqual({ code: 0, errors: '' });
});

test('exit codes leave the process', async () => {
  const failed = once(start('detect', 'nope.jpg'), 'close');
  const wrong = once(start('--nope'), 'close');
  expect([(await failed)[0], (await wrong)[0]]).toEqual([1, 2]);
});

test('a closed pipe ends it quietly', async () => {
  const child = start('detect', ...Array<string>(200).fill('samples/rocket.jpg'));
  await once(child.stdout!, 'data');
  child.stdout!.destroy();
  const [code] = await once(child, 'close');
  expect({ code, errors: child.errors() }).toEqual({ code: 0, errors: '' });
});

test('SIGINT stops a run of many images', async () => {
  const child = start('detect', ...Array<string>(500).fill('samples/rocket.jpg'), '--json');
  await once(child.stdout!, 'data');
  child.kill('SIGINT');
  const [code] = await once(child, 'close');
  expect(JSON.parse(child.text()).results.length).toBeLessThan(500);
  expect(child.errors()).toMatch(/^miru: interrupted after \d+ of 500 images\n$/);
  expect(code).toBe(130);
});

test('serve listens until SIGTERM', async () => {
  const child = start('serve', '--port', '0', '--preload', 'none');
  while (!child.text().includes('http://')) await once(child.stdout!, 'data');
  const url = /http:\/\/\S+/.exec(child.text())![0];
  expect((await fetch(`${url}/healthz`)).status).toBe(200);
  child.kill('SIGTERM');
  expect(await once(child, 'close')).toEqual([0, null]);
});
