import { AppError } from '../errors.ts';
import type { Size } from '../vision/types.ts';

/**
 * Windows bitmaps, which libvips' prebuilt binaries do not read: uncompressed, 8-bit palette, 24 and 32 bits per pixel.
 * Layout: Microsoft, BITMAPFILEHEADER and BITMAPINFOHEADER.
 */
export interface BmpHeader extends Size {
  readonly bitsPerPixel: 8 | 24 | 32;
  readonly topDown: boolean;
  readonly paletteAt: number;
  readonly paletteSize: number;
  readonly pixelsAt: number;
}

/** @throws AppError unsupported_image or unreadable_image. */
export function readBmpHeader(bytes: Uint8Array): BmpHeader {
  if (bytes.length < 54) throw new AppError('unreadable_image', 'the BMP file ends inside its header');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const headerSize = view.getUint32(14, true);
  const width = view.getInt32(18, true);
  const signedHeight = view.getInt32(22, true);
  const bitsPerPixel = view.getUint16(28, true);
  const compression = view.getUint32(30, true);
  if (headerSize < 40 || width < 1 || signedHeight === 0 || signedHeight === -0x80000000) {
    throw new AppError('unreadable_image', 'the BMP file has a broken header');
  }
  const isPlain = compression === 0 || (compression === 3 && bitsPerPixel === 32);
  if (!isPlain || (bitsPerPixel !== 8 && bitsPerPixel !== 24 && bitsPerPixel !== 32)) {
    throw new AppError('unsupported_image', `BMP with ${bitsPerPixel} bits per pixel, compression ${compression}`);
  }
  return {
    width,
    height: Math.abs(signedHeight),
    bitsPerPixel,
    topDown: signedHeight < 0,
    paletteAt: 14 + headerSize,
    paletteSize: bitsPerPixel === 8 ? Math.min(256, view.getUint32(46, true) || 256) : 0,
    pixelsAt: view.getUint32(10, true),
  };
}

/** The picture as row-major 8-bit RGB. @throws AppError unreadable_image when pixels are missing. */
export function decodeBmp(bytes: Uint8Array, header: BmpHeader): Uint8Array {
  const { width, height, bitsPerPixel } = header;
  const stride = Math.ceil((width * bitsPerPixel) / 32) * 4;
  const paletteEnd = header.paletteAt + 4 * header.paletteSize;
  if (header.pixelsAt + stride * height > bytes.length || paletteEnd > bytes.length) {
    throw new AppError('unreadable_image', 'the BMP file is truncated');
  }
  const rgb = new Uint8Array(width * height * 3);
  const step = bitsPerPixel / 8;
  for (let y = 0, to = 0; y < height; y++) {
    let from = header.pixelsAt + (header.topDown ? y : height - 1 - y) * stride;
    for (let x = 0; x < width; x++, from += step, to += 3) {
      // An index past the palette reads as its last colour.
      const entry = Math.min(bytes[from]!, header.paletteSize - 1);
      const at = step === 1 ? header.paletteAt + 4 * entry : from;
      rgb[to] = bytes[at + 2]!;
      rgb[to + 1] = bytes[at + 1]!;
      rgb[to + 2] = bytes[at]!;
    }
  }
  return rgb;
}
