import { existsSync, readdirSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import http from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { detector, writeModel } from '../helpers/graphs.ts';
import { expectProblem, formType, part, post } from '../helpers/http.ts';
import { noise } from '../helpers/pictures.ts';
import { type JobServer, type JobView, json, square, startJobServer, truthOf, zip } from './evaluations-server.ts';

/** Takes long enough to decode that a test can look at the job on its way. */
const slow = await noise(900, 900);

/** A data set of a hundred images. */
const long = () => ({
  ground_truth: json('truth.json', truthOf(100)),
  images: zip([{ name: 'a.png', content: slow }]),
});

async function started(server: JobServer, parts = long()): Promise<string> {
  const { id } = (await (await server.send(parts)).json()) as JobView;
  await vi.waitUntil(async () => (await server.look(id)).progress.done > 2, { timeout: 20_000 });
  return id;
}

async function stateFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'miru-state-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

describe('cancelling', () => {
  it('ends a running evaluation within an image, and gives back all that it held', async () => {
    const state = await stateFolder();
    const server = await startJobServer({ state_dir: state });
    const id = await started(server);
    const cancelled = await server.remove(id);
    expect(cancelled.status).toBe(200);
    const job = (await cancelled.json()) as JobView;
    expect(job.state).toBe('cancelled');
    expect(job.error).toBeUndefined();
    expect(job.progress.done).toBeLessThan(100);
    expect((await server.look(id)).progress.done).toBe(job.progress.done);
    await vi.waitUntil(() => server.engine.pool.stats.running === 0, 20_000);
    expect(server.engine.pool.stats).toMatchObject({ queued: 0, background: 0 });
    expect(readdirSync(join(state, 'evaluations', id))).toEqual(['job.json']);
    // The lease is back.
    await fetch(`${server.root}/v1/models/finds/unload`, { method: 'POST' });
    await vi.waitUntil(() => server.engine.catalog.activeLoads.length === 0, 20_000);
    await expectProblem(await fetch(`${server.url}/${id}/predictions`), 404, 'not_found');
    expect((await server.remove(id)).status).toBe(204);
    expect(existsSync(join(state, 'evaluations', id))).toBe(false);
  });

  it('takes one that waits out of the line, and those behind it move up', async () => {
    const server = await startJobServer();
    const first = await started(server);
    const ids = await Promise.all([0, 1].map(async () => ((await (await server.send()).json()) as JobView).id));
    expect((await server.look(ids[0]!)).state).toBe('queued');
    await expectProblem(await fetch(`${server.url}/${ids[0]}/predictions`), 409, 'conflict');
    expect(((await (await server.remove(ids[0]!)).json()) as JobView).state).toBe('cancelled');
    expect((await server.look(first)).state).toBe('running');
    await server.remove(first);
    await (await fetch(`${server.url}/${ids[1]}/events`)).text();
    expect((await server.look(ids[1]!)).state).toBe('done');
    expect(server.engine.evaluations.stats).toEqual({ running: 0, queued: 0, kept: 3 });
  });

  it('twice at once is the same as once', async () => {
    const server = await startJobServer();
    const id = await started(server);
    const answers = await Promise.all([server.remove(id), server.remove(id)]);
    expect(answers.map(({ status }) => status)).toEqual([200, 200]);
    expect((await server.look(id)).state).toBe('cancelled');
  });
});

describe('several at once', () => {
  it('run one after the other by default, together where the settings say so', async () => {
    for (const evaluation_jobs of [1, 2]) {
      const server = await startJobServer({ evaluation_jobs });
      const ids = [await started(server), ((await (await server.send(long())).json()) as JobView).id];
      if (evaluation_jobs === 2) await vi.waitUntil(async () => (await server.look(ids[1]!)).progress.done > 0, 20_000);
      const states = await Promise.all(ids.map(async (id) => (await server.look(id)).state));
      // The first may have ended before both were looked at; only by themselves do they wait.
      if (evaluation_jobs === 1) expect(states).toEqual(['running', 'queued']);
      else expect(states).not.toContain('queued');
    }
  });

  it('are bounded, those that wait and those that are kept', async () => {
    const server = await startJobServer({ max_evaluations: 10 });
    await started(server);
    const answers = await Promise.all(Array.from({ length: 9 }, () => server.send()));
    expect(answers.filter(({ status }) => status === 202)).toHaveLength(8);
    const refused = answers.find(({ status }) => status !== 202)!;
    expect(refused.headers.get('retry-after')).toBe('60');
    await expectProblem(refused, 503, 'overloaded');
    const ids = ((await (await fetch(server.url)).json()) as { evaluations: JobView[] }).evaluations.map(
      ({ id }) => id,
    );
    for (const id of ids) await server.remove(id);
    expect((await server.send()).status).toBe(202);
    await expectProblem(await server.send(), 409, 'conflict');
    await server.remove(ids[0]!);
    expect((await server.send()).status).toBe(202);
  });

  it('leave requests their places in the queue', async () => {
    const server = await startJobServer({ queue_limit: 1 });
    const id = await started(server);
    for (let i = 0; i < 5; i++) expect((await post(`${server.root}/v1/detect`, square)).status).toBe(200);
    expect((await server.look(id)).state).toBe('running');
  });
});

describe('what happens meanwhile', () => {
  it('a model that is replaced, or unloaded, does not change in the middle', async () => {
    const server = await startJobServer();
    const id = await started(server);
    const { model_sha256 } = await server.look(id);
    writeModel(join(server.models, 'finds.onnx'), detector({ classId: 1 }));
    await server.engine.catalog.refresh();
    await fetch(`${server.root}/v1/models/finds/unload`, { method: 'POST' });
    await (await fetch(`${server.url}/${id}/events`)).text();
    const job = await server.look(id);
    expect(job).toMatchObject({ state: 'done', model_sha256 });
    const found = (await (await fetch(`${server.url}/${id}/predictions`)).json()) as { category_id: number }[];
    expect(new Set(found.map(({ category_id }) => category_id))).toEqual(new Set([7]));
    const next = await server.ended(await server.send());
    expect(next.model_sha256).not.toBe(model_sha256);
    expect(next.result?.per_class[1]).toMatchObject({ label: 'Class 1', predictions: 1 });
  });

  it('a worker that dies is replaced, and the image that it had is not lost', async () => {
    const server = await startJobServer();
    const id = await started(server);
    await server.engine.pool.kill();
    await (await fetch(`${server.url}/${id}/events`)).text();
    expect(await server.look(id)).toMatchObject({ state: 'done', progress: { done: 100 } });
    expect(server.engine.pool.stats.lost).toBe(1);
  });

  it('a client that breaks off its upload leaves nothing', async () => {
    const state = await stateFolder();
    const server = await startJobServer({ state_dir: state, max_evaluations: 1 });
    const req = http.request(server.url, { method: 'POST', headers: { 'content-type': formType } });
    req.on('error', () => {});
    req.write(part('name="ground_truth"; filename="t.json"', JSON.stringify(truthOf(1))));
    req.write('--x\r\nContent-Disposition: form-data; name="images"; filename="a.zip"\r\n\r\nPK');
    const folder = join(state, 'evaluations');
    await vi.waitUntil(() => existsSync(folder) && readdirSync(folder).length === 1, 20_000);
    const [upload] = readdirSync(folder);
    await vi.waitUntil(() => existsSync(join(folder, upload!, 'upload', 'images')), 20_000);
    // The one place is taken while it is received.
    await expectProblem(await server.send(), 409, 'conflict');
    req.destroy();
    await vi.waitUntil(() => readdirSync(folder).length === 0, 20_000);
    expect((await server.ended(await server.send())).state).toBe('done');
  });
});

describe('a restart', () => {
  it('keeps what has ended, and says so of what has not', async () => {
    const state_dir = await stateFolder();
    const first = await startJobServer({ state_dir });
    const done = await first.ended(await first.send());
    const id = await started(first);
    const waiting = ((await (await first.send()).json()) as JobView).id;
    await first.close();
    const folder = join(state_dir, 'evaluations');
    for (const unfinished of [id, waiting]) expect(readdirSync(join(folder, unfinished))).toEqual(['job.json']);

    const second = await startJobServer({ state_dir });
    expect(await second.look(done.id)).toEqual(done);
    const report = await fetch(`${second.url}/${done.id}/report`);
    expect(await report.text()).toContain('<!doctype html>');
    for (const unfinished of [id, waiting]) {
      expect(await second.look(unfinished)).toMatchObject({ state: 'cancelled', error: { code: 'shutting_down' } });
    }
    const listed = ((await (await fetch(second.url)).json()) as { evaluations: JobView[] }).evaluations;
    expect(listed.map((job) => job.id)).toEqual([done.id, id, waiting]);
    for (const job of listed) expect((await second.remove(job.id)).status).toBe(204);
    expect(readdirSync(folder)).toEqual([]);
  });

  it('without a state folder leaves nothing behind', async () => {
    const server = await startJobServer();
    const id = await started(server);
    const { folder } = await server.engine.evaluations.files(server.engine.evaluations.get(id));
    expect(existsSync(join(folder, 'job.json'))).toBe(true);
    await server.close();
    expect(existsSync(join(folder, '..'))).toBe(false);
  });
});
