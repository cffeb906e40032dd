import { describe, expect, it, vi } from 'vitest';
import { noise } from '../helpers/pictures.ts';
import { type JobView, json, startJobServer, truthOf, zip } from './evaluations-server.ts';

const slow = await noise(900, 900);
const long = (count: number) => ({
  ground_truth: json('truth.json', truthOf(count)),
  images: zip([{ name: 'a.png', content: slow }]),
});

interface Event {
  readonly event: string;
  readonly id?: string;
  readonly job: JobView;
}

/** The events of a stream that has ended, as the standard has them. */
function parse(text: string): Event[] {
  const blocks = text.split('\n\n').filter((block) => block && !block.startsWith(':'));
  return blocks.map((block) => {
    const fields = new Map(block.split('\n').map((line) => line.split(/: (.*)/, 2) as [string, string]));
    const id = fields.get('id');
    return { event: fields.get('event')!, job: JSON.parse(fields.get('data')!), ...(id !== undefined && { id }) };
  });
}

describe('the events of an evaluation', () => {
  it('are its state now, its progress a few times a second, and its end', async () => {
    const server = await startJobServer();
    const { id } = (await (await server.send(long(120))).json()) as JobView;
    const started = performance.now();
    const response = await fetch(`${server.url}/${id}/events`);
    expect(response.headers.get('content-type')).toBe('text/event-stream');
    const events = parse(await response.text());
    const seconds = (performance.now() - started) / 1000;
    expect(events.map(({ event }) => event)).toEqual([...Array(events.length - 1).fill('progress'), 'end']);
    expect(events.length).toBeGreaterThan(2);
    expect(events.length).toBeLessThan(seconds * 3.5 + 3);
    const done = events.map(({ job }) => job.progress.done);
    expect(done).toEqual(done.toSorted((a, b) => a - b));
    const running = events.find(({ job }) => job.progress.done > 0)!.job.progress;
    expect(running).toMatchObject({
      total: 120,
      images_per_second: expect.any(Number),
      seconds_left: expect.any(Number),
    });
    expect(events.at(-1)).toMatchObject({ id: 'end', job: { state: 'done', progress: { done: 120 } } });
    expect(events.at(-1)!.job).not.toHaveProperty('result');
  });

  it('come late as the end alone, and never again to a browser that has seen it', async () => {
    const server = await startJobServer();
    const job = await server.ended(await server.send());
    const events = parse(await (await fetch(`${server.url}/${job.id}/events`)).text());
    expect(events.map(({ event }) => event)).toEqual(['end']);
    const again = await fetch(`${server.url}/${job.id}/events`, { headers: { 'last-event-id': 'end' } });
    expect(again.status).toBe(204);
  });

  it('go to many, and leave nothing of those who go away', async () => {
    const server = await startJobServer();
    const { id } = (await (await server.send(long(300))).json()) as JobView;
    const job = server.engine.evaluations.get(id);
    const leaving = new AbortController();
    const readers = await Promise.all(
      Array.from({ length: 40 }, (_, i) =>
        fetch(`${server.url}/${id}/events`, i % 2 ? { signal: leaving.signal } : {}),
      ),
    );
    expect(job.listeners).toBe(40);
    leaving.abort();
    await vi.waitUntil(() => job.listeners === 20, 20_000);
    await server.remove(id);
    const rest = await Promise.all(readers.filter((_, i) => i % 2 === 0).map((reader) => reader.text()));
    for (const text of rest) expect(parse(text).at(-1)).toMatchObject({ event: 'end', job: { state: 'cancelled' } });
    expect(job.listeners).toBe(0);
  });

  it('end with the server', async () => {
    const server = await startJobServer();
    const { id } = (await (await server.send(long(300))).json()) as JobView;
    const events = fetch(`${server.url}/${id}/events`).then((response) => response.text());
    await vi.waitUntil(() => server.engine.evaluations.get(id).listeners === 1, 20_000);
    await server.close();
    expect(parse(await events).at(-1)?.job).toMatchObject({ state: 'cancelled', error: { code: 'shutting_down' } });
  });
});
