import { createHash, timingSafeEqual } from 'node:crypto';
import type { RequestHandler } from 'express';
import { AppError } from '../errors.ts';

/** Asks for one of `keys`, as `Authorization: Bearer …` or `X-API-Key`. Without keys the server is open. */
export function requireKey(keys: readonly string[]): RequestHandler {
  const digests = keys.map(digest);
  return (req, _res, next) => {
    if (digests.length > 0) {
      const bearer = /^Bearer (.+)$/i.exec(req.headers.authorization ?? '')?.[1];
      const key = bearer ?? req.get('x-api-key');
      if (key === undefined) {
        throw new AppError('unauthorized', 'this server asks for a key: Authorization: Bearer …, or X-API-Key');
      }
      const given = digest(key);
      if (!digests.some((known) => timingSafeEqual(known, given)))
        throw new AppError('forbidden', 'this key is not known');
    }
    next();
  };
}

/** Keys of any length compare in constant time. */
function digest(key: string): Buffer {
  return createHash('sha256').update(key).digest();
}

/**
 * Refuses changes that a web page of another origin asks for: a form on a stranger's page can post to localhost, and
 * browsers say so in Origin.
 */
export const sameOriginOnly: RequestHandler = (req, _res, next) => {
  const { origin } = req.headers;
  if (origin && req.method !== 'GET' && (!URL.canParse(origin) || new URL(origin).host !== req.headers.host)) {
    throw new AppError('forbidden', `pages of ${origin} may not change what this server serves`);
  }
  next();
};
