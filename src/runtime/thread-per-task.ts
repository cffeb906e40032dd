import { Worker } from 'node:worker_threads';
import { AppError } from '../errors.ts';
import { Job, type RunOptions } from './job.ts';
import type { FromWorker, ToWorker } from './thread.ts';

export interface ThreadPerTaskOptions {
  /** Compiled JavaScript that calls `serveTasks`. */
  readonly script: URL;
  /** Threads at once. */
  readonly size: number;
  /** Tasks that may wait. One more is refused with `overloaded`. */
  readonly queueLimit: number;
}

/**
 * Runs each task in a thread of its own that ends with it: for rare, long and large tasks. What nobody waits for any
 * more is stopped in the middle of its work, its memory goes with the thread, and a task that needs more memory than
 * there is ends alone.
 */
export class ThreadPerTask<Task, Result> {
  readonly #options: ThreadPerTaskOptions;
  readonly #threads = new Map<Job<Task, Result>, Worker>();
  #queue: Job<Task, Result>[] = [];
  #nextId = 1;
  #isClosed = false;

  constructor(options: ThreadPerTaskOptions) {
    this.#options = options;
  }

  get stats() {
    return { running: this.#threads.size, queued: this.#queue.length };
  }

  /** @throws AppError overloaded or shutting_down when no more may wait. */
  checkRoom(): void {
    if (this.#isClosed) throw gaveUp();
    if (this.#queue.length >= this.#options.queueLimit) {
      const detail = `${this.#threads.size} of these are running and ${this.#queue.length} wait; try again later`;
      throw new AppError('overloaded', detail, { retryAfter: 10 });
    }
  }

  /** @throws AppError overloaded or shutting_down (at once), timeout, aborted, worker_lost, or what the task threw. */
  async run(task: Task, { signal, deadline }: RunOptions = {}): Promise<Result> {
    this.checkRoom();
    const job = new Job<Task, Result>(this.#nextId++, task, deadline);
    this.#queue.push(job);
    job.watch(signal, (error) => this.#finish(job, () => job.reject(error)));
    this.#dispatch();
    return (await job.reply).result;
  }

  /** Ends everything that runs. */
  close(): void {
    this.#isClosed = true;
    for (const job of [...this.#queue, ...this.#threads.keys()]) this.#finish(job, () => job.reject(gaveUp()));
  }

  #dispatch(): void {
    while (this.#threads.size < this.#options.size) {
      const job = this.#queue.shift();
      if (!job) return;
      this.#start(job);
    }
  }

  #start(job: Job<Task, Result>): void {
    const worker = new Worker(this.#options.script);
    this.#threads.set(job, worker);
    job.start();
    const fail = (error: Error) => this.#finish(job, () => job.reject(error));
    worker.on('message', (message: FromWorker<Result>) => {
      if (message === 'listening') return;
      if ('error' in message) {
        const { error } = message;
        fail('code' in error ? AppError.fromData(error) : Object.assign(new Error(error.message), error));
      } else this.#finish(job, () => job.resolve(message.result));
    });
    worker.on('error', (error: NodeJS.ErrnoException) => fail(explain(error)));
    worker.on('exit', () => fail(new AppError('worker_lost', 'the thread that computed this was lost; try again')));
    const message: ToWorker<Task> = { id: job.id, task: job.task, deadline: job.deadline, cancelled: job.cancelled };
    worker.postMessage(message);
  }

  /** Ends a job the first time that it is called for it. */
  #finish(job: Job<Task, Result>, settle: () => void): void {
    const worker = this.#threads.get(job);
    const isQueued = this.#queue.includes(job);
    if (!worker && !isQueued) return;
    this.#queue = this.#queue.filter((other) => other !== job);
    this.#threads.delete(job);
    settle();
    void worker?.terminate();
    this.#dispatch();
  }
}

function explain(error: NodeJS.ErrnoException): Error {
  if (error.code !== 'ERR_WORKER_OUT_OF_MEMORY') return error;
  return new AppError('payload_too_large', 'this needs more memory than one task may have', { cause: error });
}

function gaveUp(): AppError {
  return new AppError('shutting_down', 'the server is shutting down', { retryAfter: 5 });
}
