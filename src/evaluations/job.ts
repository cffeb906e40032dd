import { AppError, type ErrorData } from '../errors.ts';
import { isFinal, type JobRecord, type JobState } from './types.ts';

/** Where a job is, on the main thread. What it has found lies on disk. */
export class Job {
  /** Ends its work. */
  readonly stop = new AbortController();
  #record: JobRecord;
  /** When the first image was begun, as performance.now() has it. */
  #runningSince = 0;
  readonly #listeners = new Set<() => void>();

  constructor(record: JobRecord) {
    this.#record = record;
  }

  get id(): string {
    return this.#record.id;
  }

  get state(): JobState {
    return this.#record.state;
  }

  get isFinal(): boolean {
    return isFinal(this.state);
  }

  get record(): JobRecord {
    return this.#record;
  }

  start(): void {
    this.#change({ state: 'running', started: new Date().toISOString() });
  }

  borrowed(sha256: string): void {
    this.#change({ model_sha256: sha256 });
  }

  /** The first of `total` images is begun. */
  run(total: number): void {
    this.#runningSince = performance.now();
    this.#change({ progress: { done: 0, total, images_per_second: null, seconds_left: null } });
  }

  /** One more image is done. */
  step(): void {
    const { done: before, total } = this.#record.progress;
    const done = before + 1;
    const seconds = Math.max(1e-3, (performance.now() - this.#runningSince) / 1000);
    const round = (value: number) => Math.round(value * 10) / 10;
    const seconds_left = total === null ? null : round(((total - done) * seconds) / done);
    this.#change({ progress: { done, total, images_per_second: round(done / seconds), seconds_left } });
  }

  score(): void {
    this.#change({ state: 'scoring' });
  }

  /** The record with which the job ends. */
  ending(state: 'done' | 'failed' | 'cancelled', error: ErrorData | undefined): JobRecord {
    const progress = { ...this.#record.progress, seconds_left: null };
    return { ...this.#record, state, progress, finished: new Date().toISOString(), ...(error && { error }) };
  }

  end(record: JobRecord): void {
    this.#change(record);
  }

  /** Calls `listener` after every change, many times a second. @returns what ends that. */
  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  get listeners(): number {
    return this.#listeners.size;
  }

  #change(change: Partial<JobRecord>): void {
    this.#record = { ...this.#record, ...change };
    for (const listener of this.#listeners) listener();
  }
}

/** What a job that did not come to its end because of the server says. */
export function serverStopped(): AppError {
  return new AppError('shutting_down', 'the server stopped before this was done');
}
