import type { Readable } from 'node:stream';
import { setImmediate } from 'node:timers/promises';
import { AppError } from '../errors.ts';

/** Hundreds of megabytes are copied in bits of a few milliseconds, between which other requests get their turn. */
const COPY_BYTES = 2 * 2 ** 20;

/**
 * Reads a stream into shared memory, from where every worker can read it without a copy. Past the limit the stream is
 * left as it is: destroying a request would close the connection under its answer.
 * @param received bytes so far, where several streams share one limit.
 * @throws AppError payload_too_large past `limit` bytes, aborted when the stream breaks off.
 */
export async function collect(stream: Readable, limit: number, received = { length: 0 }): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  try {
    for await (const chunk of stream.iterator({ destroyOnReturn: false })) {
      length += (chunk as Uint8Array).length;
      received.length += (chunk as Uint8Array).length;
      if (received.length > limit) throw tooLarge(limit);
      chunks.push(chunk as Uint8Array);
    }
  } catch (error) {
    if (error instanceof AppError) throw error;
    throw new AppError('aborted', 'the upload broke off', { cause: error });
  }
  const bytes = new Uint8Array(new SharedArrayBuffer(length));
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.length;
    if (at % COPY_BYTES < chunk.length && at >= COPY_BYTES) await setImmediate();
  }
  return bytes;
}

export function tooLarge(limit: number): AppError {
  return new AppError('payload_too_large', `the request is larger than ${(limit / 2 ** 20).toFixed(1)} MiB`);
}
