import { messageOf } from '../errors.ts';
import type { SourceFile } from './dataset.ts';
import { fail } from './fail.ts';

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const [OPEN_ARRAY, CLOSE_ARRAY, OPEN_OBJECT, CLOSE_OBJECT] = [0x5b, 0x5d, 0x7b, 0x7d];

/** Large enough that parsing costs little more than at once, small enough to be forgotten quickly. */
const BATCH_BYTES = 2 ** 20;

/** The text of a file as UTF-8, without a byte order mark. @throws AppError for more text than V8 puts in one string. */
export function textOfFile({ name, bytes }: SourceFile): string {
  try {
    return view(bytes)
      .toString('utf8')
      .replace(/^\uFEFF/, '');
  } catch (error) {
    return fail(`${name} is too long to be read at once: ${bytes.length} bytes`, error);
  }
}

/** @throws AppError naming the file and the place where it stops being JSON. */
export function parseJson(file: SourceFile): unknown {
  try {
    return JSON.parse(textOfFile(file));
  } catch (error) {
    return refuse(file.name, error);
  }
}

/**
 * The entries of a file that is one JSON array, a part of the file at a time: for results files of hundreds of
 * megabytes, of which neither the text nor all entries need be in memory at once.
 * @throws AppError naming the file and the place where it stops being JSON.
 */
export function* jsonItems({ name, bytes }: SourceFile): Generator<unknown, void, undefined> {
  const buffer = view(bytes);
  let start = firstByte(buffer);
  if (buffer[start] !== OPEN_ARRAY) fail(`${name} must be a JSON array`);
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
      if (depth === 0 && isKey) yield buffer.toString('utf8', i + 1, Math.min(end, i + 100));
      isKey = false;
      i = end;
    } else if (byte === OPEN_ARRAY || byte === OPEN_OBJECT) depth++;
    else if (byte === CLOSE_ARRAY || byte === CLOSE_OBJECT) depth--;
    else if (byte === COMMA && depth === 0) isKey = true;
  }
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
    return refuse(`${name}, from byte ${start}`, error);
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

function refuse(what: string, error: unknown): never {
  const hint = /\b(?:NaN|Infinity)\b|'[NI]'/.test(messageOf(error)) ? ' (NaN and Infinity are not JSON)' : '';
  return fail(`${what} is not JSON: ${messageOf(error)}${hint}`, error);
}
