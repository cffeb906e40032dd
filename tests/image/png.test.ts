import { crc32, deflateSync } from 'node:zlib';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { readPngSamples } from '../../src/image/png.ts';

const MAX = 1_000_000;

function chunk(type: string, data: Uint8Array): Buffer {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32BE(data.length);
  sum.writeUInt32BE(crc32(body));
  return Buffer.concat([length, body, sum]);
}

/** A PNG of unfiltered rows, each with its filter byte. */
function png(width: number, height: number, depth: number, type: number, rows: number[], interlace = 0): Buffer {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([depth, type, 0, 0, interlace], 8);
  const palette =
    type === 3
      ? [
          chunk(
            'PLTE',
            Uint8Array.from({ length: 48 }, (_, i) => i * 5),
          ),
        ]
      : [];
  const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
  const pixels = deflateSync(Uint8Array.from(rows));
  const parts = [chunk('IDAT', pixels.subarray(0, 3)), chunk('IDAT', pixels.subarray(3))];
  return Buffer.concat([signature, chunk('IHDR', header), ...palette, ...parts, chunk('IEND', Buffer.alloc(0))]);
}

const read = (bytes: Uint8Array) => readPngSamples(bytes, 'a.png', MAX);

describe('numbers stay as they are in the file', () => {
  it.each<[string, Buffer, number[]]>([
    ['indexed, 8 bits', png(2, 2, 8, 3, [0, 7, 1, 0, 0, 15]), [7, 1, 0, 15]],
    ['indexed, 4 bits, padded', png(3, 1, 4, 3, [0, 0x12, 0xf0]), [1, 2, 15]],
    ['indexed, 2 bits', png(5, 1, 2, 3, [0, 0b00_01_10_11, 0b01_00_00_00]), [0, 1, 2, 3, 1]],
    ['indexed, 1 bit', png(3, 2, 1, 3, [0, 0b10100000, 0, 0b01000000]), [1, 0, 1, 0, 1, 0]],
    ['grey, 4 bits, not stretched to 255', png(2, 1, 4, 0, [0, 0x2f]), [2, 15]],
    ['grey, 16 bits', png(2, 1, 16, 0, [0, 0x01, 0x02, 0xff, 0xff]), [258, 65_535]],
  ])('%s', (_, bytes, labels) => {
    const { data, channels } = read(bytes);
    expect(channels).toBe(1);
    expect([...data]).toEqual(labels);
  });

  it.each([1, 3, 4] as const)('every row filter, %i channels', async (channels) => {
    const [width, height] = [37, 29];
    const pixels = Uint8Array.from({ length: width * height * channels }, (_, i) => (i * i * 31 + (i >> 3)) & 255);
    const raw = { width, height, channels };
    const filtered = await sharp(pixels, { raw })
      .toColourspace(channels === 1 ? 'b-w' : 'srgb')
      .png({ adaptiveFiltering: true })
      .toBuffer();
    const samples = read(filtered);
    expect(samples.channels).toBe(channels);
    expect(Buffer.from(samples.data).equals(pixels)).toBe(true);
  });

  it('filters by hand: left, up, mean and Paeth', () => {
    const rows = [1, 10, 5, 5, 2, 1, 1, 1, 3, 10, 0, 0, 4, 1, 2, 3];
    const { data } = read(png(3, 4, 8, 0, rows));
    // 10 15 20 | 11 16 21 | 15 15 18 | 16 18 21
    expect([...data]).toEqual([10, 15, 20, 11, 16, 21, 15, 15, 18, 16, 18, 21]);
  });
});

describe('what is no such file is refused', () => {
  const good = png(2, 2, 8, 3, [0, 7, 1, 0, 0, 15]);
  it.each<[string, Buffer, RegExp]>([
    ['a JPEG', Buffer.from([0xff, 0xd8, 0xff]), /must be PNG/],
    ['nothing', Buffer.alloc(0), /must be PNG/],
    ['half a file', good.subarray(0, 60), /cut short|no pixels/],
    ['no pixels', good.subarray(0, 33), /no pixels/],
    ['too few rows', png(2, 3, 8, 3, [0, 7, 1, 0, 0, 15]), /cut short/],
    ['more pixels than it says', png(1, 1, 8, 3, [0, 7, 1, 0, 0, 15]), /cannot be read/],
    ['an unknown filter', png(2, 1, 8, 0, [9, 1, 2]), /filter 9/],
    ['interlaced', png(2, 2, 8, 3, [0, 7, 1, 0, 0, 15], 1), /interlac/],
    ['no width', png(0, 2, 8, 3, [0]), /header/],
    ['an unknown colour type', png(2, 2, 8, 5, [0]), /header/],
    ['beyond the limit', png(2 ** 20, 2 ** 20, 8, 0, [0]), /more than 1000000/],
  ])('%s', (_, bytes, message) => {
    expect(() => read(bytes)).toThrow(message);
    expect(() => read(bytes)).toThrow('a.png');
  });
});
