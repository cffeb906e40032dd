import fc from 'fast-check';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { labelMapToPng, maskToPng } from '../../src/render/masks.ts';

/** The PNG's own bytes, without any conversion: colour type and depth from the header, the chunk names. */
function readHeader(png: Uint8Array): { depth: number; colorType: number; chunks: string[] } {
  const view = new DataView(png.buffer, png.byteOffset, png.byteLength);
  const chunks: string[] = [];
  for (let at = 8; at < png.length; at += 12 + view.getUint32(at)) {
    chunks.push(String.fromCharCode(...png.subarray(at + 4, at + 8)));
  }
  return { depth: png[24]!, colorType: png[25]!, chunks };
}

async function decode(png: Uint8Array): Promise<{ data: Uint8Array; channels: number; width: number; height: number }> {
  const { data, info } = await sharp(png).raw().toBuffer({ resolveWithObject: true });
  return { data: new Uint8Array(data), channels: info.channels, width: info.width, height: info.height };
}

/** Raw output has one channel only if it is asked for grey. */
async function greyOf(png: Uint8Array): Promise<Uint8Array> {
  return new Uint8Array(await sharp(png).toColourspace('b-w').raw().toBuffer());
}

describe('labelMapToPng', () => {
  it('holds every class index exactly, in one 8-bit grey channel without gamma or profile', async () => {
    const labels = Uint8Array.from({ length: 256 * 3 }, (_, i) => i % 256);
    const png = await labelMapToPng(labels, { width: 256, height: 3 });
    expect(readHeader(png)).toMatchObject({ depth: 8, colorType: 0 });
    const { chunks } = readHeader(png);
    expect(chunks.filter((name) => ['gAMA', 'cHRM', 'iCCP', 'sRGB', 'tRNS', 'sBIT'].includes(name))).toEqual([]);
    expect(await greyOf(png)).toEqual(labels);
    const { data, channels } = await decode(png);
    expect(labels.every((label, i) => data[i * channels] === label)).toBe(true);
  });

  it('round-trips any map, also one of two values that a palette or fewer bits could hold', async () => {
    const maps = fc
      .tuple(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 40 }), fc.constantFrom(1, 2, 21, 255))
      .chain(([width, height, top]) =>
        fc
          .uint8Array({ min: 0, max: top, minLength: width * height, maxLength: width * height })
          .map((labels) => ({ width, height, labels: Uint8Array.from(labels) })),
      );
    await fc.assert(
      fc.asyncProperty(maps, async ({ labels, width, height }) => {
        const png = await labelMapToPng(labels, { width, height });
        expect(readHeader(png)).toMatchObject({ depth: 8, colorType: 0 });
        expect(await decode(png)).toMatchObject({ width, height });
        expect(await greyOf(png)).toEqual(labels);
      }),
      { numRuns: 30 },
    );
  });

  it('refuses labels that do not cover the picture', async () => {
    await expect(labelMapToPng(new Uint8Array(5), { width: 2, height: 3 })).rejects.toThrow(RangeError);
  });
});

describe('maskToPng', () => {
  it('puts the mask at its place in a picture of the full size', async () => {
    const mask = { x: 1, y: 2, width: 2, height: 1, data: Uint8Array.of(1, 0) };
    const png = await maskToPng(mask, { width: 4, height: 4 });
    expect(readHeader(png)).toMatchObject({ depth: 8, colorType: 0 });
    const expected = new Uint8Array(16);
    expected[2 * 4 + 1] = 255;
    expect(await greyOf(png)).toEqual(expected);
  });

  it('cuts off what lies beyond the picture on every side', async () => {
    const mask = { x: -2, y: -1, width: 9, height: 7, data: new Uint8Array(63).fill(1) };
    expect(await greyOf(await maskToPng(mask, { width: 3, height: 2 }))).toEqual(new Uint8Array(6).fill(255));
  });

  it('accepts an empty mask and refuses one whose data has another size', async () => {
    const empty = { x: 0, y: 0, width: 0, height: 0, data: new Uint8Array() };
    expect(await greyOf(await maskToPng(empty, { width: 2, height: 1 }))).toEqual(Uint8Array.of(0, 0));
    await expect(maskToPng({ ...empty, width: 1, height: 1 }, { width: 2, height: 1 })).rejects.toThrow(RangeError);
  });
});
