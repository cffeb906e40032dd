import { mkdirSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { scanModels } from '../../src/catalog/scan.ts';
import { scratchFolder } from '../helpers/graphs.ts';

let scratch: ReturnType<typeof scratchFolder>;
beforeEach(() => {
  scratch = scratchFolder();
});
afterEach(() => scratch.remove());

function put(...paths: string[]): void {
  for (const path of paths) {
    mkdirSync(dirname(join(scratch.path, path)), { recursive: true });
    writeFileSync(join(scratch.path, path), path);
  }
}

const scan = (...directories: string[]) => scanModels(directories.map((d) => join(scratch.path, d)));
const ids = async (...directories: string[]) => [...(await scan(...directories)).keys()];

describe('what counts as a model', () => {
  it('is a folder with model.onnx, or with one graph of any name', async () => {
    put('m/a/model.onnx', 'm/a/other.onnx', 'm/b/weights-v2.onnx', 'm/b/readme.md');
    const found = await scan('m');
    expect(found.get('a')?.modelPath).toBe(join(scratch.path, 'm/a/model.onnx'));
    expect(found.get('b')).toMatchObject({
      modelPath: join(scratch.path, 'm/b/weights-v2.onnx'),
      manifestPath: join(scratch.path, 'm/b/model.json'),
      ownPaths: [join(scratch.path, 'm/b')],
    });
  });

  it('is a bare graph, with or without its manifest', async () => {
    put('m/yolo-v8.n.onnx', 'm/yolo-v8.n.json', 'm/lonely.onnx');
    const found = await scan('m');
    expect(found.get('yolo-v8.n')?.manifestPath).toBe(join(scratch.path, 'm/yolo-v8.n.json'));
    expect(found.get('lonely')?.ownPaths).toEqual([
      join(scratch.path, 'm/lonely.onnx'),
      join(scratch.path, 'm/lonely.json'),
      join(scratch.path, 'm/lonely.onnx.data'),
      join(scratch.path, 'm/lonely.onnx_data'),
    ]);
  });

  it('is not a folder of two graphs, an empty one, a hidden one or a name that is no id', async () => {
    put('m/two/a.onnx', 'm/two/b.onnx', 'm/.incoming-1/model.onnx', 'm/.hidden.onnx', 'm/has space.onnx');
    put('m/-dash.onnx', 'm/ümlaut.onnx', 'm/readme.txt', 'm/model.json', `m/${'x'.repeat(129)}.onnx`, 'm/.onnx');
    mkdirSync(join(scratch.path, 'm/empty'));
    mkdirSync(join(scratch.path, 'm/deep/er'), { recursive: true });
    put('m/deep/er/model.onnx', 'm/good.onnx');
    expect(await ids('m')).toEqual(['good']);
  });

  it('may be a link; one that leads nowhere is passed over', async () => {
    put('elsewhere/model.onnx', 'm/real.onnx');
    symlinkSync(join(scratch.path, 'elsewhere'), join(scratch.path, 'm/linked'));
    symlinkSync(join(scratch.path, 'gone'), join(scratch.path, 'm/dangling'));
    symlinkSync(join(scratch.path, 'gone.onnx'), join(scratch.path, 'm/dangling.onnx'));
    expect((await ids('m')).sort()).toEqual(['linked', 'real']);
  });
});

describe('several directories', () => {
  it('lets the first win', async () => {
    put('a/same.onnx', 'b/same/model.onnx', 'b/only.onnx');
    const found = await scan('a', 'b');
    expect(found.get('same')?.modelPath).toBe(join(scratch.path, 'a/same.onnx'));
    expect([...found.keys()].sort()).toEqual(['only', 'same']);
  });

  it('passes over one that is not there, or is a file', async () => {
    put('a/one.onnx', 'file');
    expect(await ids('gone', 'file', 'a')).toEqual(['one']);
  });
});

describe('the fingerprint', () => {
  const fingerprint = async () => (await scan('m')).get('a')?.fingerprint;

  it('changes with the graph and with the manifest, come or gone, and with nothing else', async () => {
    put('m/a/model.onnx');
    const seen = new Set([await fingerprint()]);
    put('m/a/model.json');
    seen.add(await fingerprint());
    utimesSync(join(scratch.path, 'm/a/model.onnx'), 1, 1);
    seen.add(await fingerprint());
    writeFileSync(join(scratch.path, 'm/a/model.onnx'), 'longer than before');
    seen.add(await fingerprint());
    rmSync(join(scratch.path, 'm/a/model.json'));
    seen.add(await fingerprint());
    expect(seen.size).toBe(5);
    put('m/a/notes.txt');
    seen.add(await fingerprint());
    expect(seen.size).toBe(5);
  });

  it.each(['m/a/model.onnx.data', 'm/a/model.onnx_data'])('changes with the weights in %s', async (weights) => {
    put('m/a/model.onnx');
    const before = await fingerprint();
    put(weights);
    const after = await fingerprint();
    expect(after).not.toBe(before);
    writeFileSync(join(scratch.path, weights), 'other weights');
    expect(await fingerprint()).not.toBe(after);
  });
});
