import { describe, expect, it } from 'vitest';
import { readableFormats, sniffFormat } from '../../src/image/format.ts';
import { plain } from '../helpers/pictures.ts';

const ascii = (text: string) => new TextEncoder().encode(text);

describe('sniffFormat', () => {
  it.each([
    ['jpeg', 'JPEG'],
    ['png', 'PNG'],
    ['webp', 'WebP'],
    ['gif', 'GIF'],
    ['tiff', 'TIFF'],
    ['avif', 'AVIF'],
  ] as const)('knows %s', async (format, expected) => {
    expect(sniffFormat(await plain(4, 4, format))).toBe(expected);
    expect(readableFormats).toContain(expected);
  });

  it('knows big-endian TIFF and BMP', () => {
    expect(sniffFormat(new Uint8Array([0x4d, 0x4d, 0, 0x2a]))).toBe('TIFF');
    expect(sniffFormat(ascii('BM'))).toBe('BMP');
  });

  it.each([
    ['nothing', ''],
    ['text', 'hello'],
    ['SVG', '<svg xmlns="http://www.w3.org/2000/svg"/>'],
    ['SVG behind an XML declaration', '<?xml version="1.0"?><svg/>'],
    ['PDF', '%PDF-1.7'],
    ['a RIFF that is no WebP', 'RIFF\0\0\0\0WAVE'],
    ['half a PNG signature', '\x89PNG'],
    ['a JPEG cut after its second byte', '\xff\xd8'],
  ])('does not take %s for a picture', (_what, text) => {
    expect(sniffFormat(Buffer.from(text, 'latin1'))).toBeUndefined();
  });
});
