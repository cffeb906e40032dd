import { AppError, type ErrorCode, messageOf } from '../errors.ts';

/** 1: a request or a file failed. 2: the command was used wrongly. 130: stopped by Ctrl-C, as shells have it. */
export type ExitCode = 1 | 2 | 130;

/** Ends a command with a message for its user. */
export class CommandError extends Error {
  readonly exitCode: ExitCode;

  constructor(message: string, exitCode: ExitCode = 1, options?: ErrorOptions) {
    super(message, options);
    this.name = 'CommandError';
    this.exitCode = exitCode;
  }
}

export function usage(message: string): CommandError {
  return new CommandError(message, 2);
}

/** Failures of one picture; the next one may do better. Any other would meet every picture alike. */
const pictureCodes: ReadonlySet<ErrorCode> = new Set([
  'payload_too_large',
  'unsupported_image',
  'unreadable_image',
  'image_too_large',
  'inference_failed',
  'worker_lost',
  'overloaded',
  'timeout',
]);

export function isOfOnePicture(error: unknown): boolean {
  return error instanceof AppError ? pictureCodes.has(error.code) : isSystemError(error);
}

export function exitCodeOf(error: unknown): ExitCode {
  if (error instanceof CommandError) return error.exitCode;
  return error instanceof AppError && error.code === 'invalid_option' ? 2 : 1;
}

const reasons: Record<string, string> = {
  ENOENT: 'no such file or folder',
  EACCES: 'permission denied',
  EISDIR: 'is a folder',
  ENOTDIR: 'is not a folder',
  EEXIST: 'is already there',
  ENOSPC: 'no space left on the disk',
  EADDRINUSE: 'another program listens there',
};

/**
 * One line for a person; the operating system's codes in words.
 * @param about the file that the line begins with already.
 */
export function explain(error: unknown, about?: string): string {
  const reason = isSystemError(error) ? reasons[error.code] : undefined;
  if (!reason) return messageOf(error).replaceAll(/\s*\n\s*/g, ' ');
  const { path, port } = error as SystemError;
  const place = path ?? (port && `port ${port}`);
  return place && place !== about ? `${place}: ${reason}` : reason;
}

interface SystemError extends Error {
  readonly code: string;
  readonly syscall: string;
  readonly path?: string;
  readonly port?: number;
}

function isSystemError(error: unknown): error is SystemError {
  return error instanceof Error && 'syscall' in error && 'code' in error;
}

/** Whoever read our output has seen enough, as `head` does. */
export function isClosedPipe(error: unknown): boolean {
  return isSystemError(error) && error.code === 'EPIPE';
}
