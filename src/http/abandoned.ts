import type { Response } from 'express';

/** Fires when the client hangs up before it has its answer. */
export function abandoned(res: Response): AbortSignal {
  const controller = new AbortController();
  res.once('close', () => {
    if (!res.writableFinished) controller.abort();
  });
  return controller.signal;
}
