import sharp, { type Sharp, type SharpOptions } from 'sharp';
import { AppError, messageOf } from '../errors.ts';
import type { Region } from '../vision/frame.ts';
import type { InputSpec } from '../vision/input-spec.ts';
import type { Size } from '../vision/types.ts';
import { decodeBmp, readBmpHeader } from './bmp.ts';
import { readableFormats, sniffFormat } from './format.ts';

// One thread per picture: the workers are the parallelism, and sixteen pictures at once need no sixteen threads each.
sharp.concurrency(1);
// Every picture is new; a cache of decoded ones would only hold memory.
sharp.cache(false);
/** A picture that passed the checks on its header; its pixels are decoded on demand. */
export interface Picture extends Size {
  /** RGB, row-major, width·height·3, EXIF orientation applied. */
  readonly pixels: () => Promise<Uint8Array>;
  /** The same, or a part of it, resized to exactly `size`. */
  readonly resized: (size: Size, interpolation: InputSpec['interpolation'], region?: Region) => Promise<Uint8Array>;
}

/** Cuts regions out of decoded pixels and resizes each to exactly `size`. @param rgb as `Picture.pixels` gives it. */
export function regionsOf(rgb: Uint8Array, source: Size) {
  return (region: Region, size: Size, interpolation: InputSpec['interpolation']): Promise<Uint8Array> =>
    toBytes(
      rawSharp(rgb, source).extract(region).resize(size.width, size.height, { fit: 'fill', kernel: interpolation }),
      size,
    );
}

export interface PictureLimits {
  /** Width times height of the largest picture that is decoded. */
  readonly maxPixels: number;
}

/**
 * Reads a picture's header: format, size, orientation. Only the first frame of an animation counts.
 * @throws AppError unsupported_image, unreadable_image or image_too_large.
 */
export async function openPicture(bytes: Uint8Array, limits: PictureLimits): Promise<Picture> {
  if (bytes.length === 0) throw new AppError('unsupported_image', 'the file is empty');
  const format = sniffFormat(bytes);
  if (!format) {
    throw new AppError('unsupported_image', `not a picture in a format that is read: ${readableFormats.join(', ')}`);
  }
  if (format === 'BMP') return openBmp(bytes, limits);

  const options: SharpOptions = {
    failOn: 'truncated',
    // Published models were trained and scored with OpenCV and Pillow, which ignore colour profiles.
    ignoreIcc: true,
    autoOrient: true,
    // Checked below, where the message can say the size.
    limitInputPixels: false,
  };
  const metadata = await sharp(bytes, options).metadata().catch(headerError);
  const { width, height } = metadata.autoOrient;
  checkSize({ width, height }, limits);
  return openWith(() => sharp(bytes, options), { width, height });
}

function openBmp(bytes: Uint8Array, limits: PictureLimits): Picture {
  const header = readBmpHeader(bytes);
  checkSize(header, limits);
  return openWith(() => rawSharp(decodeBmp(bytes, header), header), header);
}

function rawSharp(rgb: Uint8Array, { width, height }: Size): Sharp {
  return sharp(rgb, { raw: { width, height, channels: 3 } });
}

function openWith(open: () => Sharp, { width, height }: Size): Picture {
  // 16-bit, grey, CMYK and transparent pictures all become plain sRGB, as Pillow's convert('RGB') does.
  const toRgb = () => open().toColourspace('srgb').removeAlpha();
  return {
    width,
    height,
    pixels: () => toBytes(toRgb(), { width, height }),
    resized: (size, interpolation, region) => {
      const part = region ? toRgb().extract(region) : toRgb();
      return toBytes(part.resize(size.width, size.height, { fit: 'fill', kernel: interpolation }), size);
    },
  };
}

async function toBytes(image: Sharp, size: Size): Promise<Uint8Array> {
  const { data, info } = await image
    .raw()
    .toBuffer({ resolveWithObject: true })
    .catch((error: unknown) => {
      throw new AppError('unreadable_image', `the picture cannot be decoded: ${firstLine(error)}`, { cause: error });
    });
  if (info.channels !== 3 || info.width !== size.width || info.height !== size.height) {
    throw new AppError(
      'unreadable_image',
      `expected ${size.width}×${size.height} RGB, decoded ${info.width}×${info.height}×${info.channels}`,
    );
  }
  return data;
}

function checkSize({ width, height }: Size, { maxPixels }: PictureLimits): void {
  if (!(width > 0 && height > 0)) throw new AppError('unreadable_image', `the picture is ${width}×${height} pixels`);
  if (width * height > maxPixels) {
    throw new AppError(
      'image_too_large',
      `the picture is ${width}×${height} pixels; at most ${maxPixels} (${(maxPixels / 1e6).toFixed(0)} megapixels) are decoded`,
    );
  }
}

function headerError(error: unknown): never {
  throw new AppError('unreadable_image', `the picture's header cannot be read: ${firstLine(error)}`, { cause: error });
}

/** libvips reports one line for each thing that went wrong; the first is the cause. */
function firstLine(error: unknown): string {
  const text = messageOf(error).replace(/^Input (buffer|file) has corrupt header:\s*/, '');
  return text.split('\n')[0] || 'broken data';
}
