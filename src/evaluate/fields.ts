import { z } from 'zod';

const DECIMAL = /^\s*[+-]?(\d+(\.\d*)?|\.\d+)(e[+-]?\d+)?\s*$/i;

/** Query and form values are strings, JSON values are not; both mean the same. What is neither stays, for the schema to refuse. */
function toNumber(value: unknown): unknown {
  return typeof value === 'string' && DECIMAL.test(value) ? Number(value) : value;
}

/** `1,10`, `[1, 10]`, `["1", "10"]` and `["1,10"]` alike. */
function toItems(value: unknown): unknown {
  const read = fromJsonText(value);
  if (Array.isArray(read)) return read.flatMap((item) => (typeof item === 'string' ? item.split(',') : [item]));
  return typeof read === 'string' ? read.split(',') : read;
}

/** A form has only text for what is nested. */
function fromJsonText(value: unknown): unknown {
  if (typeof value !== 'string' || !/^\s*[[{]/.test(value)) return value;
  try {
    return JSON.parse(value);
  } catch {
    return value;
  }
}

export const numeric = <S extends z.ZodType>(schema: S) => z.preprocess(toNumber, schema);

export const numbers = <S extends z.ZodType>(item: S, most: number) =>
  z.preprocess((value) => {
    const items = toItems(value);
    if (typeof items === 'number') return [items];
    return Array.isArray(items) ? items.map(toNumber) : items;
  }, z.array(item).min(1).max(most));

export const names = (most: number) =>
  z.preprocess(
    (value) => {
      const read = fromJsonText(value);
      return typeof read === 'string' ? read.split(',').map((name) => name.trim()) : read;
    },
    z.array(z.string().min(1).max(200)).min(1).max(most),
  );

export const nested = <S extends z.ZodType>(schema: S) => z.preprocess(fromJsonText, schema);

export const bool = z.preprocess((value) => {
  if (typeof value === 'number') return { 1: true, 0: false }[value] ?? value;
  if (typeof value !== 'string') return value;
  return { true: true, '1': true, false: false, '0': false }[value.toLowerCase()] ?? value;
}, z.boolean());
