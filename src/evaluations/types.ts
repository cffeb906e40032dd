import { z } from 'zod';
import { type ErrorCode, statusByCode } from '../errors.ts';
import type { DetectionOptions } from '../evaluate/detection-options.ts';
import type { PredictOptions } from '../options.ts';

/** A model is run on the images while `running`; the last three are final. */
export const jobStates = ['queued', 'running', 'scoring', 'done', 'failed', 'cancelled'] as const;
export type JobState = (typeof jobStates)[number];

export function isFinal(state: JobState): boolean {
  return state === 'done' || state === 'failed' || state === 'cancelled';
}

/** Something of the data set on disk, and what messages call it. */
export interface DataFile {
  readonly name: string;
  readonly path: string;
}

/** A folder below another, out of which no name may lead. */
export interface DataFolder {
  /** Relative to `root`. */
  readonly name: string;
  readonly root: string;
}

/** A labelled data set on disk. */
export interface DataSource {
  readonly groundTruth: DataFile;
  readonly images: ({ readonly kind: 'zip' } & DataFile) | ({ readonly kind: 'folder' } & DataFolder);
}

/** What is asked for, checked. */
export interface JobRequest {
  readonly model: string;
  readonly options: DetectionOptions;
  readonly data: DataSource;
}

const when = z.iso.datetime();

/** A job without its result, as it is kept on disk and, with its error as a problem, answered. */
export const jobRecordSchema = z.strictObject({
  id: z.uuid(),
  model: z.string(),
  model_sha256: z.string().describe('Of the graph that was run').optional(),
  ground_truth: z.string(),
  images: z.string(),
  options: z.record(z.string(), z.unknown()).describe('What to score, as POST /v1/evaluate/detection takes it'),
  state: z.enum(jobStates),
  progress: z.strictObject({
    done: z.int().describe('Images that the model has been run on'),
    total: z.int().nullable().describe('null until the ground truth is read'),
    images_per_second: z.number().nullable(),
    seconds_left: z.number().nullable().describe('Until all images are done; scoring comes after that'),
  }),
  created: when,
  started: when.optional(),
  finished: when.optional(),
  error: z.object({ code: z.enum(Object.keys(statusByCode) as [ErrorCode]), message: z.string() }).optional(),
});

export type JobRecord = z.output<typeof jobRecordSchema>;

/** One version of a model, until it is released. */
export interface BorrowedModel {
  readonly sha256: string;
  /** The answer for one picture, in JSON. @throws AppError. */
  readonly predict: (
    image: { readonly name: string; readonly bytes: Uint8Array },
    options: PredictOptions,
    signal: AbortSignal,
  ) => Promise<Uint8Array>;
  readonly release: () => void;
}

/** Where jobs get their models. */
export interface ModelLender {
  /** @throws AppError model_not_found, model_unavailable or task_mismatch. */
  readonly borrow: (id: string) => Promise<BorrowedModel>;
}
