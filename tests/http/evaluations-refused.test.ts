import { deflateRawSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import type { Problem } from '../../src/http/problem.ts';
import { expectProblem, type FormValue } from '../helpers/http.ts';
import { type JobServer, json, sharedJobServer, square, startJobServer, truthOf, zip } from './evaluations-server.ts';

type Parts = Parameters<JobServer['send']>[0];

describe('a request that could never be run is refused at once', () => {
  const shared = sharedJobServer({});
  it.each<[string, Parts, number, RegExp]>([
    ['an unknown model', { model: 'none' }, 404, /‘none’/],
    ['an unknown option', { colour: 'red' }, 400, /‘colour’/],
    ['masks of a model that finds boxes', { iou_type: 'segm' }, 400, /instance-segmentation/],
    ['two ground truths', { ground_truth: [json('a.json', {}), json('b.json', {})] }, 400, /two files/],
    ['a ground truth that is no file', { ground_truth: '{}' }, 400, /no file in the field ‘ground_truth’/],
    ['no images', { images: 'none' }, 400, /no file in the field ‘images’/],
    ['a file elsewhere', { mask: json('a.json', {}) }, 400, /‘mask’/],
  ])('%s', async (_, parts, status, message) => {
    const server = shared();
    expect(await expectProblem(await server.send(parts), status)).toMatch(message);
    expect(server.engine.evaluations.list()).toEqual([]);
    expect(server.engine.evaluations.stats).toEqual({ running: 0, queued: 0, kept: 0 });
  });

  it('what is too large, without reading it all', async () => {
    const server = await startJobServer({ max_dataset_bytes: 2000 });
    await expectProblem(await server.send({ images: json('x.zip', 'x'.repeat(3000)) }), 413, 'payload_too_large');
  });

  it('what is neither a form nor JSON, and broken JSON', async () => {
    const server = shared();
    const plain = await fetch(server.url, { method: 'POST', body: 'x', headers: { 'content-type': 'text/plain' } });
    await expectProblem(plain, 415, 'unsupported_media_type');
    const broken = { method: 'POST', body: '{', headers: { 'content-type': 'application/json' } };
    await expectProblem(await fetch(server.url, broken), 400);
  });

  it('pages of other origins', async () => {
    const server = shared();
    const headers = { origin: 'http://elsewhere.example', 'content-type': 'application/json' };
    await expectProblem(await fetch(server.url, { method: 'POST', body: '{}', headers }), 403, 'forbidden');
  });

  it('clients without a key', async () => {
    const server = await startJobServer({ api_keys: ['secret'] });
    await expectProblem(await server.send(), 401);
    await expectProblem(await fetch(server.url), 401);
  });
});

describe('a data set that is wrong fails its evaluation, which says why', () => {
  const truth = (change: object) => json('truth.json', { ...truthOf(1), ...change });
  const image = (name: string) => ({ images: [{ id: 1, file_name: name, width: 32, height: 32 }] });
  const png = { name: 'a.png', content: square };
  const shared = sharedJobServer({ max_upload_bytes: 200_000 });

  it.each<[string, Record<string, FormValue>, number, RegExp]>([
    ['no JSON', { ground_truth: json('truth.json', '{"images": [') }, 400, /truth\.json.* is not JSON/],
    ['no images', { ground_truth: truth({ images: [] }) }, 400, /has no images/],
    ['no list of images', { ground_truth: truth({ images: 5 }) }, 400, /no list of images/],
    ['an image without a name', { ground_truth: truth({ images: [{ id: 1 }] }) }, 400, /no file_name/],
    ['no categories', { ground_truth: truth({ categories: undefined }) }, 400, /categories/],
    ['other classes', { ground_truth: truth({ categories: [{ id: 7, name: 'cat' }] }) }, 400, /none of the ground/],
    ['keypoints, of a model that finds none', { iou_type: 'keypoints' }, 400, /does not find keypoints for class_0/],
    ['a missing image', { images: zip([{ name: 'b.png', content: square }]) }, 400, /lacks an image.*‘a\.png’/],
    ['an empty archive', { images: zip([]) }, 400, /lacks an image/],
    ['no archive', { images: { name: 'a.png', bytes: square } }, 400, /not a zip archive/],
    [
      'a name that fits several',
      {
        images: zip([
          { name: 'x/a.png', content: square },
          { name: 'y/a.png', content: square },
        ]),
      },
      400,
      /‘a\.png’ could be any of ‘x\/a\.png’, ‘y\/a\.png’/,
    ],
    ['a corrupt image', { images: zip([{ name: 'a.png', content: square.subarray(0, 60) }]) }, 422, /^a\.png: /],
    ['an image that is none', { images: zip([{ name: 'a.png', content: 'text' }]) }, 415, /^a\.png: /],
    ['a path out of the archive', { images: zip([png, { name: '../b.png', content: square }]) }, 400, /\.\.\/b\.png/],
    ['a link', { images: zip([{ name: 'a.png', content: '/etc/passwd', mode: 0o120777 }]) }, 400, /symbolic link/],
    ['a bomb', { images: zip([{ name: 'a.png', content: new Uint8Array(2 ** 23) }]) }, 413, /would grow/],
    [
      'an image larger than it says',
      { images: zip([{ name: 'a.png', content: new Uint8Array(5000), size: 100 }]) },
      400,
      /too many bytes/,
    ],
    [
      'an image larger than a request may be',
      { images: zip([{ name: 'a.png', content: new Uint8Array(300_000), method: 0 }]) },
      413,
      /300000 bytes/,
    ],
    ['a name out of the archive', { ground_truth: truth(image('../../../etc/passwd')) }, 400, /lacks an image/],
  ])('%s', async (_, parts, status, message) => {
    const server = shared();
    const job = await server.ended(await server.send(parts));
    expect(job.state).toBe('failed');
    expect(job.error).toMatchObject({ status, detail: expect.stringMatching(message) } satisfies Partial<Problem>);
    expect(job.result).toBeUndefined();
    await expectProblem(await fetch(`${server.url}/${job.id}/report`), 404, 'not_found');
    expect((await server.remove(job.id)).status).toBe(204);
  });

  it('counts that are absurd', async () => {
    const many = shared();
    const entries = Array.from({ length: 3 }, (_, i) => ({ name: `${i}`, content: deflateRawSync('x') }));
    const { bytes } = zip(entries) as { bytes: Uint8Array };
    // The directory says that there are 65,534 entries, of which it has three.
    const lie = Buffer.from(bytes);
    lie.writeUInt16LE(65_534, lie.length - 12);
    const job = await many.ended(await many.send({ images: { name: 'x.zip', bytes: lie } }));
    expect(job).toMatchObject({ state: 'failed', error: { status: 400 } });
  });
});
