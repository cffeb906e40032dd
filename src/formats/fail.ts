import { AppError } from '../errors.ts';

/** @throws AppError invalid_request: every complaint about a data set is one about what was sent. */
export function fail(message: string, cause?: unknown): never {
  throw new AppError('invalid_request', message, cause === undefined ? {} : { cause });
}
