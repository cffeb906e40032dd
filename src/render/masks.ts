import sharp from 'sharp';
import type { BinaryMask, Size } from '../vision/types.ts';

/**
 * A mask as an 8-bit grey PNG of the image's size: 255 inside, 0 outside. What lies beyond the image is cut off.
 * @throws RangeError if `mask.data` is not of the mask's size.
 */
export async function maskToPng(mask: BinaryMask, size: Size): Promise<Uint8Array> {
  checkLength(mask.data, mask);
  const pixels = new Uint8Array(size.width * size.height);
  const x1 = Math.max(0, -mask.x);
  const x2 = Math.min(mask.width, size.width - mask.x);
  const y2 = Math.min(mask.height, size.height - mask.y);
  for (let y = Math.max(0, -mask.y); y < y2; y++) {
    for (let x = x1; x < x2; x++) {
      if (mask.data[y * mask.width + x] !== 0) pixels[(y + mask.y) * size.width + x + mask.x] = 255;
    }
  }
  return greyPng(pixels, size);
}

/**
 * A label map as an 8-bit single-channel PNG whose grey levels are the class indices themselves.
 * @param labels one class index per pixel, row-major.
 * @throws RangeError if there is not one label per pixel.
 */
export async function labelMapToPng(labels: Uint8Array, size: Size): Promise<Uint8Array> {
  checkLength(labels, size);
  return greyPng(labels, size);
}

function greyPng(pixels: Uint8Array, { width, height }: Size): Promise<Uint8Array> {
  return (
    sharp(pixels, { raw: { width, height, channels: 1 }, limitInputPixels: false })
      // Without this sharp takes one channel for sRGB and writes three.
      .toColourspace('b-w')
      .png({ compressionLevel: 6 })
      .toBuffer()
  );
}

function checkLength(data: Uint8Array, { width, height }: Size): void {
  if (data.length !== width * height) {
    throw new RangeError(`expected ${width}×${height} pixels, got ${data.length}`);
  }
}
