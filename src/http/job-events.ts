import type { Request, Response } from 'express';
import type { Job } from '../evaluations/job.ts';
import { viewOf } from './job-view.ts';

/** A job with fast images changes hundreds of times a second. */
const INTERVAL_MS = 300;
/** Proxies close connections on which nothing moves for a minute or less. */
const HEARTBEAT_MS = 15_000;
/** The id of the last event: a browser that comes back with it has seen the end. */
const END = 'end';

/**
 * Tells a client of a job by server-sent events: `progress` now and on changes, `end` when the job is done, failed or
 * cancelled. Each carries the job without its result.
 */
export function sendEvents(job: Job, req: Request, res: Response): void {
  // The standard's way to keep EventSource from coming back for ever.
  if (job.isFinal && req.get('last-event-id') === END) {
    res.status(204).end();
    return;
  }
  res.writeHead(200, {
    'content-type': 'text/event-stream',
    'cache-control': 'no-store',
    'x-accel-buffering': 'no',
  });

  let waiting: NodeJS.Timeout | undefined;
  const heartbeat = setInterval(() => res.write(':\n\n'), HEARTBEAT_MS);
  const progress = () => {
    waiting = undefined;
    // Who does not read gets the newest state later instead of all that were.
    if (res.writableNeedDrain) res.once('drain', later);
    else res.write(`event: progress\ndata: ${JSON.stringify(viewOf(job))}\n\n`);
  };
  const later = () => {
    if (!job.isFinal) waiting ??= setTimeout(progress, INTERVAL_MS);
  };
  const end = () => res.end(`id: ${END}\nevent: end\ndata: ${JSON.stringify(viewOf(job))}\n\n`);

  const unsubscribe = job.subscribe(() => {
    if (!job.isFinal) return later();
    stop();
    return end();
  });
  const stop = () => {
    unsubscribe();
    clearTimeout(waiting);
    clearInterval(heartbeat);
  };
  res.once('close', stop);
  if (job.isFinal) {
    stop();
    end();
  } else progress();
}
