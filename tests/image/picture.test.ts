import { deflateSync } from 'node:zlib';
import sharp, { type Sharp } from 'sharp';
import { describe, expect, it } from 'vitest';
import { openPicture } from '../../src/image/picture.ts';
import {
  animation,
  bomb,
  cat,
  gifDeclaring,
  jpegDeclaring,
  plain,
  pngFile,
  smallCat,
  storedAs,
  webpDeclaring,
} from '../helpers/pictures.ts';

const limits = { maxPixels: 64_000_000 };
const open = (bytes: Uint8Array) => openPicture(bytes, limits);
const pixelsOf = async (bytes: Uint8Array) => (await open(bytes)).pixels();

/** The largest difference between two pictures' bytes. */
function difference(a: Uint8Array, b: Uint8Array): number {
  expect(a.length).toBe(b.length);
  return a.reduce((most, value, i) => Math.max(most, Math.abs(value - b[i]!)), 0);
}

describe('orientation', () => {
  it.each([1, 2, 3, 4, 5, 6, 7, 8])('EXIF %i is turned upright, pixel by pixel', async (orientation) => {
    const upright = await smallCat(60, 'png');
    const picture = await open(await storedAs(orientation, upright, 'png'));
    expect(picture).toMatchObject({ width: 60, height: 40 });
    expect(difference(await picture.pixels(), await pixelsOf(upright))).toBe(0);
    const size = { width: 30, height: 20 };
    const resized = await picture.resized(size, 'linear');
    expect(difference(resized, await (await open(upright)).resized(size, 'linear'))).toBeLessThanOrEqual(2);
  });

  it.each(['jpeg', 'webp', 'tiff', 'avif'] as const)('%s', async (format) => {
    const picture = await open(await storedAs(6, await smallCat(60, 'png'), format));
    expect(picture).toMatchObject({ width: 60, height: 40 });
    expect(await picture.pixels()).toHaveLength(60 * 40 * 3);
  });

  it.each([1, 6, 8])('EXIF %i: a part is cut out of the upright picture', async (orientation) => {
    const upright = await sharp(cat).resize(60, 40).png().toBuffer();
    const picture = await open(await storedAs(orientation, upright, 'png'));
    const region = { left: 10, top: 5, width: 30, height: 20 };
    const expected = await sharp(upright).extract(region).removeAlpha().raw().toBuffer();
    expect(await picture.resized(region, 'linear', region)).toEqual(expected);
  });

  it.each([0, 9, 255])('the meaningless orientation %i changes nothing', async (orientation) => {
    const file = await sharp(cat).resize(60, 40).jpeg().withMetadata({ orientation: 6 }).toBuffer();
    // The tag 0x0112, type SHORT, count 1, then the value, in either byte order.
    const at = Math.max(file.indexOf('12010300', 'hex'), file.indexOf('01120003', 'hex'));
    expect(at).toBeGreaterThan(0);
    const value = file.indexOf(6, at + 8);
    file[value] = orientation;
    expect(await open(file)).toMatchObject({ width: 60, height: 40 });
  });
});

describe('colour', () => {
  it.each([
    ['CMYK JPEG', (s: Sharp) => s.toColourspace('cmyk').jpeg()],
    ['CMYK TIFF', (s: Sharp) => s.toColourspace('cmyk').tiff()],
    ['16-bit PNG', (s: Sharp) => s.toColourspace('rgb16').png()],
    ['transparent PNG', (s: Sharp) => s.ensureAlpha(0.2).png()],
    ['progressive JPEG', (s: Sharp) => s.jpeg({ progressive: true })],
    ['lossless WebP', (s: Sharp) => s.webp({ lossless: true })],
    ['AVIF', (s: Sharp) => s.avif({ quality: 90 })],
    ['palette PNG', (s: Sharp) => s.png({ palette: true })],
    ['GIF', (s: Sharp) => s.gif()],
  ])('%s is seen as it looks', async (_what, encode) => {
    const red = sharp({ create: { width: 20, height: 10, channels: 3, background: { r: 200, g: 40, b: 30 } } });
    const [r, g, b] = (await pixelsOf(await encode(red).toBuffer())) as unknown as [number, number, number];
    expect(Math.abs(r - 200)).toBeLessThan(30);
    expect(Math.abs(g - 40)).toBeLessThan(40);
    expect(Math.abs(b - 30)).toBeLessThan(40);
  });

  it.each([
    ['8-bit grey', (s: Sharp) => s.toColourspace('b-w').png()],
    ['16-bit grey', (s: Sharp) => s.toColourspace('grey16').png()],
    ['grey with alpha', (s: Sharp) => s.ensureAlpha(0.3).toColourspace('b-w').png()],
    ['grey JPEG', (s: Sharp) => s.toColourspace('b-w').jpeg()],
  ])('%s becomes three equal channels', async (_what, encode) => {
    const grey = sharp({ create: { width: 8, height: 8, channels: 3, background: { r: 120, g: 120, b: 120 } } });
    const pixels = await pixelsOf(await encode(grey.greyscale()).toBuffer());
    expect(pixels).toHaveLength(8 * 8 * 3);
    expect(new Set([pixels[0], pixels[1], pixels[2]]).size).toBe(1);
    expect(Math.abs(pixels[0]! - 120)).toBeLessThan(4);
  });

  it('alpha is dropped, not blended: what a transparent pixel holds is seen', async () => {
    const data = Buffer.from([10, 200, 30, 0]);
    const file = await sharp(data, { raw: { width: 1, height: 1, channels: 4 } })
      .png()
      .toBuffer();
    expect([...(await pixelsOf(file))]).toEqual([10, 200, 30]);
  });
});

describe('animation', () => {
  it.each(['gif', 'webp'] as const)('%s: the first frame alone', async (format) => {
    const picture = await open(await animation(format));
    expect(picture).toMatchObject({ width: 40, height: 30 });
    const [r, g, b] = (await picture.pixels()) as unknown as [number, number, number];
    expect(r).toBeGreaterThan(240);
    expect(Math.max(g, b)).toBeLessThan(15);
  });
});

describe('refusals', () => {
  it.each([
    ['an empty file', () => Buffer.alloc(0), 'unsupported_image'],
    ['text', () => Buffer.from('hello, world'), 'unsupported_image'],
    ['SVG', () => Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>'), 'unsupported_image'],
    ['a 30,000 × 30,000 PNG', () => bomb, 'image_too_large'],
    ['a 0 × 0 PNG', () => pngFile({ width: 0, height: 0 }, deflateSync('')), 'unreadable_image'],
    ['a PNG of garbage', () => pngFile({}, Buffer.from('garbage')), 'unreadable_image'],
    ['a PNG with too few pixels', () => pngFile({ height: 99 }, deflateSync(Buffer.alloc(50))), 'unreadable_image'],
    ['a PNG of a depth there is not', () => pngFile({ bitDepth: 3 }, deflateSync('')), 'unreadable_image'],
    ['a 65,535 × 65,535 JPEG', () => jpegDeclaring(65_535, 65_535), /image_too_large|unreadable_image/],
    ['a JPEG without height', () => jpegDeclaring(64, 0), 'unreadable_image'],
    ['a WebP canvas larger than its frame', () => webpDeclaring(16_000, 16_000), 'unreadable_image'],
    ['a WebP canvas smaller than its frame', () => webpDeclaring(4, 4), 'unreadable_image'],
    ['a TIFF directory past the end', () => Buffer.from('II*\0\xf0\xff\xff\xff', 'latin1'), 'unreadable_image'],
    ['a film', () => Buffer.from(`\0\0\0\x18ftypmp42${'\0'.repeat(64)}`, 'latin1'), 'unreadable_image'],
  ])('%s', async (_what, make, code) => {
    const decoded = pixelsOf(await make());
    const pattern = typeof code === 'string' ? new RegExp(`^${code}$`) : code;
    await expect(decoded).rejects.toMatchObject({ code: expect.stringMatching(pattern) });
  });

  it.each(['jpeg', 'png', 'webp', 'gif', 'avif'] as const)('a truncated %s, wherever it is cut', async (format) => {
    const file = await smallCat(120, format);
    for (const share of [0.02, 0.3, 0.7, 0.97]) {
      const cut = file.subarray(0, Math.floor(file.length * share));
      await expect(pixelsOf(cut), `${share}`).rejects.toMatchObject({
        code: expect.stringMatching(/^un(readable|supported)_image$/),
      });
    }
  });

  it('tells the size that was too large', async () => {
    await expect(openPicture(await plain(100, 50), { maxPixels: 4999 })).rejects.toMatchObject({
      code: 'image_too_large',
      message: expect.stringContaining('100×50'),
    });
    await expect(openPicture(await plain(100, 50), { maxPixels: 5000 })).resolves.toMatchObject({ width: 100 });
  });
});

describe('resized', () => {
  it('gives exactly the size, whatever the shape', async () => {
    for (const [width, height] of [
      [1, 1],
      [1, 3000],
      [3000, 1],
      [7, 5],
    ] as const) {
      const picture = await open(await plain(width, height));
      expect(await picture.resized({ width: 13, height: 17 }, 'linear')).toHaveLength(13 * 17 * 3);
      expect(await picture.pixels()).toHaveLength(width * height * 3);
    }
  });

  it('a GIF is as large as it decodes, whatever its canvas says', async () => {
    for (const side of [0, 10, 65_535]) {
      const picture = await open(await gifDeclaring(side, side));
      expect(await picture.pixels()).toHaveLength(picture.width * picture.height * 3);
    }
  });
});
