import { AppError, type ErrorCode, statusByCode } from '../errors.ts';
import { CommandError, usage } from './failure.ts';

/** A running Miru server, as its HTTP API has it. */
export class ApiClient {
  readonly #base: URL;
  readonly #headers: Record<string, string>;

  /** @throws CommandError unless `server` is an http(s) URL. */
  constructor(server: string, key: string | undefined) {
    if (!/^https?:\/\//i.test(server) || !URL.canParse(server)) {
      throw usage(`--server: expected a URL such as http://localhost:8080, got ${server}`);
    }
    this.#base = new URL(server.endsWith('/') ? server : `${server}/`);
    this.#headers = key ? { authorization: `Bearer ${key}` } : {};
  }

  /**
   * @param path below the server's URL, without a leading slash.
   * @throws AppError as the server reports it, CommandError where no Miru answers.
   */
  async request(method: string, path: string, body?: FormData, signal?: AbortSignal): Promise<Uint8Array> {
    const init = { method, headers: this.#headers, ...(body && { body }), ...(signal && { signal }) };
    const { response, bytes } = await this.#fetch(new URL(path, this.#base), init);
    if (response.ok) return bytes;
    throw toError(response, bytes);
  }

  async #fetch(url: URL, init: RequestInit) {
    try {
      const response = await fetch(url, init);
      return { response, bytes: new Uint8Array(await response.arrayBuffer()) };
    } catch (error) {
      if (init.signal?.aborted) throw new AppError('aborted', 'interrupted', { cause: error });
      const { cause } = error as Error;
      const reason = cause instanceof Error ? cause.message || (cause as NodeJS.ErrnoException).code : error;
      throw new CommandError(`${this.#base.origin} cannot be reached: ${reason}`, 1, { cause: error });
    }
  }
}

function toError({ status, statusText, headers, url }: Response, body: Uint8Array): Error {
  const problem = parseProblem(body);
  if (!problem) return new CommandError(`${url} answered ${status} ${statusText}; is it a Miru server?`);
  const retryAfter = Number(headers.get('retry-after') ?? Number.NaN);
  return new AppError(problem.code, problem.detail, Number.isFinite(retryAfter) ? { retryAfter } : {});
}

function parseProblem(body: Uint8Array): { code: ErrorCode; detail: string } | undefined {
  try {
    const { code, detail } = JSON.parse(new TextDecoder().decode(body));
    return Object.hasOwn(statusByCode, code) && typeof detail === 'string' ? { code, detail } : undefined;
  } catch {
    return undefined;
  }
}
