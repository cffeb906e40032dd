import { createHash } from 'node:crypto';
import { appendFileSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Catalog } from '../../src/catalog/catalog.ts';
import { describeModel } from '../../src/catalog/describe.ts';
import type { LoadReply, LoadRequest } from '../../src/catalog/host.ts';
import { encodeModel } from '../../src/onnx/encode.ts';
import { type DetectorOptions, detector, scratchFolder, writeModel } from '../helpers/graphs.ts';

let scratch: ReturnType<typeof scratchFolder>;
let catalogs: Catalog[];
beforeEach(() => {
  scratch = scratchFolder();
  catalogs = [];
});
afterEach(() => {
  for (const catalog of catalogs) catalog.stop();
  scratch.remove();
});

const inside = (path: string) => join(scratch.path, path);
const put = (id: string, options?: DetectorOptions) => writeModel(inside(`${id}.onnx`), detector(options));

/** Describes models for real, and keeps book of what it is asked to load. */
function createHost() {
  const loads: string[] = [];
  const held = new Set<string>();
  const host = {
    loads,
    held,
    /** What every load waits for. */
    gate: Promise.resolve(),
    failure: undefined as Error | undefined,
    describe: describeModel,
    async load({ key }: LoadRequest): Promise<LoadReply> {
      loads.push(key);
      await host.gate;
      if (host.failure) throw host.failure;
      held.add(key);
      return { provider: 'cpu', warmUpMs: 1 };
    },
    async unload(key: string) {
      held.delete(key);
    },
  };
  return host;
}

async function createCatalog(maxLoaded = 8, pollMs = 0) {
  const host = createHost();
  const log = vi.fn();
  const catalog = new Catalog({ directories: [scratch.path], maxLoaded, provider: 'cpu', log }, host);
  catalogs.push(catalog);
  await catalog.start(pollMs);
  return { catalog, host, log };
}

function gate() {
  let open = () => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open };
}

const settle = () => new Promise((resolve) => setTimeout(resolve, 20));

describe('loading', () => {
  it('happens on first use, once for all who ask together', async () => {
    put('a');
    const { catalog, host } = await createCatalog();
    expect(host.loads).toEqual([]);
    const leases = await Promise.all(Array.from({ length: 20 }, () => catalog.acquire('a')));
    expect(host.loads).toHaveLength(1);
    expect(new Set(leases.map((lease) => lease.key)).size).toBe(1);
    (await catalog.acquire('a')).release();
    expect(host.loads).toHaveLength(1);
  });

  it('is done and undone on request', async () => {
    put('a');
    const { catalog, host } = await createCatalog();
    expect((await catalog.load('a')).loaded?.provider).toBe('cpu');
    await catalog.load('a');
    expect(host.loads).toHaveLength(1);
    expect((await catalog.unload('a')).loaded).toBeUndefined();
    expect(host.held.size).toBe(0);
    expect(catalog.activeLoads).toEqual([]);
    (await catalog.acquire('a')).release();
    expect(host.loads).toHaveLength(2);
  });

  it('waits for a load under way before it unloads', async () => {
    put('a');
    const { catalog, host } = await createCatalog();
    const { opened, open } = gate();
    host.gate = opened;
    const [loading, unloading] = [catalog.load('a'), settle().then(() => catalog.unload('a'))];
    await settle().then(settle);
    open();
    await Promise.all([loading, unloading]);
    await settle();
    expect(host.held.size).toBe(0);
    expect(catalog.get('a').loaded).toBeUndefined();
  });

  it('names the models there are when asked for another', async () => {
    put('a');
    put('b');
    const { catalog } = await createCatalog();
    await expect(catalog.acquire('c')).rejects.toMatchObject({
      code: 'model_not_found',
      message: expect.stringContaining('a, b'),
    });
  });

  it('that fails is not tried again at once, and is when asked to', async () => {
    put('a');
    const { catalog, host } = await createCatalog();
    host.failure = new Error('no memory');
    const refused = { code: 'model_unavailable', message: expect.stringContaining('no memory') };
    await expect(catalog.acquire('a')).rejects.toMatchObject({ ...refused, retryAfter: 10 });
    await expect(catalog.acquire('a')).rejects.toMatchObject({ ...refused, retryAfter: expect.any(Number) });
    expect(host.loads).toHaveLength(1);
    host.failure = undefined;
    await catalog.load('a');
    (await catalog.acquire('a')).release();
    expect(host.loads).toHaveLength(2);
  });
});

describe('leases', () => {
  it('keep a version that was unloaded meanwhile', async () => {
    put('a');
    const { catalog, host } = await createCatalog();
    const [one, two] = [await catalog.acquire('a'), await catalog.acquire('a')];
    await catalog.unload('a');
    one.release();
    one.release();
    await settle();
    expect(host.held).toContain(two.key);
    expect(catalog.activeLoads.map((load) => load.key)).toEqual([two.key]);
    two.release();
    await settle();
    expect(host.held.size).toBe(0);
  });

  it('are counted from the moment of asking: what is waited for is not evicted before it served', async () => {
    put('a');
    put('b');
    const { catalog, host } = await createCatalog(1);
    const { opened, open } = gate();
    host.gate = opened;
    const both = [catalog.acquire('a'), catalog.acquire('b')];
    await settle();
    open();
    const leases = await Promise.all(both);
    for (const { key } of leases) expect(host.held).toContain(key);
    for (const lease of leases) lease.release();
    await settle();
    expect(host.held.size).toBe(1);
  });
});

describe('eviction', () => {
  it('takes the model that was used longest ago', async () => {
    for (const id of ['a', 'b', 'c']) put(id);
    const { catalog, host } = await createCatalog(2);
    for (const id of ['a', 'b', 'a', 'c']) {
      (await catalog.acquire(id)).release();
      await settle();
    }
    expect([...host.held].map((key) => key.split('@')[0]).sort()).toEqual(['a', 'c']);
  });

  it('never takes a version that is in use, under any interleaving', async () => {
    for (const id of ['a', 'b', 'c']) put(id);
    const { catalog, host } = await createCatalog(1);
    const client = async (id: string) => {
      for (let i = 0; i < 30; i++) {
        const lease = await catalog.acquire(id);
        for (let tick = 0; tick < i % 4; tick++) await null;
        expect(host.held).toContain(lease.key);
        if (i % 3 === 0) await new Promise((resolve) => setImmediate(resolve));
        expect(host.held).toContain(lease.key);
        lease.release();
      }
    };
    await Promise.all(['a', 'b', 'c', 'a', 'b'].map(client));
    await settle();
    expect(host.held.size).toBe(1);
    expect(catalog.activeLoads).toHaveLength(1);
  });
});

describe('files that change', () => {
  it('are loaded beside the version that serves, which then goes', async () => {
    put('a', { classId: 0 });
    const { catalog, host } = await createCatalog();
    const before = await catalog.acquire('a');
    const { opened, open } = gate();
    host.gate = opened;
    put('a', { classId: 1 });
    const refreshed = catalog.refresh();
    await settle();
    const meanwhile = await catalog.acquire('a');
    expect(meanwhile.key).toBe(before.key);
    open();
    await refreshed;
    const after = await catalog.acquire('a');
    expect(after.key).not.toBe(before.key);
    expect(host.held).toEqual(new Set([before.key, after.key]));
    for (const lease of [before, meanwhile]) lease.release();
    await settle();
    expect(host.held).toEqual(new Set([after.key]));
  });

  it('during their own load are loaded again', async () => {
    put('a', { classId: 0 });
    const { catalog, host } = await createCatalog();
    const { opened, open } = gate();
    host.gate = opened;
    const first = catalog.acquire('a');
    put('a', { classId: 1, metadata: { version: 'second' } });
    const refreshed = catalog.refresh();
    await settle();
    open();
    (await first).release();
    await refreshed;
    expect((await catalog.acquire('a')).description.signature.metadata).toEqual({ version: 'second' });
    expect(host.held.size).toBe(1);
  });

  it('into something broken leave the version before serving, and say what is wrong', async () => {
    put('a');
    const { catalog, host } = await createCatalog();
    const { key, release } = await catalog.acquire('a');
    release();
    writeFileSync(inside('a.onnx'), 'broken');
    await catalog.refresh();
    const model = catalog.get('a');
    expect(model.loaded?.request.key).toBe(key);
    expect(model.error).toMatchObject({ code: 'invalid_model' });
    expect((await catalog.acquire('a')).key).toBe(key);
    await expect(catalog.load('a')).rejects.toMatchObject({ code: 'invalid_model' });
    expect(host.held).toEqual(new Set([key]));
    put('a', { classId: 2 });
    await catalog.refresh();
    expect(catalog.get('a').error).toBeUndefined();
    expect((await catalog.acquire('a')).key).not.toBe(key);
  });

  it('into something that cannot be loaded leave it too, until asked to try again', async () => {
    put('a', { classId: 0 });
    const { catalog, host } = await createCatalog();
    const { key, release } = await catalog.acquire('a');
    release();
    host.failure = new Error('no such operator');
    put('a', { classId: 1 });
    await catalog.refresh();
    expect(catalog.get('a').error?.message).toBe('no such operator');
    expect((await catalog.acquire('a')).key).toBe(key);
    await expect(catalog.load('a')).rejects.toThrow('no such operator');
    host.failure = undefined;
    await catalog.load('a');
    expect((await catalog.acquire('a')).key).not.toBe(key);
    expect(catalog.get('a').error).toBeUndefined();
  });

  it('by going away take their model with them, after its last lease', async () => {
    put('a');
    const { catalog, host } = await createCatalog();
    const lease = await catalog.acquire('a');
    rmSync(inside('a.onnx'));
    await catalog.refresh();
    expect(catalog.list()).toEqual([]);
    expect(host.held).toContain(lease.key);
    lease.release();
    await settle();
    expect(host.held.size).toBe(0);
  });

  it('by going away while they load leave nothing behind', async () => {
    put('a');
    const { catalog, host } = await createCatalog();
    const { opened, open } = gate();
    host.gate = opened;
    const first = catalog.acquire('a');
    rmSync(inside('a.onnx'));
    const refreshed = catalog.refresh();
    await settle();
    open();
    (await first).release();
    await refreshed;
    await settle();
    expect(host.held.size).toBe(0);
    expect(catalog.activeLoads).toEqual([]);
  });

  it('keep their model’s manifest and graph together', async () => {
    mkdirSync(inside('a'));
    writeModel(inside('a/model.onnx'), detector());
    const { catalog } = await createCatalog();
    expect(catalog.get('a').description?.labels).toEqual(['class_0', 'class_1', 'class_2']);
    writeFileSync(inside('a/model.json'), JSON.stringify({ labels: ['x', 'y', 'z'] }));
    await catalog.refresh();
    expect(catalog.get('a').description?.labels).toEqual(['x', 'y', 'z']);
  });
});

describe('watching', () => {
  it('takes in a model that appears, a change and a removal', async () => {
    const { catalog } = await createCatalog(8, 50);
    put('a');
    await vi.waitUntil(() => catalog.list().length === 1, 5_000);
    put('a', { metadata: { version: 'second' } });
    await vi.waitUntil(() => catalog.get('a').description?.signature.metadata.version === 'second', 5_000);
    rmSync(inside('a.onnx'));
    await vi.waitUntil(() => catalog.list().length === 0, 5_000);
  });

  it('leaves a file alone for as long as it grows', async () => {
    const { catalog, log } = await createCatalog(8, 100);
    const bytes = encodeModel(detector());
    const step = Math.ceil(bytes.length / 25);
    for (let at = 0; at < bytes.length; at += step) {
      appendFileSync(inside('a.onnx'), bytes.subarray(at, at + step));
      await settle();
    }
    await vi.waitUntil(() => catalog.list().length === 1, 5_000);
    expect(catalog.get('a').error).toBeUndefined();
    expect(log).not.toHaveBeenCalledWith('warn', expect.anything(), expect.anything());
  });

  it('takes in later what was half copied when it was read', async () => {
    const bytes = encodeModel(detector());
    writeFileSync(inside('a.onnx'), bytes.subarray(0, bytes.length / 2));
    const { catalog } = await createCatalog(8, 50);
    expect(catalog.get('a').error).toMatchObject({ code: 'invalid_model' });
    appendFileSync(inside('a.onnx'), bytes.subarray(bytes.length / 2));
    await vi.waitUntil(() => !catalog.get('a').error, 5_000);
    (await catalog.acquire('a')).release();
  });

  it('ends with stop()', async () => {
    const { catalog } = await createCatalog(8, 20);
    catalog.stop();
    put('a');
    await settle().then(settle).then(settle);
    expect(catalog.list()).toEqual([]);
  });
});

describe('model.json', () => {
  async function errorOf(manifest: string, id = 'a') {
    put(id);
    writeFileSync(inside(`${id}.json`), manifest);
    const { catalog } = await createCatalog();
    return catalog.get(id).error;
  }

  it.each([
    ['{"labels": ["a"', /a\.json is not JSON/],
    ['[]', /a\.json: .*expected object/],
    ['{"colour": 1}', /a\.json: .*colour/],
    ['{"family": "yolov99"}', /a\.json: family: .*yolov8/],
    ['{"defaults": {"score_threshold": 2}}', /a\.json: defaults\.score_threshold: /],
    ['{"labels": ["a", ""]}', /a\.json: labels\.1: /],
    ['{"labels": ["a", "b"]}', /3 classes, but 2 labels/],
    ['{"params": {"strides": "8"}}', /params: strides: /],
    ['{"task": "classification"}', /task classification, but yolox models do detection/],
    ['{"sha256": "abc"}', /a\.json: sha256: expected 64/],
  ])('%s is refused by name and field', async (text, message) => {
    expect(await errorOf(text)).toMatchObject({ code: 'invalid_model', message: expect.stringMatching(message) });
  });

  it('refuses a graph of another checksum, and takes the right one', async () => {
    const error = await errorOf(JSON.stringify({ sha256: '0'.repeat(64) }));
    const actual = createHash('sha256').update(encodeModel(detector())).digest('hex');
    expect(error).toMatchObject({ code: 'invalid_model', message: expect.stringContaining(actual) });
    expect(await errorOf(JSON.stringify({ sha256: actual }), 'b')).toBeUndefined();
  });

  it('chooses the default among the models of a task', async () => {
    put('a');
    put('b');
    writeFileSync(inside('b.json'), '{"default": true}');
    const { catalog } = await createCatalog();
    expect(catalog.defaultFor(['detection'])?.id).toBe('b');
    expect(catalog.defaultFor(['classification'])).toBeUndefined();
  });

  it('is read again where only it changes, by a rename too', async () => {
    put('a');
    const { catalog } = await createCatalog();
    const lease = await catalog.acquire('a');
    lease.release();
    writeFileSync(inside('new'), JSON.stringify({ labels: ['x', 'y', 'z'] }));
    renameSync(inside('new'), inside('a.json'));
    await catalog.refresh();
    expect((await catalog.acquire('a')).description.labels).toEqual(['x', 'y', 'z']);
  });
});
