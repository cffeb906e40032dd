import { exit } from 'node:process';
import { parentPort } from 'node:worker_threads';
import { AppError, type ErrorData } from '../errors.ts';

/** `'exit'` ends the thread. */
export type ToWorker<Task> = 'exit' | TaskMessage<Task>;

export interface TaskMessage<Task> {
  readonly id: number;
  readonly task: Task;
  readonly deadline: number;
  readonly cancelled: Int32Array<SharedArrayBuffer>;
}

export type FromWorker<Result> =
  /** The first message: the script has started and takes tasks. */
  | 'listening'
  | { readonly id: number; readonly result: Result }
  | { readonly id: number; readonly error: ErrorData | { readonly message: string; readonly stack?: string } };

/** Throws when nobody waits for the result any more. Called between the steps of a job. */
export type Checkpoint = () => void;

/** Answers the pool's tasks inside a worker thread. `transfers` names the buffers that move instead of being copied. */
export function serveTasks<Task, Result>(
  handle: (task: Task, checkpoint: Checkpoint) => Promise<Result>,
  transfers: (result: Result) => ArrayBuffer[],
): void {
  const port = parentPort;
  if (!port) throw new Error('serveTasks runs in a worker thread');
  port.on('message', async (message: ToWorker<Task>) => {
    if (message === 'exit') return exit();
    const { id, task, deadline, cancelled } = message;
    const checkpoint = () => {
      if (Atomics.load(cancelled, 0)) throw new AppError('aborted', 'the client went away');
      if (Date.now() > deadline) throw new AppError('timeout', 'the request took longer than it was allowed to');
    };
    try {
      checkpoint();
      const result = await handle(task, checkpoint);
      port.postMessage({ id, result } satisfies FromWorker<Result>, transfers(result));
    } catch (error) {
      port.postMessage({ id, error: toData(error) } satisfies FromWorker<Result>);
    }
  });
  port.postMessage('listening' satisfies FromWorker<Result>);
}

function toData(error: unknown): ErrorData | { message: string; stack?: string } {
  if (error instanceof AppError) return error.toData();
  return error instanceof Error ? { message: error.message, stack: error.stack ?? '' } : { message: String(error) };
}
