import { lookup } from 'node:dns';
import http from 'node:http';
import https from 'node:https';
import type { LookupFunction } from 'node:net';
import ipaddr from 'ipaddr.js';
import type { EncodedImage } from '../engine.ts';
import { AppError, messageOf } from '../errors.ts';
import { collect } from './shared-bytes.ts';

const TIMEOUT_MS = 10_000;
const MAX_REDIRECTS = 3;

/** All that is given out of IPv6 (IANA, ipv6-address-space); outside lie old ways to write IPv4, such as ::127.0.0.1. */
const GLOBAL_UNICAST = ipaddr.IPv6.parseCIDR('2000::/3');

type AddressCheck = (address: string) => boolean;

/**
 * Fetches an image from the public internet. Every connection, also after a redirect, is refused unless the address
 * it really goes to is public: the check is in the socket's own name lookup, so that no second answer of a DNS server
 * can slip past it.
 * @param isAllowed which addresses count as public.
 * @throws AppError forbidden, url_fetch_failed or payload_too_large.
 */
export async function fetchImage(address: string, maxBytes: number, isAllowed = isPublic): Promise<EncodedImage> {
  const signal = AbortSignal.timeout(TIMEOUT_MS);
  let url = parse(address);
  for (let redirects = 0; redirects <= MAX_REDIRECTS; redirects++) {
    const response = await get(url, signal, isAllowed);
    const status = response.statusCode ?? 0;
    const { location } = response.headers;
    if (status >= 300 && status < 400 && location) {
      response.destroy();
      url = parse(location, url);
      continue;
    }
    if (status !== 200) {
      response.destroy();
      throw new AppError('url_fetch_failed', `${url.host} answered ${status}`);
    }
    return { name: url.pathname.split('/').at(-1) || 'image', bytes: await receive(response, maxBytes, url.host) };
  }
  throw new AppError('url_fetch_failed', `more than ${MAX_REDIRECTS} redirects`);
}

async function receive(response: http.IncomingMessage, maxBytes: number, host: string): Promise<Uint8Array> {
  try {
    return await collect(response, maxBytes);
  } catch (error) {
    if (error instanceof AppError && error.code !== 'aborted') throw error;
    throw new AppError('url_fetch_failed', `${host} broke off`, { cause: error });
  } finally {
    response.destroy();
  }
}

function parse(address: string, base?: URL): URL {
  const url = URL.canParse(address, base?.href) ? new URL(address, base) : undefined;
  if (url?.protocol !== 'http:' && url?.protocol !== 'https:') {
    throw new AppError('invalid_request', 'an image URL begins with http:// or https://');
  }
  if (url.username || url.password) throw new AppError('invalid_request', 'an image URL carries no credentials');
  return url;
}

function get(url: URL, signal: AbortSignal, isAllowed: AddressCheck): Promise<http.IncomingMessage> {
  // A literal address never goes through a lookup.
  const host = url.hostname.replace(/^\[|\]$/g, '');
  if (ipaddr.isValid(host) && !isAllowed(host)) throw refused();
  const { get: request } = url.protocol === 'https:' ? https : http;
  return new Promise((resolve, reject) => {
    const options = { signal, lookup: lookupOf(isAllowed), agent: false as const, headers: { accept: 'image/*' } };
    request(url, options, resolve).on('error', (error) => {
      if (error instanceof AppError) return reject(error);
      const why = signal.aborted ? `no answer within ${TIMEOUT_MS / 1000} s` : messageOf(error);
      return reject(new AppError('url_fetch_failed', `${url.host}: ${why}`, { cause: error }));
    });
  });
}

function lookupOf(isAllowed: AddressCheck): LookupFunction {
  return (hostname, options, callback) => {
    lookup(hostname, { ...options, all: true }, (error, addresses) => {
      if (error) return callback(error, [], 0);
      if (!addresses.every(({ address }) => isAllowed(address))) return callback(refused(), [], 0);
      const [first] = addresses;
      return options.all ? callback(null, addresses) : callback(null, first?.address ?? '', first?.family ?? 4);
    });
  };
}

/** Whether an address belongs to the public internet. */
export function isPublic(address: string): boolean {
  // ::ffff:10.0.0.1 is 10.0.0.1.
  const parsed = ipaddr.process(address);
  if (parsed instanceof ipaddr.IPv6 && !parsed.match(GLOBAL_UNICAST)) return false;
  return parsed.range() === 'unicast';
}

function refused(): AppError {
  return new AppError('forbidden', 'image URLs may not lead to private, local or reserved addresses');
}
