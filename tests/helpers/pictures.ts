import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { crc32, deflateSync } from 'node:zlib';
import sharp from 'sharp';

export type PictureFormat = 'jpeg' | 'png' | 'webp' | 'gif' | 'tiff' | 'avif';

/** A photo of a cat, 451×300. */
export const cat = new Uint8Array(readFileSync(resolve('samples/chelsea.png')));

/** A small JPEG of it, in which the default detector still finds the cat. */
export function smallCat(width = 300, format: PictureFormat = 'jpeg'): Promise<Buffer> {
  return sharp(cat).resize(width).toFormat(format).toBuffer();
}

/** A picture of one colour. */
export function plain(width: number, height: number, format: PictureFormat = 'png'): Promise<Buffer> {
  return sharp({ create: { width, height, channels: 3, background: '#c04020' } })
    .toFormat(format)
    .toBuffer();
}

/** A picture that takes long to decode: noise, which nothing compresses. */
export function noise(width: number, height: number): Promise<Buffer> {
  return sharp({
    create: { width, height, channels: 3, background: 'grey', noise: { type: 'gaussian', mean: 128, sigma: 60 } },
  })
    .png({ compressionLevel: 1 })
    .toBuffer();
}

/** The values of an 8-bit grey PNG; anything else is refused. */
export async function greyValues(png: Uint8Array) {
  const { channels, width, height, depth } = await sharp(png).metadata();
  if (channels !== 1 || depth !== 'uchar') throw new Error(`expected 8-bit grey, got ${channels} of ${depth}`);
  return { width, height, values: await sharp(png).toColourspace('b-w').raw().toBuffer() };
}

/** A PNG file that says whatever one likes. */
export function pngFile(header: Partial<PngHeader>, idat: Uint8Array): Buffer {
  const { width = 8, height = 8, bitDepth = 8, colourType = 2 } = header;
  const ihdr = Buffer.alloc(13);
  ihdr.writeUInt32BE(width, 0);
  ihdr.writeUInt32BE(height, 4);
  ihdr[8] = bitDepth;
  ihdr[9] = colourType;
  const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
  return Buffer.concat([signature, chunk('IHDR', ihdr), chunk('IDAT', idat), chunk('IEND', Buffer.alloc(0))]);
}

interface PngHeader {
  readonly width: number;
  readonly height: number;
  readonly bitDepth: number;
  readonly colourType: number;
}

function chunk(type: string, data: Uint8Array): Buffer {
  const head = Buffer.alloc(8);
  head.writeUInt32BE(data.length);
  head.write(type, 4, 'latin1');
  const tail = Buffer.alloc(4);
  tail.writeUInt32BE(crc32(Buffer.concat([head.subarray(4), data])));
  return Buffer.concat([head, data, tail]);
}

/** 30,000 × 30,000 pixels in a few bytes. */
export const bomb = pngFile({ width: 30_000, height: 30_000 }, deflateSync(Buffer.alloc(1000)));

/** A JPEG whose header declares another size than its data has. */
export async function jpegDeclaring(width: number, height: number): Promise<Buffer> {
  const file = await smallCat(64);
  const sof = file.indexOf(Buffer.from([0xff, 0xc0]));
  file.writeUInt16BE(height, sof + 5);
  file.writeUInt16BE(width, sof + 7);
  return file;
}

/** A GIF whose canvas is of another size than its frame. */
export async function gifDeclaring(width: number, height: number): Promise<Buffer> {
  const file = await smallCat(64, 'gif');
  file.writeUInt16LE(width, 6);
  file.writeUInt16LE(height, 8);
  return file;
}

/** An extended WebP whose canvas is of another size than its frame. */
export async function webpDeclaring(width: number, height: number): Promise<Buffer> {
  const file = await sharp(cat).resize(64).ensureAlpha(0.5).webp().toBuffer();
  file.writeUIntLE(width - 1, 24, 3);
  file.writeUIntLE(height - 1, 27, 3);
  return file;
}

/** Three frames, 40×30: red, green, blue. */
export async function animation(format: 'gif' | 'webp'): Promise<Buffer> {
  const frames = await Promise.all(
    ['#f00', '#0f0', '#00f'].map((background) =>
      sharp({ create: { width: 40, height: 30, channels: 3, background } })
        .raw()
        .toBuffer(),
    ),
  );
  const raw = { width: 40, height: 90, channels: 3, pageHeight: 30 } as const;
  return sharp(Buffer.concat(frames), { raw }).toFormat(format, { loop: 0 }).toBuffer();
}

/**
 * A picture as a camera stores it: pixels turned, and the EXIF orientation (1–8, TIFF 6.0 / Exif 2.3 table 6) that
 * turns them back.
 */
export async function storedAs(orientation: number, upright: Uint8Array, format: PictureFormat): Promise<Buffer> {
  const { data, info } = await sharp(upright).removeAlpha().raw().toBuffer({ resolveWithObject: true });
  const isTransposed = orientation >= 5;
  const [width, height] = isTransposed ? [info.height, info.width] : [info.width, info.height];
  const stored = Buffer.alloc(data.length);
  for (let row = 0; row < height; row++) {
    for (let column = 0; column < width; column++) {
      const [x, y] = seenAt(orientation, row, column, width, height);
      data.copy(stored, 3 * (row * width + column), 3 * (y * info.width + x), 3 * (y * info.width + x) + 3);
    }
  }
  return sharp(stored, { raw: { width, height, channels: 3 } })
    .toFormat(format, format === 'jpeg' ? { quality: 100, chromaSubsampling: '4:4:4' } : {})
    .withMetadata({ orientation })
    .toBuffer();
}

/** Where a stored pixel is seen: "the 0th row is the visual top, the 0th column the visual left", and so on. */
function seenAt(orientation: number, row: number, column: number, width: number, height: number): [number, number] {
  const right = width - 1 - column;
  const bottom = height - 1 - row;
  const places: Record<number, [number, number]> = {
    1: [column, row],
    2: [right, row],
    3: [right, bottom],
    4: [column, bottom],
    5: [row, column],
    6: [bottom, column],
    7: [bottom, right],
    8: [row, right],
  };
  return places[orientation]!;
}
