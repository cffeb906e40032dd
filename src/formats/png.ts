import { crc32, deflateSync } from 'node:zlib';
import type { SourceFile } from './dataset.ts';

/** The samples of a PNG as they are in the file: grey levels unscaled, indices into a palette not looked up. */
export interface Samples {
  readonly width: number;
  readonly height: number;
  /** 1 for grey and indexed, 2 with alpha, 3 for RGB, 4 with alpha. */
  readonly channels: number;
  /** Row-major, the samples of a pixel together. */
  readonly data: Uint8Array | Uint16Array;
}

/**
 * Reads a PNG. Passed in, for no picture library is of use here: they show colours in the place of indices. Refuses
 * larger pictures than its caller wants to hold.
 */
export type DecodePng = (file: SourceFile) => Samples;

const SIGNATURE = Buffer.from('\x89PNG\r\n\x1a\n', 'latin1');

export function isPng(bytes: Uint8Array): boolean {
  return bytes.length >= SIGNATURE.length && SIGNATURE.every((byte, i) => bytes[i] === byte);
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
