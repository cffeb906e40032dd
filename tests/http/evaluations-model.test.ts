import { once } from 'node:events';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, it, vi } from 'vitest';
import type { DetectionAnswer } from '../../src/evaluate/detection.ts';
import { miru } from '../cli/miru.ts';
import { serve } from '../engine/server-process.ts';
import { scratchFolder } from '../helpers/graphs.ts';
import { postForm } from '../helpers/http.ts';
import { noise } from '../helpers/pictures.ts';
import { sharedPath } from '../helpers/shared.ts';
import { type JobView, json, truthOf, zip } from './evaluations-server.ts';

const scratch = scratchFolder();
afterAll(scratch.remove);

interface Truth {
  readonly images: readonly { readonly id: number; readonly file_name: string }[];
  readonly annotations: readonly { readonly image_id: number }[];
}

const data = sharedPath('data', 'coco-mini-val79');
it.skipIf(!data)(
  'scores the embedded detector as miru evaluate does, to the last digit (skipped where the photos are missing)',
  async () => {
    const whole = JSON.parse(readFileSync(join(data!, 'instances_val2017.json'), 'utf8')) as Truth;
    const images = whole.images.slice(0, 6);
    const ids = new Set(images.map(({ id }) => id));
    const annotations = whole.annotations.filter(({ image_id }) => ids.has(image_id));
    const truth = JSON.stringify({ ...whole, images, annotations });
    const photos = images.map(({ file_name: name }) => ({ name, content: readFileSync(join(data!, 'images', name)) }));

    const gt = join(scratch.path, 'instances.json');
    writeFileSync(gt, truth);
    const args = ['evaluate', '--model', 'nanodet-g-coco', '--ground-truth', gt, '--images', join(data!, 'images')];
    const { stdout } = await miru([...args, '--json', '--curves', '--errors']);
    const expected = JSON.parse(stdout) as DetectionAnswer;
    expect(expected.stats.AP50).toBeGreaterThan(0.1);

    const server = await serve({ MODELS_DIR: 'models', WORKERS: '2' });
    try {
      const url = `${server.url}/v1/evaluations`;
      const fields = { model: 'nanodet-g-coco', curves: 'true', errors: 'true' };
      const form = { ...fields, ground_truth: json('instances.json', truth), images: zip(photos) };
      const { id } = (await (await postForm(url, form)).json()) as JobView;
      await (await fetch(`${url}/${id}/events`)).text();
      const job = (await (await fetch(`${url}/${id}`)).json()) as JobView;
      expect(job).toMatchObject({ state: 'done', progress: { done: 6, total: 6 } });
      expect(job.result).toEqual(expected);
    } finally {
      await server.stop();
    }
  },
);

it('a crash in the middle loses nothing that was done, and leaves nothing of what was not', async () => {
  const state = join(scratch.path, 'state');
  mkdirSync(state);
  const start = () => serve({ MODELS_DIR: 'models', WORKERS: '1', STATE_DIR: state });
  const first = await start();
  const send = async (count: number) => {
    const images = zip([{ name: 'a.png', content: await noise(300, 300) }]);
    const truth = { ...truthOf(count), categories: [{ id: 7, name: 'person' }] };
    const form = { model: 'nanodet-g-coco', ground_truth: json('truth.json', truth), images };
    return ((await (await postForm(`${first.url}/v1/evaluations`, form)).json()) as JobView).id;
  };
  const look = async (url: string, id: string) =>
    (await (await fetch(`${url}/v1/evaluations/${id}`)).json()) as JobView;
  const done = await send(1);
  await vi.waitUntil(async () => ['done', 'failed'].includes((await look(first.url, done)).state), { timeout: 30_000 });
  const kept = await look(first.url, done);
  const broken = await send(5000);
  await vi.waitUntil(async () => (await look(first.url, broken)).progress.done > 0, { timeout: 30_000 });
  const exited = once(first.child, 'exit');
  first.child.kill('SIGKILL');
  await exited;
  expect(readdirSync(join(state, 'evaluations', broken)).sort()).toEqual(['job.json', 'upload', 'work']);

  const second = await start();
  try {
    expect(await look(second.url, done)).toEqual(kept);
    const cancelled = await look(second.url, broken);
    expect(cancelled).toMatchObject({ state: 'cancelled', error: { code: 'shutting_down' } });
    expect(readdirSync(join(state, 'evaluations', broken))).toEqual(['job.json']);
  } finally {
    await second.stop();
  }
});
