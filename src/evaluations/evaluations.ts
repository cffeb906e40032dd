import { randomUUID } from 'node:crypto';
import { mkdir, mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AppError } from '../errors.ts';
import { ThreadPerTask } from '../runtime/thread-per-task.ts';
import { filesOf, type JobFiles, readRecords, removeFolder, saveRecord, tidy } from './files.ts';
import { Job, serverStopped } from './job.ts';
import type { DataLimits, PreparedRun } from './prepare.ts';
import { runJob } from './run-job.ts';
import type { JobTask } from './tasks.ts';
import type { JobRecord, JobRequest, ModelLender } from './types.ts';

export interface EvaluationsOptions {
  /** Where jobs and their results are kept. Absent: in a temporary folder, which goes with the server. */
  readonly stateFolder: string | undefined;
  /** Compiled JavaScript of thread.ts. */
  readonly script: URL;
  readonly models: ModelLender;
  /** Jobs that run at once. */
  readonly atOnce: number;
  /** Images in flight, of all of them together. */
  readonly width: number;
  /** Jobs that are kept, finished ones among them. */
  readonly mostKept: number;
  readonly timeoutMs: number;
  readonly limits: DataLimits;
  readonly onError: (error: unknown, id: string) => void;
}

/** A place for a job that is still being received, and for its files. */
export interface Draft {
  readonly id: string;
  readonly files: JobFiles;
}

/** Each holds what was uploaded for it. */
const MOST_WAITING = 8;

/** Runs models on labelled data sets, one after the other, and keeps what came out until someone removes it. */
export class Evaluations {
  readonly #options: EvaluationsOptions;
  readonly #threads: ThreadPerTask<JobTask, PreparedRun | undefined>;
  /** In the order in which they came. */
  readonly #jobs = new Map<string, Job>();
  readonly #drafts = new Map<string, Draft>();
  #waiting: { readonly job: Job; readonly request: JobRequest }[] = [];
  /** Jobs whose work has begun, and when it ends. */
  readonly #running = new Map<Job, Promise<void>>();
  #root: Promise<string> | undefined;
  #isClosed = false;

  constructor(options: EvaluationsOptions) {
    this.#options = options;
    const { script, atOnce } = options;
    this.#threads = new ThreadPerTask({ script, size: atOnce, queueLimit: atOnce });
  }

  /** Takes in the jobs of a server before this one. What it left unfinished counts as cancelled. */
  async start(): Promise<void> {
    if (this.#options.stateFolder === undefined) return;
    for (const record of await readRecords(await this.#folder())) {
      const job = new Job(record);
      this.#jobs.set(job.id, job);
      if (job.isFinal) await tidy(await this.files(job));
      else await this.#finish(job, 'cancelled', serverStopped());
    }
  }

  get stats() {
    return { running: this.#running.size, queued: this.#waiting.length, kept: this.#jobs.size };
  }

  list(): readonly Job[] {
    return [...this.#jobs.values()];
  }

  /** @throws AppError not_found. */
  get(id: string): Job {
    const job = this.#jobs.get(id);
    if (job) return job;
    throw new AppError('not_found', `there is no evaluation ‘${id}’`);
  }

  async files(job: Job): Promise<JobFiles> {
    return filesOf(join(await this.#folder(), job.id));
  }

  /** A place for one more job. @throws AppError shutting_down, overloaded, or conflict where too many are kept. */
  async draft(): Promise<Draft> {
    const { mostKept } = this.#options;
    if (this.#isClosed) throw serverStopped();
    if (this.#drafts.size + this.#waiting.length >= MOST_WAITING) {
      const detail = `${this.#running.size} evaluations are running and ${this.#waiting.length} wait; try again later`;
      throw new AppError('overloaded', detail, { retryAfter: 60 });
    }
    if (this.#drafts.size + this.#jobs.size >= mostKept) {
      throw new AppError('conflict', `${mostKept} evaluations are kept; delete some that are no longer needed`);
    }
    const id = randomUUID();
    // Before the first await: whoever comes meanwhile finds the place taken.
    this.#drafts.set(id, { id, files: filesOf('') });
    try {
      const draft = { id, files: filesOf(join(await this.#folder(), id)) };
      await mkdir(draft.files.upload, { recursive: true });
      this.#drafts.set(id, draft);
      return draft;
    } catch (error) {
      this.#drafts.delete(id);
      throw error;
    }
  }

  /** Gives a place back, and removes what was received. Does nothing once it has become a job. */
  async discard({ id, files }: Draft): Promise<void> {
    if (this.#drafts.delete(id)) await removeFolder(files.folder);
  }

  /** Makes a draft a job, which begins when those before it have ended. @throws AppError shutting_down. */
  async submit({ id, files }: Draft, request: JobRequest): Promise<Job> {
    const job = new Job(newRecord(id, request));
    await saveRecord(files, job.record).catch((error) => {
      // Closing removes the folder.
      throw this.#isClosed ? serverStopped() : error;
    });
    if (this.#isClosed) {
      await removeFolder(files.folder);
      throw serverStopped();
    }
    this.#drafts.delete(id);
    this.#jobs.set(id, job);
    this.#waiting.push({ job, request });
    this.#dispatch();
    return job;
  }

  /**
   * Cancels a job that is not done, or forgets one that is, with everything that was kept of it.
   * @returns the cancelled job, or undefined of a forgotten one.
   * @throws AppError not_found.
   */
  async remove(id: string): Promise<Job | undefined> {
    const job = this.get(id);
    if (!job.isFinal) {
      await this.#cancel(job, new AppError('aborted', 'the evaluation was cancelled'));
      return job;
    }
    this.#jobs.delete(id);
    await removeFolder((await this.files(job)).folder);
    return undefined;
  }

  /** Cancels everything that is not done. Of what is, nothing stays unless there is a state folder. */
  async close(): Promise<void> {
    this.#isClosed = true;
    const drafts = [...this.#drafts.values()];
    this.#drafts.clear();
    const unfinished = this.list().filter((job) => !job.isFinal);
    await Promise.all(unfinished.map((job) => this.#cancel(job, serverStopped())));
    this.#threads.close();
    if (!this.#root) return;
    const root = await this.#root;
    if (this.#options.stateFolder === undefined) await removeFolder(root);
    else await Promise.all(drafts.map(({ id }) => removeFolder(join(root, id))));
  }

  #folder(): Promise<string> {
    this.#root ??= this.#makeFolder();
    return this.#root;
  }

  async #makeFolder(): Promise<string> {
    const { stateFolder } = this.#options;
    if (stateFolder === undefined) return mkdtemp(join(tmpdir(), 'miru-evaluations-'));
    const folder = join(stateFolder, 'evaluations');
    await mkdir(folder, { recursive: true });
    return folder;
  }

  #dispatch(): void {
    while (this.#running.size < this.#options.atOnce) {
      const next = this.#waiting.shift();
      if (!next) return;
      const { job, request } = next;
      const ended = this.#run(job, request).finally(() => {
        this.#running.delete(job);
        this.#dispatch();
      });
      this.#running.set(job, ended);
    }
  }

  /** The function never rejects. */
  async #run(job: Job, request: JobRequest): Promise<void> {
    const { atOnce, width } = this.#options;
    const means = { ...this.#options, threads: this.#threads, width: Math.max(1, Math.floor(width / atOnce)) };
    try {
      job.start();
      await runJob(job, request, await this.files(job), means);
      await this.#finish(job, 'done');
    } catch (error) {
      const { signal } = job.stop;
      if (signal.aborted) await this.#finish(job, 'cancelled', signal.reason);
      else await this.#finish(job, 'failed', error);
    }
  }

  async #cancel(job: Job, why: AppError): Promise<void> {
    job.stop.abort(why);
    const isWaiting = this.#waiting.some((entry) => entry.job === job);
    this.#waiting = this.#waiting.filter((entry) => entry.job !== job);
    if (isWaiting) await this.#finish(job, 'cancelled', why);
    else await this.#running.get(job);
  }

  /** Puts the end of a job on disk, then tells it. The function never rejects: a full disk must not end the server. */
  async #finish(job: Job, state: 'done' | 'failed' | 'cancelled', why?: unknown): Promise<void> {
    const { onError } = this.#options;
    const error = why === undefined ? undefined : toAppError(why);
    if (error && error.status >= 500 && error.code !== 'shutting_down') onError(error.cause ?? why, job.id);
    const record = job.ending(state, error?.code === 'aborted' ? undefined : error?.toData());
    try {
      const files = await this.files(job);
      await saveRecord(files, record);
      await tidy(files);
    } catch (cause) {
      onError(cause, job.id);
    }
    job.end(record);
  }
}

function newRecord(id: string, { model, options, data }: JobRequest): JobRecord {
  return {
    id,
    model,
    ground_truth: data.groundTruth.name,
    images: data.images.name,
    options,
    state: 'queued',
    progress: { done: 0, total: null, images_per_second: null, seconds_left: null },
    created: new Date().toISOString(),
  };
}

function toAppError(error: unknown): AppError {
  if (error instanceof AppError) return error;
  return new AppError('internal', 'something went wrong on the server; its log says what', { cause: error });
}
