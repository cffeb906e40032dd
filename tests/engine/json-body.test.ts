import { describe, expect, it } from 'vitest';
import { parseJsonBody } from '../../src/json-body.ts';

const parse = (value: unknown) => parseJsonBody(Buffer.from(JSON.stringify(value)), 32);

describe('a JSON body with more than the main thread should see', () => {
  it.each([
    ['a million empty images', { images: Array(1_000_000).fill('') }, /1000000 images in one request; at most 32/],
    ['33 URLs', { image: Array(33).fill('http://example.org/') }, /33 images in one request; at most 32/],
    ['a million classes', { image: '', classes: Array(1_000_000).fill('cat') }, /options take more than 64 KiB/],
    ['one long class', { image: '', classes: 'cat,'.repeat(100_000) }, /options take more than 64 KiB/],
    [
      'a hundred thousand names',
      { image: '', ...Object.fromEntries(Array.from({ length: 100_000 }, (_, i) => [`option${i}`, i])) },
      /options take more than 64 KiB/,
    ],
  ])('is refused: %s', (_what, value, message) => {
    expect(() => parse(value)).toThrow(
      expect.objectContaining({ code: 'payload_too_large', message: expect.stringMatching(message) }),
    );
  });

  it('may have as many images as are taken, and every class of LVIS', () => {
    const classes = Array.from({ length: 1203 }, (_, i) => `a class with a name of some length ${i}`);
    const { images, fields } = parse({ images: Array(32).fill('AAEC'), classes });
    expect(images).toHaveLength(32);
    expect(images[0]).toEqual({ bytes: new Uint8Array(new SharedArrayBuffer(3)).map((_, i) => i) });
    expect(fields).toEqual({ classes });
  });
});
