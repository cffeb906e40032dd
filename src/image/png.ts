import { crc32, deflateSync, inflateSync } from 'node:zlib';
import { AppError, messageOf } from '../errors.ts';

/** The numbers of a PNG, as they are in the file: indices into a palette stay indices. */
export interface PngSamples {
  readonly width: number;
  readonly height: number;
  /** Samples per pixel: 1 for grey and indexed, 2 with alpha, 3 for RGB, 4 with alpha. */
  readonly channels: number;
  /** height·width·channels. */
  readonly data: Uint8Array | Uint16Array;
}

interface Header {
  readonly width: number;
  readonly height: number;
  readonly depth: number;
  readonly channels: number;
}

const SIGNATURE = Buffer.from('\x89PNG\r\n\x1a\n', 'latin1');
/** As many pixels as the server takes unless it is told otherwise. */
const MAX_PIXELS = 64_000_000;
/** Samples per pixel by the colour type of the PNG specification; 3 is indexed. */
const CHANNELS: Readonly<Record<number, number>> = { 0: 1, 2: 3, 3: 1, 4: 2, 6: 4 };
const DEPTHS = [1, 2, 4, 8, 16];

export function isPng(bytes: Uint8Array): boolean {
  return SIGNATURE.every((byte, i) => bytes[i] === byte);
}

/**
 * Reads a PNG without looking at its palette, gamma or colour profile: what libraries for pictures apply, and what label
 * maps must not suffer.
 * @throws AppError unreadable_image or image_too_large naming the file.
 */
export function readPngSamples(bytes: Uint8Array, name: string, maxPixels = MAX_PIXELS): PngSamples {
  const refuse = (why: string): never => {
    throw new AppError('unreadable_image', `${name}: ${why}`);
  };
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (!isPng(bytes)) refuse('label maps must be PNG files');
  const { header, data } = readChunks(file, refuse);
  const { width, height, depth, channels } = header;
  if (width * height > maxPixels) {
    throw new AppError('image_too_large', `${name}: ${width}×${height} pixels are more than ${maxPixels}`);
  }
  const stride = Math.ceil((width * channels * depth) / 8);
  const length = height * (stride + 1);
  let rows: Buffer;
  try {
    rows = inflateSync(data, { maxOutputLength: length });
  } catch (error) {
    return refuse(`its pixels cannot be read: ${messageOf(error)}`);
  }
  if (rows.length < length) refuse('it is cut short');
  unfilter(rows, height, stride, Math.max(1, (channels * depth) / 8), refuse);
  return { width, height, channels, data: unpack(rows, header, stride) };
}

/** Writes grey (1 channel) or RGB (3) pictures of 8 bits. */
export function encodePng(width: number, height: number, channels: 1 | 3, data: Uint8Array): Uint8Array {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header[8] = 8;
  header[9] = channels === 1 ? 0 : 2;
  const rowBytes = width * channels;
  const rows = new Uint8Array((rowBytes + 1) * height);
  for (let y = 0; y < height; y++) rows.set(data.subarray(y * rowBytes, (y + 1) * rowBytes), y * (rowBytes + 1) + 1);
  return Buffer.concat([
    SIGNATURE,
    chunk('IHDR', header),
    chunk('IDAT', deflateSync(rows)),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}

function chunk(type: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  const framed = Buffer.alloc(body.length + 8);
  framed.writeUInt32BE(data.length, 0);
  body.copy(framed, 4);
  framed.writeUInt32BE(crc32(body), framed.length - 4);
  return framed;
}

/** The header, and the compressed pixels of all IDAT chunks. */
function readChunks(file: Buffer, refuse: (why: string) => never): { header: Header; data: Buffer } {
  let header: Header | undefined;
  const parts: Buffer[] = [];
  for (let at = SIGNATURE.length; at + 12 <= file.length; ) {
    const end = at + 8 + file.readUInt32BE(at);
    if (end + 4 > file.length) refuse('it is cut short');
    const type = file.toString('latin1', at + 4, at + 8);
    if (type === 'IHDR') header = readHeader(file.subarray(at + 8, end), refuse);
    else if (type === 'IDAT') parts.push(file.subarray(at + 8, end));
    else if (type === 'IEND') break;
    at = end + 4;
  }
  if (!header || parts.length === 0) return refuse('it has no pixels');
  return { header, data: Buffer.concat(parts) };
}

function readHeader(chunk: Buffer, refuse: (why: string) => never): Header {
  if (chunk.length !== 13) refuse('its header is broken');
  const [width, height] = [chunk.readUInt32BE(0), chunk.readUInt32BE(4)];
  const depth = chunk[8]!;
  const channels = CHANNELS[chunk[9]!];
  if (width === 0 || height === 0 || !channels || !DEPTHS.includes(depth)) return refuse('its header is broken');
  if (chunk[12] !== 0) refuse('interlaced PNG files are not read as label maps; save it without interlacing');
  return { width, height, depth, channels };
}

/** Undoes the row filters of the PNG specification in place. `step`: bytes from a sample to the one left of it. */
function unfilter(rows: Buffer, height: number, stride: number, step: number, refuse: (why: string) => never): void {
  for (let y = 0; y < height; y++) {
    const row = y * (stride + 1);
    const filter = rows[row]!;
    if (filter > 4) refuse(`row ${y} has the unknown filter ${filter}`);
    if (filter === 0) continue;
    for (let x = 1; x <= stride; x++) {
      const left = x > step ? rows[row + x - step]! : 0;
      const up = y > 0 ? rows[row + x - stride - 1]! : 0;
      const upLeft = x > step && y > 0 ? rows[row + x - stride - 1 - step]! : 0;
      rows[row + x]! += predictor(filter, left, up, upLeft);
    }
  }
}

function predictor(filter: number, left: number, up: number, upLeft: number): number {
  if (filter === 1) return left;
  if (filter === 2) return up;
  if (filter === 3) return (left + up) >> 1;
  const estimate = left + up - upLeft;
  const [a, b, c] = [Math.abs(estimate - left), Math.abs(estimate - up), Math.abs(estimate - upLeft)];
  if (a <= b && a <= c) return left;
  return b <= c ? up : upLeft;
}

function unpack(rows: Buffer, { width, height, depth, channels }: Header, stride: number): Uint8Array | Uint16Array {
  const perRow = width * channels;
  const data = depth === 16 ? new Uint16Array(height * perRow) : new Uint8Array(height * perRow);
  const mask = 2 ** depth - 1;
  for (let y = 0; y < height; y++) {
    const row = y * (stride + 1) + 1;
    const to = y * perRow;
    if (depth === 8) data.set(rows.subarray(row, row + perRow), to);
    else if (depth === 16) for (let i = 0; i < perRow; i++) data[to + i] = rows.readUInt16BE(row + 2 * i);
    else {
      for (let i = 0; i < perRow; i++) {
        const bit = i * depth;
        data[to + i] = (rows[row + (bit >> 3)]! >> (8 - depth - (bit & 7))) & mask;
      }
    }
  }
  return data;
}
