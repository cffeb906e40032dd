/** What a JSON object may hold, before anything is known about it. */
export type Json = Record<string, unknown>;

/** @throws RangeError unless `value` is an object. `what` names it, e.g. `annotations[3]`. */
export function asObject(value: unknown, what: string): Json {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new RangeError(`${what} must be an object, got ${show(value)}`);
  }
  return value as Json;
}

/** @throws RangeError unless `value` is an array. */
export function asArray(value: unknown, what: string): unknown[] {
  if (!Array.isArray(value)) throw new RangeError(`${what} must be an array, got ${show(value)}`);
  return value;
}

/** A list, or what can be gone through like one. @throws RangeError for anything else. */
export function asList(value: unknown, what: string): Iterable<unknown> {
  const isIterable = typeof value === 'object' && value !== null && Symbol.iterator in value;
  return isIterable ? (value as Iterable<unknown>) : asArray(value, what);
}

/** An id: a number, or its decimal digits as a string, which some writers use. @throws RangeError otherwise. */
export function asId(value: unknown, what: string): number {
  const id = typeof value === 'string' && /^\d+$/.test(value) ? Number(value) : value;
  if (!Number.isSafeInteger(id)) throw new RangeError(`${what} must be an integer, got ${show(value)}`);
  return id as number;
}

/** @throws RangeError unless `value` is a finite number. */
export function asNumber(value: unknown, what: string): number {
  if (typeof value !== 'number' || !Number.isFinite(value)) {
    throw new RangeError(`${what} must be a finite number, got ${show(value)}`);
  }
  return value;
}

/** @throws RangeError unless `value` is an array of `length` (any, where undefined) finite numbers. */
export function asNumbers(value: unknown, what: string, length?: number): number[] {
  const isRight = Array.isArray(value) && (length === undefined || value.length === length);
  if (!isRight || !value.every(Number.isFinite)) {
    throw new RangeError(`${what} must be ${length ?? 'an array of'} finite numbers, got ${show(value)}`);
  }
  return value as number[];
}

/** Names a few of many ids. */
export function listIds(ids: Iterable<number>): string {
  const all = [...ids];
  const rest = all.length > 5 ? ` and ${all.length - 5} more` : '';
  return `${all.slice(0, 5).join(', ')}${rest}`;
}

/** How much of a value a message shows. */
const SHOWN = 60;

/** The beginning of a value as JSON. It may nest deeper than the stack, or be larger than a string can be. */
function show(value: unknown): string {
  if (value === undefined) return 'nothing';
  let text = '';
  const isFull = () => text.length > SHOWN;
  const write = (part: unknown): void => {
    if (isFull()) return;
    if (typeof part !== 'object' || part === null) {
      text += JSON.stringify(typeof part === 'string' ? part.slice(0, SHOWN) : part) ?? String(part);
    } else if (Array.isArray(part)) {
      text += '[';
      for (let i = 0; i < part.length && !isFull(); i++) {
        if (i > 0) text += ',';
        write(part[i]);
      }
      text += ']';
    } else {
      text += '{';
      const keys = Object.keys(part);
      for (let i = 0; i < keys.length && !isFull(); i++) {
        text += `${i > 0 ? ',' : ''}${JSON.stringify(keys[i]!.slice(0, SHOWN))}:`;
        write((part as Json)[keys[i]!]);
      }
      text += '}';
    }
  };
  write(value);
  return isFull() ? `${text.slice(0, SHOWN)}…` : text;
}
