import { isUtf8 } from 'node:buffer';
import { AppError, messageOf } from '../errors.ts';
import type { SourceFile } from './dataset.ts';
import { fail } from './fail.ts';
import { quote } from './names.ts';

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const [OPEN_ARRAY, CLOSE_ARRAY, OPEN_OBJECT, CLOSE_OBJECT] = [0x5b, 0x5d, 0x7b, 0x7d];

/**
 * What is parsed in one piece becomes up to sixteen times as large in memory, and nothing can stop it half-way. Long lists
 * of whole data sets are read in parts and have no such bound.
 */
const MAX_WHOLE_BYTES = 128 * 2 ** 20;

/** Large enough that parsing costs little more than at once, small enough to be forgotten quickly. */
const BATCH_BYTES = 2 ** 20;

/** The text of a file, without a byte order mark. @throws AppError unless it is UTF-8, and for more than V8 puts in one string. */
export function textOfFile({ name, bytes }: SourceFile): string {
  checkEncoding(name, bytes);
  return decode(name, view(bytes)).replace(/^\uFEFF/, '');
}

/** @throws AppError naming the file and the place where it stops being JSON. */
export function parseJson(file: SourceFile): unknown {
  checkWhole(file.name, file.bytes.length);
  return parseText(textOfFile(file), file.name);
}

/**
 * The entries of a file that is one JSON array, a part of the file at a time: for results files of hundreds of
 * megabytes, of which neither the text nor all entries need be in memory at once.
 * @throws AppError naming the file and the place where it stops being JSON.
 */
export function jsonItems({ name, bytes }: SourceFile): Generator<unknown, void, undefined> {
  checkEncoding(name, bytes);
  return itemsOf(name, view(bytes), 0);
}

/** As `jsonItems`, as often as it is gone through. */
export function jsonList(file: SourceFile): Iterable<unknown> {
  return { [Symbol.iterator]: () => jsonItems(file) };
}

/**
 * A file that is one JSON object, with those lists of its outermost level that `isLong` names not read but to be gone
 * through, as often as need be, a part of the file at a time. Any other file is read whole.
 * @throws AppError naming the file and the place where it stops being JSON; for the lists, when they are gone through.
 */
export function parseJsonLists(file: SourceFile, isLong: (key: string) => boolean): unknown {
  checkEncoding(file.name, file.bytes);
  const buffer = view(file.bytes);
  const lists = new Map<string, Iterable<unknown>>();
  const around: string[] = [];
  let at = 0;
  for (const { key, start, end } of topLevelValues(buffer)) {
    if (buffer[start] !== OPEN_ARRAY || !isLong(key)) lists.delete(key);
    else {
      around.push(decode(file.name, buffer.subarray(at, start)));
      at = end;
      lists.set(key, { [Symbol.iterator]: () => itemsOf(file.name, buffer.subarray(0, end), start) });
    }
  }
  if (around.length === 0) return parseJson(file);
  // An empty list stands where one was taken out; what is around them is JSON exactly if the file is.
  const rest = [...around, decode(file.name, buffer.subarray(at))].join('[]').replace(/^\uFEFF/, '');
  checkWhole(`${file.name}, beside its lists of images and annotations,`, rest.length);
  const value = parseText(rest, file.name) as Record<string, unknown>;
  // Of values with one key, the last counts.
  for (const [key, list] of lists) if (Array.isArray(value[key])) value[key] = list;
  return value;
}

function checkWhole(what: string, bytes: number): void {
  if (bytes <= MAX_WHOLE_BYTES) return;
  const detail = `${what} has ${toMib(bytes)} of JSON; up to ${toMib(MAX_WHOLE_BYTES)} are read in one piece`;
  throw new AppError('payload_too_large', detail);
}

function toMib(bytes: number): string {
  return `${Math.ceil(bytes / 2 ** 20)} MiB`;
}

function* itemsOf(name: string, buffer: Buffer, from: number): Generator<unknown, void, undefined> {
  let start = firstByte(buffer, from);
  if (buffer[start] !== OPEN_ARRAY) fail(`${name} must be a JSON array${beginning(buffer, start)}`);
  start++;
  let depth = 0;
  let i = start;
  for (; i < buffer.length && depth >= 0; i++) {
    const byte = buffer[i];
    if (byte === QUOTE) i = endOfString(buffer, i);
    else if (byte === OPEN_ARRAY || byte === OPEN_OBJECT) depth++;
    else if (byte === CLOSE_ARRAY || byte === CLOSE_OBJECT) depth--;
    else if (byte === COMMA && depth === 0 && i - start >= BATCH_BYTES) {
      yield* parseItems(buffer, start, i, name, true);
      start = i + 1;
    }
  }
  if (depth >= 0 || buffer[i - 1] !== CLOSE_ARRAY) fail(`${name} is cut short: its array is not closed`);
  if (firstByte(buffer, i) < buffer.length) fail(`${name} goes on after its array, at byte ${firstByte(buffer, i)}`);
  yield* parseItems(buffer, start, i - 1, name, buffer[start - 1] === COMMA);
}

/** The keys of the outermost object in the order of the file, without reading what they hold; none for other JSON. */
export function* topLevelKeys({ bytes }: SourceFile): Generator<string, void, undefined> {
  const buffer = view(bytes);
  const start = firstByte(buffer);
  if (buffer[start] !== OPEN_OBJECT) return;
  let depth = 0;
  let isKey = true;
  for (let i = start + 1; i < buffer.length && depth >= 0; i++) {
    const byte = buffer[i];
    if (byte === QUOTE) {
      const end = endOfString(buffer, i);
      if (depth === 0 && isKey) yield keyOf(buffer, i, end);
      isKey = false;
      i = end;
    } else if (byte === OPEN_ARRAY || byte === OPEN_OBJECT) depth++;
    else if (byte === CLOSE_ARRAY || byte === CLOSE_OBJECT) depth--;
    else if (byte === COMMA && depth === 0) isKey = true;
  }
}

/** The lists and objects that the outermost object has, from their first bracket to behind their last. */
function* topLevelValues(buffer: Buffer): Generator<{ key: string; start: number; end: number }, void, undefined> {
  const first = firstByte(buffer);
  if (buffer[first] !== OPEN_OBJECT) return;
  let depth = 0;
  let key: string | undefined;
  let start = 0;
  for (let i = first + 1; i < buffer.length && depth >= 0; i++) {
    const byte = buffer[i];
    if (byte === QUOTE) {
      const end = endOfString(buffer, i);
      if (depth === 0) key ??= keyOf(buffer, i, end);
      i = end;
    } else if (byte === OPEN_ARRAY || byte === OPEN_OBJECT) {
      if (depth++ === 0) start = i;
    } else if (byte === CLOSE_ARRAY || byte === CLOSE_OBJECT) {
      if (--depth === 0 && key !== undefined) yield { key, start, end: i + 1 };
    } else if (byte === COMMA && depth === 0) key = undefined;
  }
}

/** @param open the quote it begins with. */
function keyOf(buffer: Buffer, open: number, close: number): string {
  return buffer.toString('utf8', open + 1, Math.min(close, open + 100));
}

/** The first byte that is neither blank nor of a byte order mark: `{` or `[` in JSON worth reading. */
export function firstByte(buffer: Uint8Array, from = 0): number {
  let i = from;
  if (i === 0 && buffer[0] === 0xef && buffer[1] === 0xbb && buffer[2] === 0xbf) i = 3;
  while (i < buffer.length && (buffer[i] === 0x20 || (buffer[i]! >= 0x09 && buffer[i]! <= 0x0d))) i++;
  return i;
}

/** The same memory as a Buffer, which reads shared memory too. */
export function view(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function parseItems(buffer: Buffer, start: number, end: number, name: string, mayNotBeEmpty: boolean): unknown[] {
  let items: unknown[];
  try {
    items = JSON.parse(`[${buffer.toString('utf8', start, end)}]`);
  } catch (error) {
    return refuse(name, error, ` (in bytes ${start} to ${end})`);
  }
  if (items.length === 0 && mayNotBeEmpty) fail(`${name} has a comma without an entry after it, at byte ${start - 1}`);
  return items;
}

/** The closing quote, or the end of the buffer. */
function endOfString(buffer: Buffer, open: number): number {
  for (let i = open + 1; i < buffer.length; i++) {
    if (buffer[i] === BACKSLASH) i++;
    else if (buffer[i] === QUOTE) return i;
  }
  return buffer.length;
}

function checkEncoding(name: string, bytes: Uint8Array): void {
  const isUtf16 = (bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff);
  if (isUtf16 || !isUtf8(bytes)) fail(`${name} is ${isUtf16 ? 'UTF-16' : 'not UTF-8'} text; save it as UTF-8`);
}

function decode(name: string, buffer: Buffer): string {
  try {
    return buffer.toString('utf8');
  } catch (error) {
    return fail(`${name} is too long to be read at once: ${buffer.length} bytes`, error);
  }
}

/** What stands in the place of what was expected. */
function beginning(buffer: Buffer, at: number): string {
  return at < buffer.length ? `, but begins with ${quote(buffer.toString('utf8', at, at + 20))}` : ', but is empty';
}

function parseText(text: string, name: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    return refuse(name, error);
  }
}

function refuse(name: string, error: unknown, where = ''): never {
  const hint = /\b(?:NaN|Infinity)\b|'[NI]'/.test(messageOf(error)) ? ' (NaN and Infinity are not JSON)' : '';
  // Where only a part was parsed, its positions say nothing of the file.
  const message = where ? messageOf(error).replace(/ (?:in JSON )?at position \d+.*$/, '') : messageOf(error);
  return fail(`${name} is not JSON: ${message}${where}${hint}`, error);
}
