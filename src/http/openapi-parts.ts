import { z } from 'zod';
import { statusByCode } from '../errors.ts';

export type Json = Record<string, unknown>;

export const binary = { type: 'string', contentMediaType: 'application/octet-stream' };

/** A method of a path; everything but `answers` is answered with a problem. */
export function operation(tag: string, summary: string, answers: Record<number, Json>): Json {
  const codes = [...new Set(Object.values(statusByCode))].join(', ');
  const problem = {
    description: `A problem (RFC 9457): ${codes}`,
    content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
  };
  // What orchestrators ask needs no key.
  const security = tag === 'running' ? { security: [] } : {};
  return { tags: [tag], summary, ...security, responses: { ...answers, default: problem } };
}

export function json(description: string, schema: z.ZodType): Json {
  return { description, content: { 'application/json': { schema: toSchema(schema) } } };
}

export function toSchema(schema: z.ZodType): Json {
  const { $schema: _dialect, ...rest } = z.toJSONSchema(schema, { target: 'draft-2020-12', io: 'output' });
  return rest;
}

/** Options that may come in the query. */
export function toParameters(properties: Readonly<Record<string, Json>>): Json[] {
  return Object.entries(properties).map(([name, schema]) => ({
    name,
    in: 'query',
    schema,
    description: schema.description,
  }));
}
