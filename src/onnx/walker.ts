import type { FileHandle } from 'node:fs/promises';

export const wireTypes = { varint: 0, fixed64: 1, bytes: 2, fixed32: 5 } as const;

/** One field of a protobuf message in a file. Its content lies at [start, end); nothing of it has been read. */
export interface Field {
  readonly number: number;
  readonly wire: number;
  readonly start: number;
  readonly end: number;
  /** The value of a varint field; 0 for the others. Exact up to 2^53. */
  readonly value: number;
}

/** A malformed file: what is wrong and at which byte, without the file's name. */
export class FormatError extends Error {}

const windowBytes = 1 << 16;
/** A tag and a length or value: two varints of at most ten bytes each. */
const headerBytes = 20;
/** Far above any real graph (a field costs about a microsecond), and low enough that a hostile file ends soon. */
const maxFields = 8_000_000;
/** Only names, metadata and shapes are read whole. */
const maxMessageBytes = 16 << 20;

/**
 * Walks protobuf messages in a file without reading what it skips, so that a model of gigabytes costs as little as
 * its graph. Lengths are checked against the enclosing message before anything is read or allocated.
 */
export class Walker {
  readonly size: number;
  readonly #file: FileHandle;
  readonly #window = Buffer.allocUnsafe(windowBytes);
  #windowStart = 0;
  #windowEnd = 0;
  #fields = 0;

  constructor(file: FileHandle, size: number) {
    this.#file = file;
    this.size = size;
  }

  /** Calls `visit` with each field of the message in [start, end), in file order. @throws FormatError */
  async walk(start: number, end: number, visit: (field: Field) => Promise<void> | undefined): Promise<void> {
    let position = start;
    while (position < end) {
      if (position < this.#windowStart || Math.min(position + headerBytes, end) > this.#windowEnd) {
        await this.#fill(position);
      }
      const field = this.#header(position, end);
      position = field.end;
      const pending = visit(field);
      if (pending) await pending;
    }
  }

  /** The content of a small field. @throws FormatError where it is not small */
  async bytes(field: Field): Promise<Buffer> {
    const { start, end } = field;
    if (end - start > maxMessageBytes)
      throw new FormatError(`field at byte ${start} is too large: ${end - start} bytes`);
    if (start >= this.#windowStart && end <= this.#windowEnd) {
      return Buffer.from(this.#window.subarray(start - this.#windowStart, end - this.#windowStart));
    }
    const bytes = Buffer.alloc(end - start);
    if ((await this.#read(bytes, start)) < bytes.length)
      throw new FormatError(`the file became shorter while it was read`);
    return bytes;
  }

  async text(field: Field): Promise<string> {
    return (await this.bytes(field)).toString('utf8');
  }

  #header(position: number, end: number): Field {
    if (++this.#fields > maxFields) throw new FormatError(`more than ${maxFields} fields`);
    const available = Math.min(end, this.#windowEnd) - this.#windowStart;
    const tag = readVarint(this.#window, position - this.#windowStart, available);
    const number = Math.floor(tag.value / 8);
    const wire = tag.value % 8;
    if (number === 0) throw new FormatError(`field number 0 at byte ${position}`);
    const body = tag.next + this.#windowStart;
    if (wire === wireTypes.varint) {
      const { value, next } = readVarint(this.#window, tag.next, available);
      return { number, wire, value, start: body, end: next + this.#windowStart };
    }
    let start = body;
    let length: number;
    if (wire === wireTypes.fixed64) length = 8;
    else if (wire === wireTypes.fixed32) length = 4;
    else if (wire === wireTypes.bytes) {
      const { value, next } = readVarint(this.#window, tag.next, available);
      length = value;
      start = next + this.#windowStart;
    } else throw new FormatError(`wire type ${wire} at byte ${position}, which ONNX does not use`);
    if (length > end - start) {
      throw new FormatError(`truncated: a field at byte ${position} claims ${length} bytes, ${end - start} are left`);
    }
    return { number, wire, value: 0, start, end: start + length };
  }

  async #fill(position: number): Promise<void> {
    this.#windowStart = position;
    this.#windowEnd = position + (await this.#read(this.#window, position));
  }

  async #read(into: Buffer, position: number): Promise<number> {
    let filled = 0;
    while (filled < into.length) {
      const { bytesRead } = await this.#file.read(into, filled, into.length - filled, position + filled);
      if (bytesRead === 0) break;
      filled += bytesRead;
    }
    return filled;
  }
}

function readVarint(bytes: Uint8Array, offset: number, end: number): { value: number; next: number } {
  let value = 0;
  let scale = 1;
  for (let i = 0; i < 10; i++) {
    if (offset + i >= end) throw new FormatError('truncated: it ends within a number');
    const byte = bytes[offset + i]!;
    value += (byte & 0x7f) * scale;
    if (byte < 0x80) return { value, next: offset + i + 1 };
    scale *= 128;
  }
  throw new FormatError('a number of more than ten bytes');
}
