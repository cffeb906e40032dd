import { Worker } from 'node:worker_threads';
import { AppError, messageOf } from '../errors.ts';
import { Job, MAX_TIMER_MS, type Reply, type RunOptions } from './job.ts';
import type { FromWorker, ToWorker } from './thread.ts';

export interface PoolOptions<Task> {
  /** Compiled JavaScript that calls `serveTasks`. */
  readonly script: URL;
  readonly size: number;
  /** Jobs that may wait. One more is refused with `overloaded`. */
  readonly queueLimit: number;
  /** Jobs a worker holds at once: while one computes, the picture of the next is decoded. */
  readonly jobsPerWorker: number;
  /** Tasks that bring a fresh worker to the state of the others, e.g. loading the models. */
  readonly setup: () => readonly Task[];
  readonly onWorkerLost?: (error: Error, jobs: number) => void;
}

interface Member<Task, Result> {
  readonly worker: Worker;
  readonly jobs: Map<number, Job<Task, Result>>;
  /** Set-up is done; it may take jobs from the queue. */
  isReady: boolean;
  isGone: boolean;
}

/** A lost worker is replaced at once; one that was lost before it was ready, this much later each time. */
const RESPAWN_STEP_MS = 250;
const RESPAWN_MAX_MS = 5_000;
/** When so many in a row were lost before they were ready, jobs wait no longer. */
const MOST_FAILED_STARTS = 3;
/** Of so many jobs, one is from the background while any wait there: without a share, a busy server never ended them. */
const BACKGROUND_TURN = 10;

/**
 * Worker threads behind a bounded queue. Knows nothing of models or pictures: tasks go in, results come out, and a
 * worker that dies is replaced and its jobs are given to another one once.
 */
export class WorkerPool<Task, Result> {
  readonly #options: PoolOptions<Task>;
  readonly #members = new Set<Member<Task, Result>>();
  #queue: Job<Task, Result>[] = [];
  #background: Job<Task, Result>[] = [];
  /** Jobs that went first while others waited in the background. */
  #passed = 0;
  #nextId = 1;
  /** Takes no more jobs. */
  #isClosing = false;
  /** Has given up those that were left. */
  #isClosed = false;
  readonly #respawns = new Set<NodeJS.Timeout>();
  #onIdle: (() => void) | undefined;
  #lost = 0;
  #failedStarts = 0;
  /** Exponential mean of the milliseconds that a job keeps a worker. */
  #serviceMs = 100;

  constructor(options: PoolOptions<Task>) {
    this.#options = options;
    for (let i = 0; i < options.size; i++) this.#spawn();
  }

  get stats() {
    let running = 0;
    for (const member of this.#members) running += member.jobs.size;
    const [queued, background] = [this.#queue.length, this.#background.length];
    return { workers: this.#members.size, queued, background, running, lost: this.#lost };
  }

  /** Seconds until the queue has probably room again. */
  get retryAfter(): number {
    const ms = (this.#queue.length * this.#serviceMs) / this.#options.size;
    return Math.min(60, Math.max(1, Math.ceil(ms / 1000)));
  }

  /** @throws AppError overloaded or shutting_down when `jobs` more may not wait. */
  checkRoom(jobs = 1): void {
    if (this.#isClosing) throw gaveUp();
    if (this.#queue.length + jobs > this.#options.queueLimit) {
      const { length } = this.#queue;
      const detail = `the queue has no room for ${jobs} more: ${length} of ${this.#options.queueLimit} places are taken`;
      throw new AppError('overloaded', detail, { retryAfter: this.retryAfter });
    }
  }

  /** @throws AppError overloaded or shutting_down (at once), timeout, aborted, worker_lost, or what the task threw. */
  async run(task: Task, { signal, deadline, isBackground = false }: RunOptions = {}): Promise<Reply<Result>> {
    if (!isBackground) this.checkRoom();
    else if (this.#isClosing) throw gaveUp();
    const job = new Job<Task, Result>(this.#nextId++, task, deadline);
    (isBackground ? this.#background : this.#queue).push(job);
    job.watch(signal, (error) => {
      this.#queue = this.#queue.filter((other) => other !== job);
      this.#background = this.#background.filter((other) => other !== job);
      job.reject(error);
    });
    this.#dispatch();
    return job.reply;
  }

  /**
   * Runs a task outside the queue on every worker. Rejects with the first failure, after all have answered. A worker
   * that dies meanwhile gives no result: `setup` brings its successor to the same state.
   */
  async broadcast(task: Task): Promise<Result[]> {
    const settled = await Promise.allSettled([...this.#members].map((member) => this.#runOn(member, task)));
    return settled.flatMap((reply) => {
      if (reply.status === 'fulfilled') return [reply.value];
      if (reply.reason instanceof AppError && reply.reason.code === 'worker_lost') return [];
      throw reply.reason;
    });
  }

  /** Runs a task outside the queue, however full, on the worker that has the least to do. */
  async runAside(task: Task): Promise<Result> {
    const job = new Job<Task, Result>(this.#nextId++, task);
    const [member] = [...this.#members].sort((a, b) => a.jobs.size - b.jobs.size);
    if (member) this.#assign(member, job);
    else this.#queue.unshift(job);
    return (await job.reply).result;
  }

  /** Takes no more jobs, waits for those it has (at most `drainMs`), then ends the threads. */
  async close(drainMs = 0): Promise<void> {
    this.#isClosing = true;
    let timer: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve) => {
      timer = setTimeout(resolve, Math.min(drainMs, MAX_TIMER_MS));
      this.#onIdle = resolve;
      this.#checkIdle();
    });
    clearTimeout(timer);
    this.#isClosed = true;
    for (const respawn of this.#respawns) clearTimeout(respawn);
    for (const job of this.#takeAll()) job.reject(gaveUp());
    await Promise.all([...this.#members].map(({ worker }) => end(worker)));
  }

  /** Ends one worker as if it had crashed. The pool must recover; tests see to it. */
  async kill(index = 0): Promise<void> {
    const member = [...this.#members][index];
    if (member) await end(member.worker);
  }

  async #runOn(member: Member<Task, Result>, task: Task): Promise<Result> {
    const job = new Job<Task, Result>(this.#nextId++, task);
    // What one worker is told is of no use to another.
    job.wasRetried = true;
    this.#assign(member, job);
    return (await job.reply).result;
  }

  #spawn(): void {
    const worker = new Worker(this.#options.script);
    const member: Member<Task, Result> = { worker, jobs: new Map(), isReady: false, isGone: false };
    this.#members.add(member);
    let cause = new Error('the worker thread ended');
    worker.on('message', (message: FromWorker<Result>) => {
      if (message === 'listening') void this.#prepare(member);
      else this.#settle(member, message);
    });
    worker.on('error', (error: Error) => {
      cause = error;
    });
    worker.on('exit', () => this.#replace(member, cause));
  }

  async #prepare(member: Member<Task, Result>): Promise<void> {
    // A model that fails to load here fails its own requests; it must not keep the worker from serving the others. All
    // are sent before anything can be undone by a later broadcast.
    await Promise.allSettled(this.#options.setup().map((task) => this.#runOn(member, task)));
    if (member.isGone) return;
    member.isReady = true;
    this.#failedStarts = 0;
    this.#dispatch();
  }

  #replace(member: Member<Task, Result>, cause: Error): void {
    member.isGone = true;
    this.#members.delete(member);
    const jobs = [...member.jobs.values()];
    member.jobs.clear();
    for (const job of jobs.reverse()) {
      if (this.#isClosed) job.reject(gaveUp());
      else if (job.wasRetried || job.isCancelled) job.reject(lost(cause));
      else {
        job.wasRetried = true;
        this.#queue.unshift(job);
      }
    }
    if (!this.#isClosed) {
      this.#lost++;
      this.#options.onWorkerLost?.(cause, jobs.length);
      if (!member.isReady) this.#failStart(cause);
      this.#respawn();
    }
    this.#dispatch();
    this.#checkIdle();
  }

  #respawn(): void {
    const timer = setTimeout(
      () => {
        this.#respawns.delete(timer);
        this.#spawn();
      },
      Math.min(RESPAWN_MAX_MS, this.#failedStarts * RESPAWN_STEP_MS),
    );
    this.#respawns.add(timer);
  }

  /** Where none is left either, nobody knows whether a worker will ever start: who waits is told why. */
  #failStart(cause: Error): void {
    this.#failedStarts++;
    if (this.#failedStarts < MOST_FAILED_STARTS || this.#members.size > 0) return;
    const why = `no worker can be started: ${messageOf(cause)}`;
    for (const job of this.#takeAll()) job.reject(new AppError('worker_lost', why, { cause, retryAfter: 5 }));
  }

  #takeAll(): Job<Task, Result>[] {
    return [...this.#queue.splice(0), ...this.#background.splice(0)];
  }

  #takeNext(): Job<Task, Result> | undefined {
    const isTurn = this.#queue.length === 0 || this.#passed >= BACKGROUND_TURN - 1;
    if (isTurn || this.#background.length === 0) this.#passed = 0;
    else this.#passed++;
    return (isTurn && this.#background.shift()) || this.#queue.shift();
  }

  #dispatch(): void {
    while (this.#queue.length + this.#background.length > 0) {
      let target: Member<Task, Result> | undefined;
      for (const member of this.#members) {
        if (!member.isReady || member.jobs.size >= this.#options.jobsPerWorker) continue;
        if (!target || member.jobs.size < target.jobs.size) target = member;
      }
      if (!target) return;
      this.#assign(target, this.#takeNext()!);
    }
  }

  #assign(member: Member<Task, Result>, job: Job<Task, Result>): void {
    if (member.isGone) {
      job.reject(lost(new Error('the worker thread ended')));
      return;
    }
    job.start();
    member.jobs.set(job.id, job);
    const message: ToWorker<Task> = { id: job.id, task: job.task, deadline: job.deadline, cancelled: job.cancelled };
    try {
      member.worker.postMessage(message);
    } catch (error) {
      // A task that cannot be copied to another thread is a bug of whoever sent it, and nobody else's.
      member.jobs.delete(job.id);
      job.reject(new Error(messageOf(error), { cause: error }));
      this.#checkIdle();
    }
  }

  #settle(member: Member<Task, Result>, message: Exclude<FromWorker<Result>, 'listening'>): void {
    const job = member.jobs.get(message.id);
    if (!job) return;
    member.jobs.delete(message.id);
    this.#serviceMs += 0.1 * (job.serviceMs / this.#options.jobsPerWorker - this.#serviceMs);
    if ('error' in message) {
      const { error } = message;
      job.reject('code' in error ? AppError.fromData(error) : Object.assign(new Error(error.message), error));
    } else job.resolve(message.result);
    this.#dispatch();
    this.#checkIdle();
  }

  #checkIdle(): void {
    const { queued, background, running } = this.stats;
    if (queued + background + running === 0) this.#onIdle?.();
  }
}

/**
 * Asks a thread to end, which it does between two steps. To terminate one inside native code would abort the whole
 * process: onnxruntime's binding throws a C++ exception when it finds no JavaScript to return its results to.
 */
async function end(worker: Worker): Promise<void> {
  const ended = new Promise((resolve) => worker.once('exit', resolve));
  worker.postMessage('exit');
  await ended;
}

function gaveUp(): AppError {
  return new AppError('shutting_down', 'the server is shutting down', { retryAfter: 5 });
}

function lost(cause: Error): AppError {
  return new AppError('worker_lost', 'the worker that computed this was lost; try again', { cause, retryAfter: 1 });
}
