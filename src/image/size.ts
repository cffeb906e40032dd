import sharp from 'sharp';
import { AppError, messageOf } from '../errors.ts';
import type { Size } from '../vision/types.ts';
import { readBmpHeader } from './bmp.ts';
import { sniffFormat } from './format.ts';

/**
 * Width and height of a picture as a person sees it (EXIF orientation applied), from its header alone.
 * @param start as much of its bytes as is at hand: at least the first 64.
 * @param source all of its bytes, or its path.
 * @throws AppError unreadable_image naming the picture.
 */
export async function readPictureSize(start: Uint8Array, source: Uint8Array | string, name: string): Promise<Size> {
  try {
    const format = sniffFormat(start);
    if (!format) throw new AppError('unreadable_image', 'not a picture in a format that is read');
    if (format === 'BMP') return readBmpHeader(start);
    const { autoOrient } = await sharp(source, { limitInputPixels: false }).metadata();
    return { width: autoOrient.width, height: autoOrient.height };
  } catch (error) {
    throw new AppError('unreadable_image', `${name}: ${messageOf(error).split('\n')[0]}`, { cause: error });
  }
}
