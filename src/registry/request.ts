const MAX_REDIRECTS = 5;
const REDIRECTS = [301, 302, 303, 307, 308];

/** An address that cannot be followed, however often it is tried. */
export class Refusal extends Error {}

/**
 * GET, along redirects: never from https to http.
 * @throws Refusal, or what fetch throws.
 */
export async function follow(url: string, headers: Record<string, string>, signal: AbortSignal): Promise<Response> {
  let place = new URL(url);
  for (let hops = 0; hops <= MAX_REDIRECTS; hops++) {
    const response = await fetch(place.href, { headers, signal, redirect: 'manual' });
    const location = response.headers.get('location');
    if (!REDIRECTS.includes(response.status) || location === null) return response;
    await response.body?.cancel();
    if (!URL.canParse(location, place.href)) throw new Refusal('sends elsewhere, but not to an address');
    const next = new URL(location, place);
    if (next.protocol !== 'https:' && next.protocol !== place.protocol) {
      throw new Refusal(`sends to ${next.protocol}//${next.host}, and only https is followed`);
    }
    place = next;
  }
  throw new Refusal(`sends elsewhere more than ${MAX_REDIRECTS} times`);
}

const reasons: Readonly<Record<string, string>> = {
  ENOTFOUND: 'its name is not known here',
  EAI_AGAIN: 'its name cannot be looked up',
  ECONNREFUSED: 'the connection was refused',
  ECONNRESET: 'the connection was cut',
  EPIPE: 'the connection was cut',
  ENETUNREACH: 'there is no network',
  EHOSTUNREACH: 'there is no way to it',
  ETIMEDOUT: 'it does not answer',
  UND_ERR_SOCKET: 'the connection was cut',
  UND_ERR_CONNECT_TIMEOUT: 'it does not answer',
  UND_ERR_RES_CONTENT_LENGTH_MISMATCH: 'the connection was cut',
};

const unreachable = ['ENOTFOUND', 'EAI_AGAIN', 'ECONNREFUSED', 'ENETUNREACH', 'EHOSTUNREACH'];

/** No server, or no network. */
export function isUnreachable(error: unknown): boolean {
  return (
    error instanceof Error &&
    (('code' in error && unreachable.includes(String(error.code))) || isUnreachable(error.cause))
  );
}

/** fetch says “fetch failed” or “terminated”; why is in the causes. */
export function networkReason(error: unknown): string {
  let last = '';
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    const known = 'code' in cause ? reasons[String(cause.code)] : undefined;
    if (known) return known;
    last = cause.message || last;
  }
  return last || String(error);
}

/** Milliseconds that `Retry-After` asks for: seconds, or a date. */
export function retryAfterMs(response: Response): number | undefined {
  const text = response.headers.get('retry-after');
  if (text === null) return undefined;
  const ms = /^\d+$/.test(text) ? 1000 * Number(text) : Date.parse(text) - Date.now();
  return Number.isFinite(ms) ? Math.max(0, ms) : undefined;
}
