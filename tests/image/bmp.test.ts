import { describe, expect, it } from 'vitest';
import { decodeBmp, readBmpHeader } from '../../src/image/bmp.ts';
import { openPicture } from '../../src/image/picture.ts';

interface Bitmap {
  readonly width?: number;
  readonly height?: number;
  readonly bits?: number;
  readonly compression?: number;
  readonly headerSize?: number;
  readonly colours?: number;
  /** Blue, green, red, reserved. */
  readonly palette?: readonly number[];
  readonly pixels?: readonly number[];
}

/** BITMAPFILEHEADER, BITMAPINFOHEADER, palette, pixels. */
function bitmap(b: Bitmap): Uint8Array {
  const palette = b.palette ?? [];
  const head = Buffer.alloc(54);
  head.write('BM', 'latin1');
  head.writeUInt32LE(54 + palette.length, 10);
  head.writeUInt32LE(b.headerSize ?? 40, 14);
  head.writeInt32LE(b.width ?? 2, 18);
  head.writeInt32LE(b.height ?? 1, 22);
  head.writeUInt16LE(1, 26);
  head.writeUInt16LE(b.bits ?? 24, 28);
  head.writeUInt32LE(b.compression ?? 0, 30);
  head.writeUInt32LE(b.colours ?? palette.length / 4, 46);
  return Buffer.concat([head, Buffer.from(palette), Buffer.from(b.pixels ?? [])]);
}

const decode = (file: Uint8Array) => [...decodeBmp(file, readBmpHeader(file))];
// Two pixels a row, padded to eight bytes: red, green / blue, white as blue-green-red.
const upper = [0, 0, 255, 0, 255, 0, 9, 9];
const lower = [255, 0, 0, 255, 255, 255, 9, 9];
const rgb = [255, 0, 0, 0, 255, 0, 0, 0, 255, 255, 255, 255];

describe('BMP', () => {
  it('reads rows from the bottom, and from the top where the height is negative', () => {
    expect(decode(bitmap({ height: 2, pixels: [...lower, ...upper] }))).toEqual(rgb);
    expect(decode(bitmap({ height: -2, pixels: [...upper, ...lower] }))).toEqual(rgb);
  });

  it('reads 32 bits without the fourth byte', () => {
    expect(decode(bitmap({ bits: 32, pixels: [1, 2, 3, 77, 4, 5, 6, 88] }))).toEqual([3, 2, 1, 6, 5, 4]);
  });

  it('reads palettes; an index past the end is the last colour', () => {
    const palette = [1, 2, 3, 0, 4, 5, 6, 0];
    expect(decode(bitmap({ bits: 8, palette, pixels: [0, 200, 0, 0] }))).toEqual([3, 2, 1, 6, 5, 4]);
  });

  it('reads a palette that claims more colours than there are bytes for as 256 at most', () => {
    const palette = Array.from({ length: 1024 }, (_, i) => (i >> 2) & 255);
    const file = bitmap({ bits: 8, palette, colours: 0xffff_ffff, pixels: [7, 255, 0, 0] });
    expect(decode(file)).toEqual([7, 7, 7, 255, 255, 255]);
  });

  it.each([
    ['a header cut short', bitmap({}).subarray(0, 40), 'unreadable_image'],
    ['pixels cut short', bitmap({ pixels: upper.slice(0, 7) }), 'unreadable_image'],
    ['a palette past the end', bitmap({ bits: 8, colours: 256, pixels: [0, 0, 0, 0] }), 'unreadable_image'],
    ['width 0', bitmap({ width: 0 }), 'unreadable_image'],
    ['a negative width', bitmap({ width: -2 }), 'unreadable_image'],
    ['height 0', bitmap({ height: 0 }), 'unreadable_image'],
    ['the one height without a negative', bitmap({ height: -0x8000_0000 }), 'unreadable_image'],
    ['an OS/2 header', bitmap({ headerSize: 12 }), 'unreadable_image'],
    [
      'a header that never ends',
      bitmap({ bits: 8, headerSize: 0xffff_ffff, pixels: [0, 0, 0, 0] }),
      'unreadable_image',
    ],
    ['run lengths', bitmap({ bits: 8, compression: 1 }), 'unsupported_image'],
    ['one bit per pixel', bitmap({ bits: 1 }), 'unsupported_image'],
    ['a JPEG inside', bitmap({ bits: 0, compression: 4 }), 'unsupported_image'],
    ['too many pixels', bitmap({ width: 0x7fff_ffff, height: 0x7fff_ffff }), 'image_too_large'],
  ])('refuses %s', async (_what, file, code) => {
    const decoded = openPicture(file, { maxPixels: 1_000_000 }).then((picture) => picture.pixels());
    await expect(decoded).rejects.toMatchObject({ code });
  });
});
