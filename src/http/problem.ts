import type { ErrorRequestHandler, Request, Response } from 'express';
import type { Logger } from 'pino';
import { AppError, type ErrorCode, statusByCode } from '../errors.ts';

/** RFC 9457. */
export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly code: ErrorCode;
}

/** Messages repeat names from the request, which may be as long as the request. */
const MAX_DETAIL = 4_000;

export function toProblem(error: AppError): Problem {
  const title = error.code.replaceAll('_', ' ');
  return {
    type: `urn:miru:problem:${error.code}`,
    title: title.charAt(0).toUpperCase() + title.slice(1),
    status: error.status,
    detail: error.message.length > MAX_DETAIL ? `${error.message.slice(0, MAX_DETAIL)}…` : error.message,
    code: error.code,
  };
}

export function sendProblem(res: Response, error: AppError): void {
  const problem = toProblem(error);
  if (error.retryAfter !== undefined) res.setHeader('Retry-After', String(error.retryAfter));
  res.status(problem.status).type('application/problem+json').send(JSON.stringify(problem));
}

/** Express's own errors carry a status; the few it can have here, as ours. */
const codeByStatus: Record<number, ErrorCode> = {
  400: 'invalid_request',
  404: 'not_found',
  413: 'payload_too_large',
  415: 'unsupported_media_type',
};

/** The last handler: whatever was thrown becomes a problem. Unknown errors hide their message and go to the log. */
export function handleErrors(logger: Logger): ErrorRequestHandler {
  return (thrown: unknown, req: Request, res: Response, _next) => {
    const error = toAppError(thrown);
    if (error.status >= 500 && error.code !== 'overloaded') {
      logger.error({ err: error.cause ?? thrown, path: req.path, code: error.code }, error.message);
    }
    // What the client still sends is read and dropped, so that it gets to read the answer.
    req.resume();
    if (res.headersSent || res.destroyed) res.destroy();
    else sendProblem(res, error);
  };
}

function toAppError(thrown: unknown): AppError {
  if (thrown instanceof AppError) return thrown;
  const status = (thrown as { status?: unknown } | null)?.status;
  const code = typeof status === 'number' ? codeByStatus[status] : undefined;
  if (code && thrown instanceof Error && statusByCode[code] === status)
    return new AppError(code, thrown.message, { cause: thrown });
  return new AppError('internal', 'something went wrong on the server; its log says what', { cause: thrown });
}
