import { AppError } from '../errors.ts';
import type { Job } from '../evaluations/job.ts';
import { toProblem } from './problem.ts';

/** A job as the API answers it, but for its result. */
export function viewOf({ record: { error, ...record } }: Job) {
  return { ...record, ...(error && { error: toProblem(AppError.fromData(error)) }) };
}
