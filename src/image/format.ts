/** How each format that is read begins. Anything else, SVG above all, never reaches a decoder. */
const magics = {
  JPEG: (b: Uint8Array) => startsWith(b, 0, [0xff, 0xd8, 0xff]),
  PNG: (b: Uint8Array) => startsWith(b, 0, [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]),
  WebP: (b: Uint8Array) => startsWith(b, 0, ascii('RIFF')) && startsWith(b, 8, ascii('WEBP')),
  GIF: (b: Uint8Array) => startsWith(b, 0, ascii('GIF8')),
  TIFF: (b: Uint8Array) =>
    startsWith(b, 0, [0x49, 0x49, 0x2a, 0]) || // little-endian
    startsWith(b, 0, [0x4d, 0x4d, 0, 0x2a]),
  AVIF: (b: Uint8Array) => startsWith(b, 4, ascii('ftyp')),
  BMP: (b: Uint8Array) => startsWith(b, 0, ascii('BM')),
} as const satisfies Record<string, (bytes: Uint8Array) => boolean>;

export type PictureFormat = keyof typeof magics;

export const readableFormats = Object.keys(magics) as PictureFormat[];

/** The picture format that the first bytes announce. */
export function sniffFormat(bytes: Uint8Array): PictureFormat | undefined {
  return readableFormats.find((format) => magics[format](bytes));
}

function startsWith(bytes: Uint8Array, at: number, magic: readonly number[]): boolean {
  return magic.every((byte, i) => bytes[at + i] === byte);
}

function ascii(text: string): number[] {
  return Array.from(text, (c) => c.charCodeAt(0));
}
