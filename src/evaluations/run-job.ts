import { setMaxListeners } from 'node:events';
import { open } from 'node:fs/promises';
import { basename } from 'node:path';
import { AppError, messageOf } from '../errors.ts';
import { ImageFailure, runOnImages } from '../evaluate/run-model.ts';
import type { ThreadPerTask } from '../runtime/thread-per-task.ts';
import { type JobFiles, readJsonLines } from './files.ts';
import type { Job } from './job.ts';
import type { LocatedImage } from './locate-images.ts';
import { type DataLimits, type PreparedRun, planPath } from './prepare.ts';
import { answersPath } from './score.ts';
import type { JobTask } from './tasks.ts';
import type { BorrowedModel, JobRequest, ModelLender } from './types.ts';

export interface JobMeans {
  readonly models: ModelLender;
  /** Reads ground truths and scores, apart from this thread. */
  readonly threads: ThreadPerTask<JobTask, PreparedRun | undefined>;
  /** Images of one job in flight. */
  readonly width: number;
  /** Milliseconds for reading the data set, and again for scoring. */
  readonly timeoutMs: number;
  readonly limits: DataLimits;
}

/** Takes a job from its request to its scores on disk. @throws AppError, or whatever the job's signal carries. */
export async function runJob(job: Job, request: JobRequest, files: JobFiles, means: JobMeans): Promise<void> {
  const { signal } = job.stop;
  const { threads, limits, timeoutMs } = means;
  const { data, options } = request;
  const inThread = (task: JobTask) => threads.run(task, { signal, deadline: Date.now() + timeoutMs });
  // Whatever replaces the model meanwhile, all images see the same version.
  const model = await means.models.borrow(request.model);
  try {
    job.borrowed(model.sha256);
    signal.throwIfAborted();
    const plan = await inThread({ kind: 'prepare', data, options, work: files.work, limits });
    job.run(plan!.images);
    await answer(job, model, plan!, files.work, means);
  } finally {
    model.release();
  }
  signal.throwIfAborted();
  job.score();
  const title = `${request.model} on ${data.groundTruth.name}`;
  await inThread({ kind: 'score', data, options, files, limits, title });
  signal.throwIfAborted();
}

/** Writes the model's answer to every image of the plan, in its order. */
async function answer(
  job: Job,
  model: BorrowedModel,
  { scoreThreshold, maxDetections, maskFormat }: PreparedRun,
  work: string,
  { width, limits }: JobMeans,
): Promise<void> {
  const options = { format: 'json', scoreThreshold, maxDetections, maskFormat } as const;
  const stop = new AbortController();
  const signal = AbortSignal.any([job.stop.signal, stop.signal]);
  // Every image in flight listens; Node takes more than ten for a leak.
  setMaxListeners(width, signal);
  const predict = async ({ name, path }: LocatedImage) => {
    const bytes = await readShared(path, limits.maxImageBytes);
    const body = await model.predict({ name: basename(name), bytes }, options, signal);
    job.step();
    return body;
  };
  const answers = await open(answersPath(work), 'w');
  try {
    const images = readJsonLines<LocatedImage>(planPath(work));
    for await (const { answer: body } of runOnImages(images, width, predict, signal)) {
      await answers.appendFile(body);
      await answers.appendFile('\n');
    }
  } catch (error) {
    throw error instanceof ImageFailure ? naming(error) : error;
  } finally {
    // Images that are under way when one fails are not computed for nothing.
    stop.abort();
    await answers.close();
  }
}

/** Into memory that the workers read where it lies. @throws AppError: it was there when the data set was looked at. */
async function readShared(path: string, maxBytes: number): Promise<Uint8Array> {
  const file = await open(path).catch((cause) => {
    throw new AppError('unreadable_image', 'it can no longer be read', { cause });
  });
  try {
    const { size } = await file.stat();
    if (size > maxBytes) throw new AppError('payload_too_large', `it has ${size} bytes; at most ${maxBytes} are read`);
    const bytes = new Uint8Array(new SharedArrayBuffer(size));
    let at = 0;
    while (at < size) {
      const { bytesRead } = await file.read(bytes, at, size - at, at);
      if (bytesRead === 0) throw new AppError('unreadable_image', 'it became shorter while it was read');
      at += bytesRead;
    }
    return bytes;
  } finally {
    await file.close();
  }
}

function naming({ message: name, cause }: ImageFailure): Error {
  const message = `${name}: ${messageOf(cause)}`;
  return cause instanceof AppError ? new AppError(cause.code, message, { cause }) : new Error(message, { cause });
}
