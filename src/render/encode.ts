import sharp from 'sharp';
import { AppError } from '../errors.ts';
import type { Size } from '../vision/types.ts';

/** The longest side that each format's header can say; PNG's exceeds every picture. */
const maxSide = { png: 0x7fffffff, jpeg: 65_535, webp: 16_383 } as const;

export type PictureFormat = keyof typeof maxSide;

/**
 * Encodes RGB pixels, row-major, width·height·3.
 * @throws AppError invalid_option if the picture is too large for the format.
 */
export async function encodePicture(
  { data, width, height }: Size & { readonly data: Uint8Array },
  format: PictureFormat,
): Promise<Uint8Array> {
  if (Math.max(width, height) > maxSide[format]) {
    throw new AppError('invalid_option', `a picture of ${width}×${height} pixels does not fit into ${format}`);
  }
  const picture = sharp(data, { raw: { width, height, channels: 3 }, limitInputPixels: false });
  switch (format) {
    case 'png':
      // Level 3 with filters is both quicker than level 9 and smaller than level 6 without.
      return picture.png({ compressionLevel: 3, adaptiveFiltering: true }).toBuffer();
    case 'jpeg':
      // Halved chroma would blur thin coloured lines.
      return picture.jpeg({ quality: 90, chromaSubsampling: '4:4:4' }).toBuffer();
    case 'webp':
      return picture.webp({ quality: 90, effort: 2 }).toBuffer();
  }
}
