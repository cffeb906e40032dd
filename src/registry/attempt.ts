import type { PartialFile } from './partial-file.ts';
import { follow, isUnreachable, networkReason, Refusal, retryAfterMs } from './request.ts';

export interface Wanted {
  readonly sha256: string;
  /** How many there are, where that is known. */
  readonly bytes: number | undefined;
  /** More than this are not taken. */
  readonly maxBytes: number;
}

export interface AttemptOptions {
  /** What an earlier answer of this address called the file, for If-Range. */
  readonly validator: string | undefined;
  /** Milliseconds without a byte after which the connection is given up. */
  readonly stallMs: number;
  readonly signal: AbortSignal;
  /** Bytes that are there. */
  readonly onProgress: (bytes: number) => void;
}

export type Outcome =
  /** All bytes that the server has; `from` of them were there before this answer. */
  | { readonly kind: 'complete'; readonly from: number }
  /** The same address may do better. */
  | {
      readonly kind: 'interrupted';
      readonly reason: string;
      /** Whether nobody was there to answer. */
      readonly isUnreachable?: boolean;
      readonly validator?: string | undefined;
      readonly retryAfterMs?: number | undefined;
    }
  /** It will not. */
  | { readonly kind: 'refused'; readonly reason: string };

/**
 * Asks one address, once, for the bytes that `file` lacks, and appends what comes.
 * @throws the system's error where the file cannot be written, an AbortError where `signal` says stop.
 */
export async function attempt(
  url: string,
  file: PartialFile,
  wanted: Wanted,
  options: AttemptOptions,
): Promise<Outcome> {
  const connection = new AbortController();
  const timer = setTimeout(() => connection.abort(), options.stallMs);
  const signal = AbortSignal.any([options.signal, connection.signal]);
  const interrupted = (error: unknown, validator?: string) => {
    options.signal.throwIfAborted();
    const silent = `sent nothing for ${options.stallMs / 1000} s`;
    return {
      kind: 'interrupted' as const,
      reason: connection.signal.aborted ? silent : networkReason(error),
      validator,
    };
  };
  try {
    const response = await follow(url, headersFor(file, options.validator), signal).catch((error: unknown) => error);
    if (response instanceof Refusal) return { kind: 'refused', reason: response.message };
    if (!(response instanceof Response)) return { ...interrupted(response), isUnreachable: isUnreachable(response) };
    timer.refresh();
    const problem = await inspect(response, file, wanted);
    if (problem) return problem;
    const from = file.size;
    const validator = validatorOf(response);
    const reader = response.body?.getReader();
    for (;;) {
      const piece = await reader?.read().catch((error: unknown) => interrupted(error, validator));
      if (piece && 'kind' in piece) return piece;
      if (!piece?.value) break;
      timer.refresh();
      if (file.size + piece.value.length > (wanted.bytes ?? wanted.maxBytes)) {
        await file.restart();
        return { kind: 'refused', reason: `sends more than ${wanted.bytes ?? wanted.maxBytes} bytes` };
      }
      await file.append(piece.value);
      options.onProgress(file.size);
    }
    if (wanted.bytes === undefined || file.size === wanted.bytes) return { kind: 'complete', from };
    return { kind: 'interrupted', reason: `ended after ${file.size} of ${wanted.bytes} bytes`, validator };
  } finally {
    clearTimeout(timer);
    // Nothing is left to read, or nobody left to read it.
    connection.abort();
  }
}

function headersFor(file: PartialFile, validator: string | undefined): Record<string, string> {
  return {
    'user-agent': 'miru',
    // Ranges count the bytes that travel.
    'accept-encoding': 'identity',
    ...(file.size > 0 && { range: `bytes=${file.size}-` }),
    ...(file.size > 0 && validator !== undefined && { 'if-range': validator }),
  };
}

/** Why this answer's body is not to be read; otherwise the file is ready to take it. */
async function inspect(response: Response, file: PartialFile, wanted: Wanted): Promise<Outcome | undefined> {
  const { status, headers } = response;
  if (status === 416) return afterTheEnd(headers, file);
  if (status !== 200 && status !== 206) return failed(response);
  if (/^(text\/html|application\/xhtml)/i.test(headers.get('content-type') ?? '')) {
    return { kind: 'refused', reason: 'answers with a web page instead of the file' };
  }
  const expected = wanted.bytes;
  if (status === 206) {
    const [, start, total] = /^bytes (\d+)-\d+\/(\d+|\*)$/i.exec(headers.get('content-range') ?? '') ?? [];
    if (Number(start) === file.size && (expected === undefined || total === '*' || Number(total) === expected)) return;
    await file.restart();
    return { kind: 'interrupted', reason: 'sends another part of the file than it was asked for' };
  }
  if (file.size > 0) await file.restart();
  const length = headers.get('content-length');
  if (length === null || headers.has('content-encoding')) return undefined;
  if (expected !== undefined && Number(length) !== expected) {
    return { kind: 'refused', reason: `has a file of ${length} bytes where ${expected} are expected` };
  }
  if (Number(length) <= wanted.maxBytes) return undefined;
  return { kind: 'refused', reason: `has a file of ${length} bytes; at most ${wanted.maxBytes} are taken` };
}

/** 416: the server's file ends where ours does, or is another one. */
async function afterTheEnd(headers: Headers, file: PartialFile): Promise<Outcome> {
  const from = file.size;
  if (from > 0 && headers.get('content-range') === `bytes */${from}`) return { kind: 'complete', from };
  await file.restart();
  return { kind: 'interrupted', reason: 'answers 416 Range Not Satisfiable' };
}

function failed(response: Response): Outcome {
  const { status, statusText } = response;
  const reason = `answers ${status} ${statusText}`.trim();
  const isPassing = status >= 500 || [408, 425, 429].includes(status);
  return isPassing
    ? { kind: 'interrupted', reason, retryAfterMs: retryAfterMs(response) }
    : { kind: 'refused', reason };
}

/** If-Range takes no weak tags. */
function validatorOf({ headers }: Response): string | undefined {
  const tag = headers.get('etag');
  return tag && !tag.startsWith('W/') ? tag : undefined;
}
