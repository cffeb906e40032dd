import { AppError } from '../errors.ts';

export interface RunOptions {
  readonly signal?: AbortSignal | undefined;
  /** Epoch milliseconds after which nobody wants the result. */
  readonly deadline?: number | undefined;
  /** Waits behind all that is not, beyond the queue's limit. Whoever asks for it bounds how much of it there is. */
  readonly isBackground?: boolean | undefined;
}

export interface Reply<Result> {
  readonly result: Result;
  /** Milliseconds before a worker took the job. */
  readonly queueMs: number;
}

/** Timers take 31 bits of milliseconds and fire at once for more. */
export const MAX_TIMER_MS = 2 ** 31 - 1;

/** One task on its way through the pool, and the promise of its result. */
export class Job<Task, Result> {
  readonly id: number;
  readonly task: Task;
  readonly deadline: number;
  readonly reply: Promise<Reply<Result>>;
  /** One shared flag: lets a worker see, between two steps, that the result is no longer wanted. */
  readonly cancelled = new Int32Array(new SharedArrayBuffer(4));
  wasRetried = false;
  readonly #queuedAt = performance.now();
  #startedAt = 0;
  #resolve: (reply: Reply<Result>) => void = () => {};
  #reject: (error: Error) => void = () => {};
  #stopWatching = () => {};

  constructor(id: number, task: Task, deadline = Number.POSITIVE_INFINITY) {
    this.id = id;
    this.task = task;
    this.deadline = deadline;
    this.reply = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  /** Calls `giveUp` when the client goes away or the deadline passes, whichever comes first. */
  watch(signal: AbortSignal | undefined, giveUp: (error: AppError) => void): void {
    const stop = (error: AppError) => () => {
      Atomics.store(this.cancelled, 0, 1);
      giveUp(error);
    };
    const onAbort = stop(new AppError('aborted', 'the client went away'));
    const onTimeout = stop(new AppError('timeout', 'the request took longer than it was allowed to'));
    if (signal?.aborted) {
      onAbort();
      return;
    }
    const wait = this.deadline - Date.now();
    const timer = Number.isFinite(wait) ? setTimeout(onTimeout, Math.min(Math.max(0, wait), MAX_TIMER_MS)) : undefined;
    signal?.addEventListener('abort', onAbort, { once: true });
    this.#stopWatching = () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
    };
  }

  get isCancelled(): boolean {
    return Atomics.load(this.cancelled, 0) === 1;
  }

  start(): void {
    this.#startedAt = performance.now();
  }

  /** Milliseconds since a worker took the job. */
  get serviceMs(): number {
    return performance.now() - this.#startedAt;
  }

  resolve(result: Result): void {
    this.#stopWatching();
    this.#resolve({ result, queueMs: this.#startedAt - this.#queuedAt });
  }

  reject(error: Error): void {
    this.#stopWatching();
    this.#reject(error);
  }
}
