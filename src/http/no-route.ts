import type { RequestHandler } from 'express';
import { AppError } from '../errors.ts';
import { openApiDocument } from './openapi.ts';

/** The last route: 405 where the path takes other methods, else 404. */
export function noRoute(): RequestHandler {
  const routes = Object.entries(openApiDocument().paths as Record<string, object>).map(([path, operations]) => ({
    pattern: new RegExp(`^${path.replace(/\{\w+\}/g, '[^/]+')}/?$`, 'i'),
    methods: Object.keys(operations).filter((name) => name !== 'parameters'),
  }));
  return ({ method, path }, res) => {
    const allowed = routes.find(({ pattern }) => pattern.test(path))?.methods.map((name) => name.toUpperCase());
    if (!allowed) throw new AppError('not_found', `there is no ${method} ${path}; GET /docs lists what there is`);
    res.setHeader('Allow', allowed.join(', '));
    throw new AppError('method_not_allowed', `${path} takes ${allowed.join(' and ')}, not ${method}`);
  };
}
