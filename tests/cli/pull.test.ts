import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import type { RequestListener } from 'node:http';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { modelDetail } from '../../src/http/responses.ts';
import { encodeModel } from '../../src/onnx/encode.ts';
import { registry } from '../../src/registry/index.ts';
import { detector } from '../helpers/graphs.ts';
import { sharedPath } from '../helpers/shared.ts';
import { cut, hashOf, sendFile, serve, startOf } from '../registry/file-server.ts';
import { miru, temporaryFolder } from './miru.ts';

const graph = Buffer.from(encodeModel(detector()));
const sha256 = hashOf(graph);
const good: RequestListener = (request, response) => sendFile(request, response, graph);

/** `miru models pull`, as scripts do. */
function pull(target: string, folder: string, ...flags: string[]) {
  return miru(['models', 'pull', target, '--models-dir', folder, '--yes', ...flags]);
}

/** Everything in a folder, hidden or not. */
const everythingIn = (folder: string) => readdirSync(folder, { recursive: true, encoding: 'utf8' }).sort();

describe('models available', () => {
  test('a line for each, as wide as a terminal', async () => {
    const { code, stdout } = await miru(['models', 'available', '--models-dir', temporaryFolder()]);
    const [head, ...lines] = stdout.split('\n');
    expect(head).toMatch(/^name +family +task +labels +size +license$/);
    for (const { name } of registry) expect(lines.some((line) => line.startsWith(`${name} `))).toBe(true);
    expect(lines).toContainEqual(
      expect.stringMatching(/^yolox-nano +YOLOX +detection +COCO 80 +3\.7 MB +Apache-2\.0$/),
    );
    expect(stdout).toMatch(/\n\nmiru models pull <name> fetches one\n$/);
    expect(Math.max(...[head!, ...lines].map((line) => line.length))).toBeLessThanOrEqual(110);
    expect(code).toBe(0);
  });

  test('marks what is there', async () => {
    const folder = temporaryFolder();
    writeFileSync(join(folder, 'yolox-nano.onnx'), graph);
    const { stdout } = await miru(['models', 'available', '--models-dir', folder]);
    expect(stdout).toMatch(/^yolox-nano \* /m);
    expect(stdout).toMatch(/^yolox-s {2,}/m);
  });

  test('--json says all', async () => {
    const { stdout } = await miru(['models', 'available', '--json']);
    const { models } = JSON.parse(stdout);
    expect(models).toHaveLength(registry.length);
    expect(models[0]).toMatchObject({ sha256: expect.any(String), urls: expect.any(Array), terms: expect.any(String) });
  });
});

describe('models pull', () => {
  test('a URL: shown first, checked, put in place, told what it is', async () => {
    const { url } = await serve(good);
    const folder = temporaryFolder();
    const { code, stdout, stderr } = await pull(`${url}/files/spot.onnx?raw=1`, folder, '--sha256', sha256);
    expect(stderr).toMatch(/^model +spot$/m);
    expect(stderr).toMatch(/^license +not known here$/m);
    expect(stderr).toMatch(new RegExp(`^from +${url}/files/spot\\.onnx\\?raw=1$`, 'm'));
    expect(stdout).toBe(`spot is in ${join(folder, 'spot', 'model.onnx')}\ndetection with 3 classes, family yolox\n`);
    expect(code).toBe(0);
    expect(everythingIn(folder)).toEqual(['spot', 'spot/model.json', 'spot/model.onnx']);
    expect(readFileSync(join(folder, 'spot/model.onnx'))).toEqual(graph);
    expect(JSON.parse(readFileSync(join(folder, 'spot/model.json'), 'utf8'))).toEqual({
      source: `${url}/files/spot.onnx?raw=1`,
      sha256,
    });
    const detected = await miru(['detect', 'samples/chelsea.png', '--models-dir', folder]);
    expect(detected).toMatchObject({ code: 0, stderr: '' });
  });

  test('with names, a manifest, an id and an answer in JSON, into a folder that is not there yet', async () => {
    const { url } = await serve(good);
    const folder = join(temporaryFolder(), 'new', 'models');
    const about = temporaryFolder();
    writeFileSync(join(about, 'names.txt'), 'dot\ndash\nspace');
    writeFileSync(join(about, 'model.json'), '{"license":"CC0-1.0","defaults":{"score_threshold":0.5}}');
    const flags = ['--id', 'morse', '--labels', join(about, 'names.txt'), '--manifest', join(about, 'model.json')];
    const { code, stdout, stderr } = await pull(`${url}/x.onnx`, folder, '--sha256', sha256, ...flags, '--json');
    const model = modelDetail.parse(JSON.parse(stdout));
    expect(model).toMatchObject({ id: 'morse', license: 'CC0-1.0', labels: ['dot', 'dash', 'space'], sha256 });
    expect(stderr).toMatch(/^license +CC0-1\.0$/m);
    expect(code).toBe(0);
  });

  test('what is there with the right bytes is not fetched', async () => {
    const { url, requests } = await serve(good);
    const folder = temporaryFolder();
    writeFileSync(join(folder, 'spot.onnx'), graph);
    const { code, stdout, stderr } = await pull(`${url}/spot.onnx`, folder, '--sha256', sha256);
    expect(stdout).toMatch(/^spot is there already, with the right bytes\n/);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(requests).toHaveLength(0);
    expect(everythingIn(folder)).toEqual(['spot.onnx']);
  });

  test('another model of that id is left alone, unless --force', async () => {
    const { url } = await serve(good);
    const folder = temporaryFolder();
    mkdirSync(join(folder, 'spot'));
    writeFileSync(join(folder, 'spot', 'model.onnx'), 'old');
    writeFileSync(join(folder, 'spot', 'model.json'), '{"description":"old"}');
    const refused = await pull(`${url}/spot.onnx`, folder, '--sha256', sha256);
    expect(refused).toMatchObject({
      code: 1,
      stdout: '',
      stderr: expect.stringMatching(/^miru: another model ‘spot’ is there, in .*; --force replaces it, --id chooses/),
    });
    expect(readFileSync(join(folder, 'spot', 'model.onnx'), 'utf8')).toBe('old');
    expect(await pull(`${url}/spot.onnx`, folder, '--sha256', sha256, '--force')).toMatchObject({ code: 0 });
    expect(everythingIn(folder)).toEqual(['spot', 'spot/model.json', 'spot/model.onnx']);
    expect(readFileSync(join(folder, 'spot', 'model.onnx'))).toEqual(graph);
    expect(readFileSync(join(folder, 'spot', 'model.json'), 'utf8')).not.toContain('old');
  });

  test('a bare file is replaced where it lies', async () => {
    const { url } = await serve(good);
    const folder = temporaryFolder();
    writeFileSync(join(folder, 'spot.onnx'), 'old');
    expect(await pull(`${url}/spot.onnx`, folder, '--sha256', sha256, '--force')).toMatchObject({ code: 0 });
    expect(everythingIn(folder)).toEqual(['spot.json', 'spot.onnx']);
  });

  test('--force that fails leaves the old model', async () => {
    const { url } = await serve((_, response) => response.writeHead(404).end());
    const folder = temporaryFolder();
    writeFileSync(join(folder, 'spot.onnx'), 'old');
    expect(await pull(`${url}/spot.onnx`, folder, '--sha256', sha256, '--force')).toMatchObject({ code: 1 });
    expect(everythingIn(folder)).toEqual(['spot.onnx']);
    expect(readFileSync(join(folder, 'spot.onnx'), 'utf8')).toBe('old');
  });

  test('a folder with other things in it is found out before the download', async () => {
    const { url, requests } = await serve(good);
    const folder = temporaryFolder();
    mkdirSync(join(folder, 'spot'));
    writeFileSync(join(folder, 'spot', 'notes.txt'), 'mine');
    const { code, stderr } = await pull(`${url}/spot.onnx`, folder, '--sha256', sha256);
    expect(stderr).toMatch(/spot is there already, and is no model\n$/);
    expect(code).toBe(1);
    expect(requests).toHaveLength(0);
    expect(everythingIn(folder)).toEqual(['spot', 'spot/notes.txt']);
  });

  test('wrong bytes leave nothing behind', async () => {
    const { url } = await serve((_, response) => response.end(Buffer.from(graph).fill(7, 100, 110)));
    const folder = temporaryFolder();
    const { code, stdout, stderr } = await pull(`${url}/spot.onnx`, folder, '--sha256', sha256);
    expect(stderr).toMatch(/^miru: spot could not be fetched: 127\.0\.0\.1:\d+: has a file with the sha256 .*$/m);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(everythingIn(folder)).toEqual([]);
  });

  test('what is no model that Miru knows is in place, and said to be of no use yet', async () => {
    const junk = Buffer.from('not a graph');
    const { url } = await serve((request, response) => sendFile(request, response, junk));
    const folder = temporaryFolder();
    const { code, stderr } = await pull(`${url}/junk.onnx`, folder, '--sha256', hashOf(junk));
    expect(stderr).toMatch(/^miru: junk is in place, but cannot be served: .*; miru models inspect junk says more$/m);
    expect(code).toBe(1);
    expect(everythingIn(folder)).toEqual(['junk', 'junk/model.json', 'junk/model.onnx']);
  });

  test('a file in the place of the models directory', async () => {
    const file = join(temporaryFolder(), 'file');
    writeFileSync(file, '');
    const { code, stderr } = await pull('http://127.0.0.1:1/a.onnx', file, '--sha256', sha256);
    expect(stderr).toMatch(/^miru: none of the models directories can be written to: .*$/m);
    expect(code).toBe(1);
  });
});

describe('asking first', () => {
  const answering = (answer: string | undefined) => async () => answer;
  const args = (url: string, folder: string) =>
    ['models', 'pull', `${url}/spot.onnx`, '--sha256', sha256, '--models-dir', folder] as const;

  test.each(['', 'y', 'Yes'])('‘%s’ is a yes', async (answer) => {
    const { url } = await serve(good);
    const folder = temporaryFolder();
    const { code } = await miru(args(url, folder), { ask: answering(answer), isTerminal: true });
    expect(code).toBe(0);
    expect(everythingIn(folder)).toContain('spot/model.onnx');
  });

  test.each([
    ['n', 'miru: nothing was fetched\n', 1],
    ['what?', 'miru: nothing was fetched\n', 1],
    [undefined, 'miru: interrupted\n', 130],
  ])('‘%s’ is a no', async (answer, message, expected) => {
    const { url, requests } = await serve(good);
    const folder = temporaryFolder();
    const { code, stdout, stderr } = await miru(args(url, folder), { ask: answering(answer), isTerminal: true });
    expect(stderr).toMatch(/^size +not known here$/m);
    expect(stderr.endsWith(message)).toBe(true);
    expect({ code, stdout }).toEqual({ code: expected, stdout: '' });
    expect(requests).toHaveLength(0);
    expect(everythingIn(folder)).toEqual([]);
  });

  test('where nobody can be asked, --yes is needed', async () => {
    const { url, requests } = await serve(good);
    const folder = temporaryFolder();
    const { code, stderr } = await miru(args(url, folder));
    expect(stderr).toMatch(/^miru: nothing was fetched: .*--yes.*\n$/m);
    expect(code).toBe(2);
    expect(requests).toHaveLength(0);
  });

  test('a named model shows its license, size and places', async () => {
    const { stderr } = await miru(['models', 'pull', 'nanodet-m', '--models-dir', temporaryFolder()]);
    expect(stderr).toMatch(/^model +nanodet-m: NanoDet-m, 416×416$/m);
    expect(stderr).toMatch(/^license +Apache-2\.0, https:\/\/github\.com\/opencv\/.*LICENSE$/m);
    expect(stderr).toMatch(/^size +3\.8 MB$/m);
    expect(stderr).toMatch(/^from +https:\/\/\S+\n +https:\/\/\S+$/m);
  });
});

describe('a mirror', () => {
  test.each(['flag', 'environment'])('comes first, named by %s', async (way) => {
    const { url, requests } = await serve((_, response) => response.end('wrong'));
    const folder = temporaryFolder();
    const target = await serve(good);
    const args = ['models', 'pull', `${target.url}/spot.onnx`, '--sha256', sha256, '--models-dir', folder, '--yes'];
    const isFlag = way === 'flag';
    const result = await miru([...args, ...(isFlag ? ['--mirror', `${url}/zoo/`] : [])], {
      env: isFlag ? {} : { MIRROR: `${url}/zoo` },
    });
    expect(requests.map((request) => request.url)).toEqual([`/zoo/${sha256}.onnx`]);
    expect(result.stderr).toMatch(/has a file with the sha256 .*; trying 127\.0\.0\.1:\d+$/m);
    expect(result.code).toBe(0);
  });

  test.each(['ftp://x/', 'here'])('%s is none', async (mirror) => {
    const { code, stderr } = await pull('yolox-nano', temporaryFolder(), '--mirror', mirror);
    expect(stderr).toBe('miru: setting mirror: expected an http(s) URL\n');
    expect(code).toBe(2);
  });

  const path = sharedPath('weights', 'fastestdet-coco.onnx');
  test.skipIf(path === undefined)('has a named model (needs its weights)', async () => {
    const { url } = await serve((request, response) => sendFile(request, response, readFileSync(path!)));
    const folder = temporaryFolder();
    const { code, stdout } = await pull('fastestdet', folder, '--mirror', url);
    expect(stdout).toMatch(/^detection with 80 classes, family fastestdet$/m);
    expect(code).toBe(0);
    const manifest = JSON.parse(readFileSync(join(folder, 'fastestdet', 'model.json'), 'utf8'));
    expect(manifest).toMatchObject({ family: 'fastestdet', license: 'BSD-3-Clause' });
    const listed = await miru(['models', 'list', '--models-dir', folder]);
    expect(listed.stdout).toMatch(/^fastestdet \* +detection +fastestdet +80 +352×352 +BSD-3-Clause +unloaded$/m);
  });
});

describe('--from', () => {
  test('a file that was fetched by other means', async () => {
    const folder = temporaryFolder();
    const file = join(temporaryFolder(), 'download (1).onnx');
    writeFileSync(file, graph);
    // Nothing is fetched, so nobody is asked.
    const args = ['models', 'pull', 'http://127.0.0.1:1/spot.onnx', '--sha256', sha256, '--models-dir', folder];
    expect(await miru([...args, '--from', file])).toMatchObject({ code: 0 });
    expect(everythingIn(folder)).toEqual(['spot', 'spot/model.json', 'spot/model.onnx']);
    expect(existsSync(file)).toBe(true);
  });

  test('another file', async () => {
    const folder = temporaryFolder();
    const file = join(temporaryFolder(), 'other.onnx');
    writeFileSync(file, 'other');
    const { code, stderr } = await pull('yolox-nano', folder, '--from', file);
    expect(stderr).toMatch(/other\.onnx is another file: its sha256 is [0-9a-f]{64}, expected 695e/);
    expect(code).toBe(1);
    expect(everythingIn(folder)).toEqual([]);
  });

  test('no file', async () => {
    const folder = temporaryFolder();
    const { code, stderr } = await pull('yolox-nano', folder, '--from', join(folder, 'nope.onnx'));
    expect(stderr).toMatch(/nope\.onnx: no such file or folder\n$/);
    expect(code).toBe(1);
    expect(everythingIn(folder)).toEqual([]);
  });
});

describe('wrong usage', () => {
  test.each([
    ['yolox-nan', [], 1, /^miru: no model ‘yolox-nan’ can be fetched; did you mean yolox-nano\?\n$/],
    [
      'npm:a@1.0.0/model.json',
      [],
      2,
      /^miru: npm:.* has to be converted: miru models import npm:a@1\.0\.0\/model\.json\n$/,
    ],
    ['./my.onnx', [], 2, /^miru: \.\/my\.onnx is a file already: miru models add \.\/my\.onnx\n$/],
    ['https://example.com/a.onnx', [], 2, /^miru: a URL needs --sha256/],
    ['https://example.com/a.onnx', ['--sha256', '12'], 2, /^miru: --sha256: expected 64 hexadecimal digits, got 12\n$/],
    ['yolox-nano', ['--sha256', sha256], 2, /^miru: --sha256 is for URLs/],
    ['yolox-nano', ['--id', '../up'], 2, /^miru: --id: expected letters, digits/],
  ])('%s %j', async (target, flags, expected, message) => {
    const { code, stdout, stderr } = await pull(target, temporaryFolder(), ...flags);
    expect(stderr).toMatch(message);
    expect({ code, stdout }).toEqual({ code: expected, stdout: '' });
  });
});

test('without a network: what to do', async () => {
  const target = 'http://no-such-name.invalid/spot.onnx';
  const folder = temporaryFolder();
  const { code, stderr } = await pull(target, folder, '--sha256', sha256);
  expect(stderr).toMatch(/^miru: spot could not be fetched: no-such-name\.invalid: its name .*$/m);
  expect(stderr).toContain(`fetch ${target} on another machine and say --from <file>, or name a --mirror\n`);
  expect(code).toBe(1);
  expect(everythingIn(folder)).toEqual([]);
});

test('the terminal sees how far it is', async () => {
  const { url } = await serve(good);
  const args = ['models', 'pull', `${url}/a.onnx`, '--sha256', sha256, '--models-dir', temporaryFolder(), '--yes'];
  expect((await miru(args, { isTerminal: true })).stderr).toContain('\r\x1b[2K0 kB');
  expect((await pull(`${url}/a.onnx`, temporaryFolder(), '--sha256', sha256)).stderr).not.toContain('\x1b');
});

test('two at once do not meet', async () => {
  const { url } = await serve((request, response) => setTimeout(good, 50, request, response));
  const folder = temporaryFolder();
  const both = await Promise.all([1, 2].map(() => pull(`${url}/spot.onnx`, folder, '--sha256', sha256)));
  expect(both.map(({ code, stderr }) => ({ code, problems: stderr.match(/^miru:.*/m) }))).toEqual([
    { code: 0, problems: null },
    { code: 0, problems: null },
  ]);
  expect(everythingIn(folder)).toEqual(['spot', 'spot/model.json', 'spot/model.onnx']);
  expect(readFileSync(join(folder, 'spot/model.onnx'))).toEqual(graph);
});

describe('stopped in the middle', () => {
  const half = Math.floor(graph.length / 2);
  const trickle: RequestListener = (request, response) => {
    if (startOf(request) !== undefined) return sendFile(request, response, graph);
    response.writeHead(200, { 'content-length': graph.length });
    response.write(graph.subarray(0, half));
    return undefined;
  };
  const partOf = (folder: string) => readdirSync(folder).find((name) => name.endsWith('.part'));

  async function untilHalf(folder: string): Promise<void> {
    await expect
      .poll(() => partOf(folder) !== undefined && statSync(join(folder, partOf(folder)!)).size, { timeout: 30_000 })
      .toBe(half);
  }

  function start(url: string, folder: string): ChildProcess {
    const flags = ['--sha256', sha256, '--models-dir', folder, '--yes'];
    const child = spawn(process.execPath, ['dist/main.js', 'models', 'pull', `${url}/spot.onnx`, ...flags]);
    onTestFinished(() => void child.kill('SIGKILL'));
    return child;
  }

  test.each(['SIGKILL', 'SIGINT'] as const)('by %s, it goes on from there', async (signal) => {
    const { url, requests } = await serve(trickle);
    const folder = temporaryFolder();
    const child = start(url, folder);
    await untilHalf(folder);
    child.kill(signal);
    const [code] = await once(child, 'exit');
    expect(code).toBe(signal === 'SIGINT' ? 130 : null);
    expect((await miru(['models', 'list', '--models-dir', folder])).stdout).toBe('no models\n');
    const again = await pull(`${url}/spot.onnx`, folder, '--sha256', sha256);
    expect(again.stderr).toMatch(/ are there already\n/);
    expect(again.code).toBe(0);
    expect(requests.map(startOf)).toEqual([undefined, half]);
    expect(everythingIn(folder)).toEqual(['spot', 'spot/model.json', 'spot/model.onnx']);
  });
});

test('a server that hangs up is asked again', async () => {
  let isFirst = true;
  const { url } = await serve((request, response) => {
    if (!isFirst) return good(request, response);
    isFirst = false;
    return cut(response, graph, 100);
  });
  const { code, stderr } = await pull(`${url}/spot.onnx`, temporaryFolder(), '--sha256', sha256);
  expect(stderr).toMatch(/^127\.0\.0\.1:\d+: the connection was cut; trying again$/m);
  expect(code).toBe(0);
});
