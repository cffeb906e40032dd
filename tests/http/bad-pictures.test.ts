import { deflateSync } from 'node:zlib';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { expectPrediction, expectProblem, formEnd, formType, part, post, postForm, postJson } from '../helpers/http.ts';
import {
  animation,
  bomb,
  cat,
  gifDeclaring,
  jpegDeclaring,
  plain,
  pngFile,
  smallCat,
  webpDeclaring,
} from '../helpers/pictures.ts';
import { startTestServer, type TestServer } from '../helpers/server.ts';

let server: TestServer;
let detect: string;

beforeAll(async () => {
  server = await startTestServer();
  detect = `${server.url}/v1/detect`;
});
afterAll(() => server.close());

describe('what is no picture', () => {
  it.each([
    ['text', 'hello', 415],
    ['SVG', '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><script>1</script></svg>', 415],
    ['SVG that says it is XML', '<?xml version="1.0"?><!DOCTYPE svg><svg width="9" height="9"/>', 415],
    ['HTML behind a GIF signature', `GIF89a=1;alert(1)//${'A'.repeat(99)}`, 422],
    ['PDF', '%PDF-1.7\n', 415],
    ['a film', `\0\0\0\x18ftypmp42${'\0'.repeat(99)}`, 422],
    ['a bitmap of text', `BM${'x'.repeat(99)}`, 415],
    ['a JPEG of three bytes', '\xff\xd8\xff', 422],
    ['a TIFF of a header', 'II*\0\x08\0\0\0', 422],
  ])('%s', async (_what, text, status) => {
    const bytes = Buffer.from(text, 'latin1');
    await expectProblem(await post(detect, bytes), status);
    await expectProblem(await postForm(detect, { image: { name: 'a.jpg', bytes } }), status);
    await expectProblem(await postJson(detect, { image: bytes.toString('base64') }), status);
  });

  it('nothing at all', async () => {
    await expectProblem(await post(detect, new Uint8Array()), 400, 'invalid_request');
    await expectProblem(await fetch(detect, { method: 'POST' }), 400, 'invalid_request');
    await expectProblem(await postForm(detect, { score_threshold: '0.5' }), 400, 'invalid_request');
    await expectProblem(await postForm(detect, { image: { name: 'a.jpg', bytes: new Uint8Array() } }), [400, 415, 422]);
    await expectProblem(await postJson(detect, { image: '' }), [400, 415, 422]);
    for (const body of [{}, { images: [] }, { image: [] }]) {
      const detail = await expectProblem(await postJson(detect, body), 400, 'invalid_request');
      expect(detail).toContain('‘image’');
    }
  });

  it('one bad picture among good ones fails the request', async () => {
    const good = { name: 'good.jpg', bytes: await smallCat() };
    const bad = { name: 'bad.jpg', bytes: good.bytes.subarray(0, 3000) };
    await expectProblem(await postForm(detect, { image: [good, bad, good] }), 422, 'unreadable_image');
  });
});

describe('broken pictures', () => {
  it.each([
    ['a 30,000 × 30,000 PNG', () => bomb, 'image_too_large'],
    ['a 0 × 0 PNG', () => pngFile({ width: 0, height: 0 }, deflateSync('')), 'unreadable_image'],
    ['a PNG of garbage', () => pngFile({}, Buffer.from('garbage')), 'unreadable_image'],
    ['a PNG with damaged pixels', () => Buffer.from(cat).fill(0x55, 100_000, 100_050), 'unreadable_image'],
    ['a JPEG without height', () => jpegDeclaring(64, 0), 'unreadable_image'],
    ['a WebP canvas unlike its frame', () => webpDeclaring(16_000, 16_000), 'unreadable_image'],
    ['a truncated JPEG', async () => (await smallCat()).subarray(0, 3000), 'unreadable_image'],
    ['a truncated PNG', () => cat.subarray(0, 20_000), 'unreadable_image'],
    ['a truncated AVIF', async () => (await smallCat(120, 'avif')).subarray(0, 900), 'unreadable_image'],
  ] as const)('%s', async (_what, make, code) => {
    const detail = await expectProblem(await post(detect, await make()), 422, code);
    // libvips names its own functions and files; none of that is for the client.
    expect(detail).not.toMatch(/\/work|\/tmp|node_modules|\.c:\d/);
    await expectProblem(await post(`${detect}?format=png`, await make()), 422, code);
  });

  it('a JPEG that declares 65,535 × 65,535', async () => {
    await expectProblem(await post(detect, await jpegDeclaring(65_535, 65_535)), 422);
  });

  it('a GIF with a huge canvas', async () => {
    const { results } = await expectPrediction(await post(detect, await gifDeclaring(65_535, 65_535)));
    expect(results[0]!.image.width * results[0]!.image.height).toBeLessThanOrEqual(server.config.max_pixels);
  });
});

describe('unusual pictures', () => {
  it.each([
    ['CMYK', () => sharp(cat).toColourspace('cmyk').jpeg()],
    ['16-bit PNG', () => sharp(cat).toColourspace('rgb16').png()],
    ['grey', () => sharp(cat).greyscale().toColourspace('b-w').png()],
    ['16-bit grey', () => sharp(cat).greyscale().toColourspace('grey16').png()],
    ['transparent', () => sharp(cat).ensureAlpha(0.4).png()],
    ['grey and transparent', () => sharp(cat).greyscale().ensureAlpha(0.4).toColourspace('b-w').png()],
    ['palette', () => sharp(cat).png({ palette: true, colours: 64 })],
    ['interlaced', () => sharp(cat).png({ progressive: true })],
    ['GIF', () => sharp(cat).gif()],
    ['WebP', () => sharp(cat).webp()],
    ['AVIF', () => sharp(cat).avif()],
    ['tiled TIFF', () => sharp(cat).tiff({ tile: true, pyramid: true })],
    ['CMYK TIFF', () => sharp(cat).toColourspace('cmyk').tiff()],
    ['with a wide-gamut profile', () => sharp(cat).withIccProfile('p3').jpeg()],
  ])('%s: the cat is found', async (_what, encode) => {
    const { results } = await expectPrediction(await post(detect, await encode().toBuffer()));
    expect(results[0]?.image).toMatchObject({ width: 451, height: 300 });
    expect(results[0]?.detections?.map(({ label }) => label)).toContain('cat');
  });

  it('a polyglot is the picture that it begins with, and the answer is JSON', async () => {
    const polyglot = Buffer.concat([await smallCat(), Buffer.from('<script>alert(1)</script>PK\x03\x04')]);
    const body = Buffer.concat([part('name="image"; filename="x.html"', polyglot), formEnd]);
    const response = await post(detect, body, formType);
    expect(response.headers.get('x-content-type-options')).toBe('nosniff');
    expect((await expectPrediction(response)).results[0]?.detections?.[0]?.label).toBe('cat');
  });

  it.each(['gif', 'webp'] as const)('an animated %s counts as its first frame', async (format) => {
    const response = await post(`${detect}?format=png&score_threshold=1`, await animation(format));
    const { data, info } = await sharp(await response.arrayBuffer())
      .raw()
      .toBuffer({ resolveWithObject: true });
    expect(info).toMatchObject({ width: 40, height: 30 });
    expect(data[0]).toBeGreaterThan(240);
    expect(data[2]).toBeLessThan(15);
  });

  it('one pixel, and pictures far longer than wide', async () => {
    for (const [width, height] of [
      [1, 1],
      [1, 5000],
      [5000, 1],
    ] as const) {
      const { results } = await expectPrediction(await post(detect, await plain(width, height)));
      expect(results[0]?.image).toMatchObject({ width, height });
      expect((await post(`${detect}?format=png&score_threshold=0`, await plain(width, height))).status).toBe(200);
    }
  });
});
