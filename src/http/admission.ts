import type { RequestHandler } from 'express';
import { AppError } from '../errors.ts';

/** Uploads that are being received and wait for a worker may hold this much memory together. */
const MAX_BUFFERED_BYTES = 512 * 2 ** 20;

/**
 * Turns a request away before its body is read when the queue is full or too much is being uploaded already: the 503
 * comes at once, and costs nothing.
 */
export function admit({ pool }: { readonly pool: { checkRoom(): void } }, maxUploadBytes: number): RequestHandler {
  let buffered = 0;
  return (req, res, next) => {
    pool.checkRoom();
    const declared = Number(req.headers['content-length'] ?? maxUploadBytes);
    const bytes = Math.min(declared, maxUploadBytes);
    if (buffered > 0 && buffered + bytes > MAX_BUFFERED_BYTES) {
      throw new AppError('overloaded', 'too much is being uploaded at the moment; try again later', { retryAfter: 1 });
    }
    buffered += bytes;
    res.once('close', () => {
      buffered -= bytes;
    });
    next();
  };
}
