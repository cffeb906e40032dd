import { spawn } from 'node:child_process';
import { getEventListeners, once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { WorkerPool } from '../../src/runtime/pool.ts';

interface Task {
  readonly kind: string;
  readonly value?: unknown;
  /** The task waits until this is 1. */
  readonly gate?: Int32Array;
  /** Counts how often a worker took the task. */
  readonly started?: Int32Array;
  /** Counts how often it was computed. */
  readonly finished?: Int32Array;
  readonly died?: Int32Array;
}

const pools: WorkerPool<Task, unknown>[] = [];

afterEach(async () => {
  await Promise.all(pools.splice(0).map((pool) => pool.close()));
});

interface Options {
  script?: string;
  size?: number;
  queueLimit?: number;
  jobsPerWorker?: number;
  setup?: () => Task[];
  onWorkerLost?: (error: Error, jobs: number) => void;
}

function createPool({ script = 'worker.mjs', ...options }: Options = {}) {
  const pool = new WorkerPool<Task, unknown>({
    script: new URL(`fixtures/${script}`, import.meta.url),
    size: 1,
    queueLimit: 100,
    jobsPerWorker: 1,
    setup: () => [],
    ...options,
  });
  pools.push(pool);
  return pool;
}

const flag = () => new Int32Array(new SharedArrayBuffer(4));
const echo = (value: unknown, more: Partial<Task> = {}): Task => ({ kind: 'echo', value, ...more });
const open = (gate: Int32Array) => Atomics.store(gate, 0, 1);

/** A pool of one worker that computes one task and nothing else until the gate opens. */
async function occupied(options: Options = {}) {
  const pool = createPool(options);
  const gate = flag();
  const started = flag();
  const running = pool.run(echo('first', { gate, started }));
  await vi.waitUntil(() => started[0] === 1, 20_000);
  return { pool, gate, running };
}

describe('the queue', () => {
  it('answers in the order of the requests', async () => {
    const pool = createPool();
    const order: unknown[] = [];
    const values = Array.from({ length: 20 }, (_, i) => i);
    await Promise.all(values.map((i) => pool.run(echo(i)).then(({ result }) => order.push(result))));
    expect(order).toEqual(values);
  });

  it('gives each job its own result, however many workers there are', async () => {
    const pool = createPool({ size: 3, jobsPerWorker: 2 });
    const values = Array.from({ length: 60 }, (_, i) => i);
    const replies = await Promise.all(values.map((i) => pool.run(echo(i))));
    expect(replies.map(({ result }) => result)).toEqual(values);
    expect(pool.stats).toEqual({ workers: 3, queued: 0, background: 0, running: 0, lost: 0 });
  });

  it('refuses a job that finds no place, at once, and keeps those that wait', async () => {
    const { pool, gate, running } = await occupied({ queueLimit: 2 });
    const waiting = [pool.run(echo('a')), pool.run(echo('b'))];
    await expect(pool.run(echo('c'))).rejects.toMatchObject({ code: 'overloaded', retryAfter: expect.any(Number) });
    expect(pool.retryAfter).toBeGreaterThanOrEqual(1);
    expect(() => pool.checkRoom()).toThrow(/no room for 1 more: 2 of 2/);
    open(gate);
    expect((await Promise.all([running, ...waiting])).map((r) => r.result)).toEqual(['first', 'a', 'b']);
    expect((await pool.run(echo('c'))).result).toBe('c');
  });

  it('has room for as many as fit, not one more', async () => {
    const { pool, gate, running } = await occupied({ queueLimit: 3 });
    const waiting = pool.run(echo('a'));
    expect(() => pool.checkRoom(2)).not.toThrow();
    expect(() => pool.checkRoom(3)).toThrow(expect.objectContaining({ code: 'overloaded' }));
    open(gate);
    await Promise.all([running, waiting]);
  });

  it('tells how long a job waited', async () => {
    const { pool, gate, running } = await occupied();
    const waiting = pool.run(echo('a'));
    await new Promise((resolve) => setTimeout(resolve, 60));
    open(gate);
    expect((await waiting).queueMs).toBeGreaterThan(50);
    expect((await running).result).toBe('first');
  });
});

describe('the background', () => {
  it('waits behind requests that came later, but every tenth job is one of its own', async () => {
    const { pool, gate } = await occupied();
    const order: string[] = [];
    const note = (name: string, isBackground: boolean) =>
      pool.run(echo(name), { isBackground }).then(() => order.push(name));
    const waiting = ['b0', 'b1'].map((name) => note(name, true));
    waiting.push(...Array.from({ length: 12 }, (_, i) => note(`r${i}`, false)));
    open(gate);
    await Promise.all(waiting);
    expect(order.indexOf('b0')).toBe(9);
    expect(order.at(-1)).toBe('b1');
  });

  it('takes no places of the queue, and can be given up', async () => {
    const { pool, gate, running } = await occupied({ queueLimit: 1 });
    const stop = new AbortController();
    const given = pool.run(echo('given up'), { isBackground: true, signal: stop.signal });
    const others = Array.from({ length: 5 }, (_, i) => pool.run(echo(i), { isBackground: true }));
    expect(() => pool.checkRoom()).not.toThrow();
    expect(pool.stats).toMatchObject({ queued: 0, background: 6 });
    stop.abort();
    await expect(given).rejects.toMatchObject({ code: 'aborted' });
    expect(pool.stats.background).toBe(5);
    open(gate);
    await running;
    expect((await Promise.all(others)).map(({ result }) => result)).toEqual([0, 1, 2, 3, 4]);
  });

  it('is refused when the pool closes', async () => {
    const { pool, gate, running } = await occupied();
    const waiting = pool.run(echo('waits'), { isBackground: true });
    const refused = [running, waiting].map((job) => expect(job).rejects.toMatchObject({ code: 'shutting_down' }));
    const closing = pool.close(0);
    await expect(pool.run(echo('late'), { isBackground: true })).rejects.toMatchObject({ code: 'shutting_down' });
    // Long enough for the patience of 0 ms to be over.
    await new Promise((resolve) => setTimeout(resolve, 20));
    open(gate);
    await Promise.all([closing, ...refused]);
  });
});

describe('deadlines', () => {
  it('does not compute a job whose deadline passed in the queue', async () => {
    const { pool, gate, running } = await occupied();
    const started = flag();
    const late = pool.run(echo('late', { started }), { deadline: Date.now() + 30 });
    await expect(late).rejects.toMatchObject({ code: 'timeout' });
    expect(pool.stats.queued).toBe(0);
    open(gate);
    await running;
    await pool.run(echo('next'));
    expect(started[0]).toBe(0);
  });

  it('answers a running job in time, though its worker is not free before it is done', async () => {
    const pool = createPool();
    await pool.run(echo('the worker has started'));
    const [gate, started, finished] = [flag(), flag(), flag()];
    const slow = pool.run(echo('slow', { gate, started, finished }), { deadline: Date.now() + 1_000 });
    await vi.waitUntil(() => started[0] === 1, 20_000);
    await expect(slow).rejects.toMatchObject({ code: 'timeout' });
    expect(pool.stats.running).toBe(1);
    open(gate);
    expect((await pool.run(echo('next'))).result).toBe('next');
    expect(finished[0], 'nobody wants it: it stops at its next checkpoint').toBe(0);
    expect(pool.stats).toMatchObject({ running: 0, lost: 0 });
  });

  it('takes a deadline in a thousand years for one that never comes', async () => {
    const pool = createPool();
    expect((await pool.run(echo('a'), { deadline: Date.now() + 1e13 })).result).toBe('a');
  });

  it('refuses at once what is too late already', async () => {
    const pool = createPool();
    await expect(pool.run(echo('a'), { deadline: Date.now() - 1 })).rejects.toMatchObject({ code: 'timeout' });
  });
});

describe('clients that go away', () => {
  it('does not compute what was given up before it came', async () => {
    const pool = createPool();
    const started = flag();
    await expect(pool.run(echo('a', { started }), { signal: AbortSignal.abort() })).rejects.toMatchObject({
      code: 'aborted',
    });
    await pool.run(echo('b'));
    expect(started[0]).toBe(0);
  });

  it('does not compute what was given up in the queue', async () => {
    const { pool, gate, running } = await occupied({ queueLimit: 1 });
    const started = flag();
    const client = new AbortController();
    const waiting = pool.run(echo('a', { started }), { signal: client.signal });
    client.abort();
    await expect(waiting).rejects.toMatchObject({ code: 'aborted' });
    const successor = pool.run(echo('b'));
    open(gate);
    expect((await running).result).toBe('first');
    expect((await successor).result).toBe('b');
    expect(started[0]).toBe(0);
  });

  it('stops what runs at its next checkpoint', async () => {
    const pool = createPool();
    const [gate, started, finished] = [flag(), flag(), flag()];
    const client = new AbortController();
    const job = pool.run(echo('a', { gate, started, finished }), { signal: client.signal });
    await vi.waitUntil(() => started[0] === 1, 20_000);
    client.abort();
    await expect(job).rejects.toMatchObject({ code: 'aborted' });
    open(gate);
    await pool.run(echo('b'));
    expect(finished[0]).toBe(0);
  });

  it('leaves no listener on a signal', async () => {
    const pool = createPool({ size: 2 });
    const { signal } = new AbortController();
    const run = { signal, deadline: Date.now() + 60_000 };
    await Promise.all([
      pool.run(echo(1), run),
      pool.run(echo(2), run),
      pool.run({ kind: 'throw' }, run).catch(() => {}),
    ]);
    expect(getEventListeners(signal, 'abort')).toEqual([]);
  });
});

describe('workers that die', () => {
  it('does every job in flight once more', async () => {
    const lost = vi.fn();
    const pool = createPool({ size: 2, jobsPerWorker: 2, onWorkerLost: lost });
    const gate = flag();
    const started = flag();
    const values = [0, 1, 2, 3, 4, 5];
    const jobs = values.map((i) => pool.run(echo(i, { gate, started })));
    await vi.waitUntil(() => started[0] === 4, 20_000);
    await pool.kill(0);
    open(gate);
    expect((await Promise.all(jobs)).map((r) => r.result)).toEqual(values);
    expect(started[0]).toBe(8);
    expect(lost).toHaveBeenCalledExactlyOnceWith(expect.any(Error), 2);
    await vi.waitUntil(() => pool.stats.workers === 2, 20_000);
    expect(pool.stats.lost).toBe(1);
  });

  it('gives a job up with the second worker that it costs, and serves on', async () => {
    const pool = createPool();
    const started = flag();
    const poison = pool.run({ kind: 'die', started });
    const innocent = pool.run(echo('a'));
    await expect(poison).rejects.toMatchObject({ code: 'worker_lost', retryAfter: expect.any(Number) });
    expect(started[0]).toBe(2);
    expect((await innocent).result).toBe('a');
  });

  it('does not repeat what nobody waits for', async () => {
    const pool = createPool();
    const [gate, started] = [flag(), flag()];
    const client = new AbortController();
    const job = pool.run(echo('a', { gate, started }), { signal: client.signal });
    await vi.waitUntil(() => started[0] === 1, 20_000);
    client.abort();
    await expect(job).rejects.toMatchObject({ code: 'aborted' });
    await pool.kill();
    await pool.run(echo('b'));
    expect(started[0]).toBe(1);
  });

  it('tries again, ever more slowly, where none can start, and tells those who wait why', async () => {
    const pool = createPool({ script: 'broken-worker.mjs', size: 2 });
    await expect(pool.run(echo('a'))).rejects.toMatchObject({
      code: 'worker_lost',
      message: expect.stringContaining('a library is missing'),
      retryAfter: expect.any(Number),
    });
    await expect(pool.runAside(echo('a'))).rejects.toMatchObject({ code: 'worker_lost' });
    const before = pool.stats.lost;
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    expect(pool.stats.lost - before).toBeLessThan(6);
  });

  it('waits between tries where set-up kills', async () => {
    const lost = vi.fn();
    createPool({ setup: () => [{ kind: 'die' }], onWorkerLost: lost });
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    expect(lost.mock.calls.length).toBeGreaterThan(1);
    expect(lost.mock.calls.length).toBeLessThan(6);
  });
});

describe('tasks that throw', () => {
  it('passes on what was thrown, codes and all', async () => {
    const pool = createPool();
    await expect(pool.run({ kind: 'throw' })).rejects.toThrow('the task went wrong');
    await expect(pool.run({ kind: 'refuse' })).rejects.toMatchObject({ code: 'overloaded', retryAfter: 7 });
    await expect(pool.run({ kind: 'function' }), 'a result that cannot cross the thread').rejects.toThrow('cloned');
    expect(pool.stats).toEqual({ workers: 1, queued: 0, background: 0, running: 0, lost: 0 });
  });
});

describe('tasks outside the queue', () => {
  it('tells every worker', async () => {
    const pool = createPool({ size: 3 });
    expect(new Set(await pool.broadcast({ kind: 'thread' })).size).toBe(3);
  });

  it('fails with the first that fails, after all have answered', async () => {
    const pool = createPool({ size: 3 });
    const finished = flag();
    await expect(pool.broadcast({ kind: 'throw', finished })).rejects.toThrow('the task went wrong');
    expect(finished[0]).toBe(3);
  });

  it('passes over a worker that dies meanwhile', async () => {
    const pool = createPool({ size: 2 });
    const died = flag();
    expect(await pool.broadcast({ kind: 'die-once', died, value: 'told' })).toEqual(['told']);
    await vi.waitUntil(() => pool.stats.workers === 2, 20_000);
  });

  it('goes past a full queue', async () => {
    const { pool, gate, running } = await occupied({ queueLimit: 1 });
    const waiting = pool.run(echo('a'));
    expect(await pool.runAside(echo('aside'))).toBe('aside');
    open(gate);
    await Promise.all([running, waiting]);
  });

  it('survives one death', async () => {
    const pool = createPool({ size: 2 });
    expect(await pool.runAside({ kind: 'die-once', died: flag(), value: 'done' })).toBe('done');
  });
});

describe('set-up', () => {
  it('comes before the first job of every fresh worker, also where a part of it fails', async () => {
    const setup = () => [{ kind: 'remember', value: 1 }, { kind: 'throw' }, { kind: 'remember', value: 2 }];
    const pool = createPool({ setup });
    expect((await pool.run({ kind: 'recall' })).result).toEqual([1, 2]);
    await pool.kill();
    expect((await pool.run({ kind: 'recall' })).result).toEqual([1, 2]);
  });

  it('is not overtaken by what is told to all meanwhile', async () => {
    const [gate, started] = [flag(), flag()];
    const setup = () => [
      { kind: 'remember', value: 'slow', gate, started },
      { kind: 'remember', value: 'set-up' },
    ];
    const pool = createPool({ setup });
    await vi.waitUntil(() => started[0] === 1, 20_000);
    await pool.broadcast({ kind: 'remember', value: 'news' });
    open(gate);
    expect((await pool.run({ kind: 'recall' })).result).toEqual(['set-up', 'news', 'slow']);
  });
});

describe('closing', () => {
  it('finishes what runs and what waits, and takes no more', async () => {
    const { pool, gate, running } = await occupied();
    const waiting = pool.run(echo('a'));
    const closed = pool.close(60_000);
    await expect(pool.run(echo('b'))).rejects.toMatchObject({ code: 'shutting_down', retryAfter: expect.any(Number) });
    open(gate);
    await closed;
    expect((await running).result).toBe('first');
    expect((await waiting).result).toBe('a');
    expect(pool.stats.workers).toBe(0);
  });

  it('gives up after the time it was given', async () => {
    const { pool, running } = await occupied();
    const waiting = pool.run(echo('a'));
    const answers = Promise.allSettled([running, waiting]);
    await pool.close(50);
    const refused = { status: 'rejected', reason: expect.objectContaining({ code: 'shutting_down' }) };
    expect(await answers).toEqual([refused, refused]);
  });

  it('still replaces a worker that dies before all is done', async () => {
    const { pool, gate, running } = await occupied();
    const waiting = pool.run(echo('a'));
    const closed = pool.close(60_000);
    await pool.kill();
    open(gate);
    await closed;
    expect((await running).result).toBe('first');
    expect((await waiting).result).toBe('a');
  });

  it('leaves no timer and no thread that keeps the process alive', async () => {
    const child = spawn(process.execPath, [fileURLToPath(new URL('fixtures/exits.mjs', import.meta.url))]);
    let text = '';
    child.stdout.on('data', (chunk) => {
      text += chunk;
    });
    const timer = setTimeout(() => child.kill('SIGKILL'), 20_000);
    const [code] = await once(child, 'close');
    clearTimeout(timer);
    expect([code, text.trim()]).toEqual([0, 'closed']);
  });
});
