import { setTimeout as sleep } from 'node:timers/promises';
import { AppError } from '../errors.ts';
import { attempt, type Wanted } from './attempt.ts';
import type { PartialFile } from './partial-file.ts';

export interface DownloadOptions {
  readonly signal: AbortSignal;
  /** Called with the bytes that are there. */
  readonly onProgress: (bytes: number) => void;
  /** Called with what did not go well, and what is done about it. */
  readonly onTrouble: (message: string) => void;
  /** Milliseconds without a byte after which a connection is given up. */
  readonly stallMs?: number;
  /** Milliseconds before the second try; twice as many before each one after it. */
  readonly retryMs?: number;
}

/** Tries of one address in a row that brought nothing. */
const MAX_TRIES = 4;
/** Fewer new bytes than this are no progress: a server that sends one at a time must come to an end. */
const PROGRESS = 64 * 1024;
/** A server that wants more time than this is left for the next one. */
const MAX_RETRY_AFTER_MS = 60_000;

/**
 * Completes `file` from the first address that has the right bytes. What is there already is asked for no more, whoever
 * sent it: whether the whole is right is decided by its sha256.
 * @throws AppError url_fetch_failed saying what each address did; the system's error where the disk is full; an AbortError.
 */
export async function download(
  urls: readonly string[],
  file: PartialFile,
  wanted: Wanted,
  options: DownloadOptions,
): Promise<void> {
  if (wanted.bytes !== undefined && file.size >= wanted.bytes) {
    if ((await file.sha256()) === wanted.sha256) return;
    await file.restart();
  }
  options.onProgress(file.size);
  const failures: string[] = [];
  for (const url of urls) {
    const failure = await fromOne(url, file, wanted, options);
    if (failure === undefined) return;
    failures.push(`${new URL(url).host}: ${failure}`);
    if (failures.length < urls.length)
      options.onTrouble(`${failures.at(-1)}; trying ${new URL(urls[failures.length]!).host}`);
  }
  throw new AppError('url_fetch_failed', failures.join('; '));
}

/** @returns why this address is given up, or undefined where the file is complete. */
async function fromOne(
  url: string,
  file: PartialFile,
  wanted: Wanted,
  { signal, onProgress, onTrouble, stallMs = 30_000, retryMs = 1000 }: DownloadOptions,
): Promise<string | undefined> {
  let validator: string | undefined;
  let reached = file.size;
  let mayMix = true;
  let hasAnswered = false;
  for (let tries = 1; ; tries++) {
    const outcome = await attempt(url, file, wanted, { validator, stallMs, signal, onProgress });
    if (outcome.kind === 'refused') return outcome.reason;
    if (outcome.kind === 'complete') {
      const sha256 = await file.sha256();
      if (sha256 === wanted.sha256) return undefined;
      await file.restart();
      onProgress(0);
      const wrong = `has a file with the sha256 ${sha256} where ${wanted.sha256} is expected`;
      // Bytes of two versions of a file may have met; those of one answer are what they are.
      if (outcome.from === 0 || !mayMix) return wrong;
      mayMix = false;
      onTrouble('the parts do not fit together; starting again');
      continue;
    }
    // Without a network, waiting helps only where there was one a moment ago.
    if (outcome.isUnreachable && !hasAnswered) return outcome.reason;
    hasAnswered = true;
    if (file.size >= reached + PROGRESS) tries = 1;
    reached = Math.max(reached, file.size);
    const wait = outcome.retryAfterMs ?? retryMs * 2 ** (tries - 1);
    if (tries >= MAX_TRIES || wait > MAX_RETRY_AFTER_MS) return outcome.reason;
    validator = outcome.validator ?? validator;
    onTrouble(`${new URL(url).host}: ${outcome.reason}; trying again`);
    await sleep(wait, undefined, { signal });
  }
}
