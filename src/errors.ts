/** Every way a request can fail, with the HTTP status it is answered with. */
export const statusByCode = {
  invalid_request: 400,
  invalid_option: 400,
  unknown_class: 400,
  task_mismatch: 400,
  unauthorized: 401,
  forbidden: 403,
  not_found: 404,
  model_not_found: 404,
  method_not_allowed: 405,
  conflict: 409,
  payload_too_large: 413,
  unsupported_media_type: 415,
  unsupported_image: 415,
  unreadable_image: 422,
  image_too_large: 422,
  unrecognised_model: 422,
  invalid_model: 422,
  internal: 500,
  inference_failed: 500,
  url_fetch_failed: 422,
  overloaded: 503,
  worker_lost: 503,
  model_unavailable: 503,
  provider_unavailable: 503,
  shutting_down: 503,
  timeout: 504,
  aborted: 499,
} as const satisfies Record<string, number>;

export type ErrorCode = keyof typeof statusByCode;

/** An error as plain data, the shape in which it crosses a thread. */
export interface ErrorData {
  readonly code: ErrorCode;
  readonly message: string;
  readonly retryAfter?: number;
}

/** The one error class of Miru. Its message is written for the person who sent the request. */
export class AppError extends Error {
  readonly code: ErrorCode;
  /** Seconds after which the same request may succeed. */
  readonly retryAfter: number | undefined;

  constructor(code: ErrorCode, message: string, options: { cause?: unknown; retryAfter?: number } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'AppError';
    this.code = code;
    this.retryAfter = options.retryAfter;
  }

  get status(): number {
    return statusByCode[this.code];
  }

  toData(): ErrorData {
    return {
      code: this.code,
      message: this.message,
      ...(this.retryAfter === undefined ? {} : { retryAfter: this.retryAfter }),
    };
  }

  static fromData(data: ErrorData): AppError {
    return new AppError(data.code, data.message, data.retryAfter === undefined ? {} : { retryAfter: data.retryAfter });
  }
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
