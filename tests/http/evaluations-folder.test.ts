import { execFileSync } from 'node:child_process';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { scratchFolder } from '../helpers/graphs.ts';
import { expectProblem } from '../helpers/http.ts';
import { type JobView, sharedJobServer, square, startJobServer, truthOf } from './evaluations-server.ts';

/** Makes a data folder with a set of each kind, and a file beside it that no one may read. */
function writeData(scratch: { readonly path: string }): string {
  const at = (...parts: string[]) => join(scratch.path, ...parts);
  const truth = (path: string, file?: string) => writeFileSync(path, JSON.stringify(truthOf(2, file)));
  for (const folder of ['data/set/images', 'data/flat', 'data/two', 'data/empty', 'outside']) {
    mkdirSync(at(folder), { recursive: true });
  }
  truth(at('data/set/truth.json'));
  writeFileSync(at('data/set/images/a.png'), square);
  truth(at('data/flat/truth.json'));
  writeFileSync(at('data/flat/a.png'), square);
  truth(at('data/two/train.json'));
  truth(at('data/two/val.json'), '../set/images/a.png');
  truth(at('data/two/above.json'), '../../outside/a.png');
  truth(at('data/two/linked.json'), 'linked.png');
  truth(at('data/two/inside.json'), 'inside.png');
  truth(at('data/two/pipe.json'), 'pipe.png');
  truth(at('data/two/folder.json'), 'folder.png');
  writeFileSync(at('outside/a.png'), square);
  truth(at('outside/truth.json'));
  symlinkSync(at('outside/a.png'), at('data/two/linked.png'));
  symlinkSync(at('data/flat/a.png'), at('data/two/inside.png'));
  symlinkSync(at('outside'), at('data/out'));
  execFileSync('mkfifo', [at('data/two/pipe.png')]);
  mkdirSync(at('data/two/folder.png'));
  return at('data');
}

describe('a data set in the data folder', () => {
  const scratch = scratchFolder();
  afterAll(scratch.remove);
  const shared = sharedJobServer({ data_dir: writeData(scratch) });

  it.each<[string, object]>([
    ['as a folder', { data: 'set' }],
    ['as a folder with images beside the ground truth', { data: 'flat' }],
    ['as a file and a folder', { ground_truth: 'two/train.json', images: 'set/images' }],
    ['with names that lead elsewhere in it', { ground_truth: 'two/val.json', images: 'two' }],
    ['with links that lead elsewhere in it', { ground_truth: 'two/inside.json' }],
  ])('is scored, %s', async (_, names) => {
    const server = shared();
    const job = await server.ended(await server.sendJson({ model: 'finds', ...names, max_detections: [1, 10, 100] }));
    expect(job).toMatchObject({ state: 'done', progress: { done: 2 } });
    expect(job.result?.stats.AP).toBeCloseTo(1, 12);
  });

  it.each<[string, object, number, RegExp]>([
    ['above it', { ground_truth: '../outside/truth.json' }, 403, /leads out/],
    ['above it, which is not there', { ground_truth: '../nothing.json' }, 403, /leads out/],
    ['at the root of the disk', { ground_truth: '/etc/passwd' }, 403, /leads out/],
    ['behind a link out of it', { ground_truth: 'out/truth.json' }, 403, /leads out/],
    ['behind a folder that is a link out of it', { data: 'out' }, 403, /leads out/],
    ['images behind a link', { ground_truth: 'set/truth.json', images: 'out' }, 403, /leads out/],
    ['a name with a zero', { data: 'set\0' }, 403, /leads out/],
    ['nothing that is there', { data: 'none' }, 400, /no ‘none’/],
    ['a folder without ground truth', { data: 'empty' }, 400, /no JSON file/],
    ['a folder with several', { data: 'two' }, 400, /several JSON files/],
    ['a folder as ground truth', { ground_truth: 'set' }, 400, /not a file/],
    ['a file as images', { ground_truth: 'set/truth.json', images: 'set/truth.json' }, 400, /not a folder/],
    ['a number', { data: 5 }, 400, /expected a path/],
    ['nothing', {}, 400, /‘data’/],
    ['both', { data: 'set', ground_truth: 'set/truth.json' }, 400, /‘data’/],
  ])('is refused where it is %s', async (_, names, status, message) => {
    const server = shared();
    expect(await expectProblem(await server.sendJson({ model: 'finds', ...names }), status)).toMatch(message);
  });

  it.each<[string, string, number, RegExp]>([
    ['lies outside', 'two/above.json', 403, /leads out/],
    ['is a link to outside', 'two/linked.json', 403, /leads out/],
    ['is a pipe', 'two/pipe.json', 400, /not a file/],
    ['is a folder', 'two/folder.json', 400, /not a file/],
    ['is not there', 'two/train.json', 400, /lacks an image/],
  ])('fails where an image %s', async (_, ground_truth, status, message) => {
    const server = shared();
    const job: JobView = await server.ended(await server.sendJson({ model: 'finds', ground_truth }));
    expect(job).toMatchObject({ state: 'failed', error: { status, detail: expect.stringMatching(message) } });
  });

  it('is off unless the settings name one', async () => {
    const server = await startJobServer();
    await expectProblem(await server.sendJson({ model: 'finds', data: 'set' }), 403, 'forbidden');
  });
});
