import { copyFileSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { modelDetail, modelList } from '../../src/http/responses.ts';
import { encodeModel } from '../../src/onnx/encode.ts';
import { attr, TfGraph } from '../importer/tf-graph.ts';
import { miru, temporaryFolder } from './miru.ts';

const nanodet = 'models/nanodet-g-coco/model.onnx';

/** A graph that is no vision model. */
function strangeGraph(folder: string): string {
  const value = (name: string) => ({ name, dtype: 'float32' as const, dims: [1, 7] });
  const nodes = [{ op: 'Identity', inputs: ['in'], outputs: ['out'], attributes: {} }];
  const graph = { name: 'strange', nodes, inputs: [value('in')], outputs: [value('out')], initializers: [] };
  const path = join(folder, 'strange.onnx');
  writeFileSync(path, encodeModel({ graph, opsets: { '': 17 }, irVersion: 8, metadata: { author: 'n\x1b[31mobody' } }));
  return path;
}

describe('models list', () => {
  test('the models that come along', async () => {
    const { code, stdout, stderr } = await miru(['models', 'list']);
    expect(stdout).toMatch(/^id +task +family +classes +input +license +state\n/);
    expect(stdout).toMatch(/^nanodet-g-coco \* +detection +nanodet +80 +416×416 +\S+ +unloaded$/m);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  });

  test('--json is what GET /v1/models answers', async () => {
    const { stdout } = await miru(['models', 'ls', '--json']);
    const { models } = modelList.parse(JSON.parse(stdout));
    expect(models.find(({ id }) => id === 'nanodet-g-coco')).toMatchObject({ default: true, family: 'nanodet' });
  });

  test('no models, and one that cannot be served', async () => {
    const folder = temporaryFolder();
    expect((await miru(['models', 'list', '--models-dir', folder])).stdout).toBe('no models\n');
    writeFileSync(join(folder, 'broken.onnx'), 'no model');
    const { code, stdout } = await miru(['models', 'list', '--models-dir', folder]);
    expect(stdout).toMatch(/^broken +– +– +– +– +– +failed: /m);
    expect(code).toBe(0);
  });
});

describe('models inspect', () => {
  test('by id: what it is, how that is known, what goes in and out', async () => {
    const { code, stdout } = await miru(['models', 'inspect', 'nanodet-g-coco']);
    expect(stdout).toMatch(/^recognised by +manifest, 100 % sure$/m);
    expect(stdout).toMatch(/^evidence +model\.json names the family$/m);
    expect(stdout).toMatch(/^inputs +input_1 {2}float32\[1,3,416,416\]$/m);
    expect(stdout).toMatch(/^labels +80 from .*: person, bicycle, .* and 68 more$/m);
    expect(code).toBe(0);
  });

  test('by path: recognised from the graph', async () => {
    const path = join(temporaryFolder(), 'unknown.onnx');
    copyFileSync(nanodet, path);
    const { code, stdout } = await miru(['models', 'inspect', path, '--json']);
    const model = modelDetail.parse(JSON.parse(stdout));
    expect(model).toMatchObject({ id: 'unknown', family: 'nanodet', recognition: { by: 'graph' } });
    expect(code).toBe(0);
  });

  test('a graph that nobody knows: its signature and a sidecar to start from', async () => {
    const path = strangeGraph(temporaryFolder());
    const { code, stdout, stderr } = await miru(['models', 'inspect', path]);
    expect(stdout).toMatch(/^family +not recognised$/m);
    expect(stdout).toMatch(/^inputs +in {2}float32\[1,7\]$/m);
    expect(stdout).toMatch(/^operators +Identity 1$/m);
    expect(stdout).toContain(`Write what it is to ${path.replace('.onnx', '.json')}, for example:\n`);
    expect(JSON.parse(stdout.slice(stdout.indexOf('\n{')))).toMatchObject({ family: expect.any(String) });
    expect(stderr).toBe(`miru: ${path} is of no family that is known for sure\n`);
    expect(code).toBe(1);
  });

  test('nothing in a file reaches the terminal as a command', async () => {
    const { stdout } = await miru(['models', 'inspect', strangeGraph(temporaryFolder())]);
    expect(stdout).toContain('author: n�[31mobody');
  });

  test.each([
    ['nope', /^miru: there is no model ‘nope’; there are: .*nanodet-g-coco/],
    ['nope.onnx', /^miru: .*nope\.onnx.* no such file/],
  ])('%s', async (target, message) => {
    const { code, stdout, stderr } = await miru(['models', 'inspect', target]);
    expect(stderr).toMatch(message);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
  });
});

describe('models add and remove', () => {
  test('a copy with its labels, which detects; then it is gone', async () => {
    const directory = temporaryFolder();
    const names = join(temporaryFolder(), 'names.txt');
    writeFileSync(names, Array.from({ length: 80 }, (_, i) => `thing ${i}`).join('\n'));
    const flags = ['--models-dir', directory];
    const added = await miru(['models', 'add', nanodet, '--id', 'mine', '--labels', names, ...flags]);
    expect(added.stdout).toMatch(/^model +mine$/m);
    expect(added.code).toBe(0);
    expect(readdirSync(directory)).toEqual(['mine']);
    const { stdout } = await miru(['detect', 'samples/chelsea.png', ...flags]);
    expect(stdout).toContain('  thing 15 ');
    const again = await miru(['models', 'add', nanodet, '--id', 'mine', ...flags]);
    expect(again).toMatchObject({ code: 1, stderr: expect.stringMatching(/^miru: a model ‘mine’ is already there;/) });
    expect(await miru(['models', 'rm', 'mine', ...flags])).toMatchObject({ code: 0, stdout: 'removed mine\n' });
    expect(readdirSync(directory)).toEqual([]);
    expect(await miru(['models', 'remove', 'mine', ...flags])).toMatchObject({ code: 1 });
  });

  test('what cannot be served leaves nothing behind', async () => {
    const directory = temporaryFolder();
    const { code, stderr } = await miru(['models', 'add', strangeGraph(temporaryFolder()), '--models-dir', directory]);
    expect(stderr).toMatch(/^miru: this graph is of no family .*\n$/);
    expect(code).toBe(1);
    expect(readdirSync(directory)).toEqual([]);
    expect(await miru(['models', 'add', 'nope.onnx', '--models-dir', directory])).toMatchObject({
      code: 1,
      stderr: 'miru: nope.onnx: no such file or folder\n',
    });
    expect(readdirSync(directory)).toEqual([]);
  });
});

describe('models import', () => {
  function small(): TfGraph {
    const graph = new TfGraph();
    const x = graph.input('picture', [1, 6, 8, 3]);
    const same = { strides: attr.ints(1, 1, 1, 1), padding: attr.text('SAME'), dilations: attr.ints(1, 1, 1, 1) };
    const y = graph.node('Conv2D', [x, graph.floats([3, 3, 3, 4])], same);
    graph.node('Sigmoid', [y], {}, 'scores');
    return graph;
  }

  test('converts, and says how far the two lie apart', () =>
    small().withFiles(async (path) => {
      const directory = temporaryFolder();
      const { code, stdout, stderr } = await miru([
        'models',
        'import',
        path,
        '--id',
        'small',
        '--models-dir',
        directory,
      ]);
      expect(stdout).toMatch(/^model +small$/m);
      expect(stdout).toMatch(/^compared +with the original, on one picture$/m);
      expect(stdout).toMatch(/^output +largest difference +allowed +largest value\nscores +\S+ +0\.00100 +0\.\d+$/m);
      expect(stderr).toMatch(/^converting/);
      expect(code).toBe(0);
      expect(existsSync(join(directory, 'small', 'model.onnx'))).toBe(true);
    }));

  test('without the comparison, with a manifest, as JSON', () =>
    small().withFiles(async (path) => {
      const directory = temporaryFolder();
      const manifest = join(temporaryFolder(), 'about.json');
      writeFileSync(manifest, '{"license": "MIT"}');
      const flags = ['--id', 's', '--models-dir', directory, '--no-verification', '--manifest', manifest, '--json'];
      const { code, stdout } = await miru(['models', 'import', path, ...flags]);
      expect(JSON.parse(stdout)).toMatchObject({ id: 's', verification: { verified: false } });
      expect(JSON.parse(readFileSync(join(directory, 's', 'model.json'), 'utf8'))).toMatchObject({ license: 'MIT' });
      expect(code).toBe(0);
    }));

  test('a range that is none is wrong usage', async () => {
    const { code, stderr } = await miru(['models', 'import', 'x.json', '--input-range', '1,0']);
    expect({ code, stderr }).toEqual({
      code: 2,
      stderr: 'miru: --input-range: expected two numbers such as 0,255, got 1,0\n',
    });
  });
});
