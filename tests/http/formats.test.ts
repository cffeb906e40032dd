import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { rleFromString } from '../../src/vision/rle-string.ts';
import { expectPrediction, expectProblem, post, postForm, postJson } from '../helpers/http.ts';
import { greyValues, plain, smallCat } from '../helpers/pictures.ts';
import { startTestServer, type TestServer } from '../helpers/server.ts';

let server: TestServer;
let small: Buffer;
const to = (path: string) => `${server.url}/v1/${path}`;
const bytesOf = async (response: Response) => Buffer.from(await response.arrayBuffer());

beforeAll(async () => {
  server = await startTestServer({ models: ['nanodet-g-coco', 'selfie-segmentation'] });
  small = await smallCat();
});
afterAll(() => server.close());

describe('format', () => {
  it.each(['png', 'jpeg', 'webp'])('%s is the picture with boxes on it', async (format) => {
    const plainBytes = await sharp(small).raw().toBuffer();
    const response = await post(to(`detect?format=${format}`), small);
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toBe(`image/${format}`);
    const { data, info } = await sharp(await bytesOf(response))
      .raw()
      .toBuffer({ resolveWithObject: true });
    expect(info).toMatchObject({ width: 300, height: 200, format: 'raw' });
    const changed = data.filter((value, i) => Math.abs(value - plainBytes[i]!) > 60).length;
    expect(changed).toBeGreaterThan(500);
    expect(changed).toBeLessThan(data.length / 2);
  });

  it.each([
    ['image/png', 'image/png'],
    ['image/webp;q=0.9, image/jpeg', 'image/jpeg'],
    ['image/*', 'image/png'],
    ['application/json, image/png;q=0.5', 'application/json'],
    ['*/*', 'application/json'],
    ['text/html', 'application/json'],
    ['', 'application/json'],
  ])('Accept: %s gives %s', async (accept, type) => {
    const response = await post(to('detect'), small, 'image/jpeg', { accept });
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toMatch(new RegExp(`^${type}`));
    await response.arrayBuffer();
  });

  it('the option wins over Accept', async () => {
    await expectPrediction(await post(to('detect?format=json'), small, 'image/jpeg', { accept: 'image/png' }));
  });

  it('coco is a results array with official category ids', async () => {
    const { results } = await expectPrediction(await post(to('detect'), small));
    const response = await post(to('detect?format=coco'), small);
    const coco = (await response.json()) as { image_id: string; category_id: number; bbox: number[]; score: number }[];
    const { box, score } = results[0]!.detections![0]!;
    expect(coco).toHaveLength(results[0]!.detections!.length);
    expect(coco[0]).toMatchObject({ image_id: 'image', category_id: 17, score });
    const [x, y, width, height] = coco[0]!.bbox as [number, number, number, number];
    expect([x, y]).toEqual([box.xmin, box.ymin]);
    expect(x + width).toBeCloseTo(box.xmax, 1);
    expect(y + height).toBeCloseTo(box.ymax, 1);
  });

  it('coco of several pictures, some without anything on them, is one array', async () => {
    const nothing = { name: '7.png', bytes: await plain(50, 50) };
    const image = [nothing, { name: '8.jpg', bytes: small }, nothing];
    const query = '?format=coco&score_threshold=0.5';
    const coco = (await (await postForm(to(`detect${query}`), { image })).json()) as { image_id: number }[];
    expect(coco.map(({ image_id }) => image_id)).toEqual([8]);
    expect(await (await postForm(to(`detect${query}`), { image: [nothing, nothing] })).json()).toEqual([]);
  });

  it('one picture of several images there is not', async () => {
    const image = ['a', 'b'].map((name) => ({ name, bytes: small }));
    await expectProblem(await postForm(to('detect?format=png'), { image }), 400, 'invalid_option');
  });

  it('a picture too long for WebP', async () => {
    const long = await plain(20_000, 2);
    await expectProblem(await post(to('detect?format=webp'), long), 400, 'invalid_option');
    expect((await post(to('detect?format=png'), long)).status).toBe(200);
  });
});

describe('semantic models', () => {
  it('answer segments and the label map', async () => {
    const { results, task } = await expectPrediction(await post(to('segment'), small));
    expect(task).toBe('semantic-segmentation');
    const { segments = [], map } = results[0]!;
    const { values, ...size } = await greyValues(Buffer.from(map!.data, 'base64'));
    expect(size).toEqual({ width: 300, height: 200 });
    expect(segments.reduce((sum, { pixels }) => sum + pixels, 0)).toBe(300 * 200);
    for (const { class_id, pixels, fraction, mask } of segments) {
      expect(values.filter((label) => label === class_id)).toHaveLength(pixels);
      expect(fraction).toBeCloseTo(pixels / 60_000, 5);
      expect(mask).toBeUndefined();
    }
  });

  it('write each mask format, all of the same pixels', async () => {
    const segmentsAs = async (format: string) => {
      const { results } = await expectPrediction(await post(to(`segment?mask_format=${format}`), small));
      return results[0]!.segments!;
    };
    const [rles, polygons, pngs, none] = await Promise.all(['rle', 'polygon', 'png', 'none'].map(segmentsAs));
    expect(rles!.length).toBeGreaterThan(0);
    for (const [i, { pixels, mask }] of rles!.entries()) {
      const { size, counts } = mask as { size: [number, number]; counts: string };
      expect(size).toEqual([200, 300]);
      const runs = rleFromString(counts, 300, 200).counts;
      expect(Array.from(runs).reduce((sum, run, k) => sum + (k % 2 ? run : 0), 0)).toBe(pixels);
      const png = await greyValues(Buffer.from(pngs![i]!.mask as string, 'base64'));
      expect(png).toMatchObject({ width: 300, height: 200 });
      expect(png.values.filter((value) => value === 255)).toHaveLength(pixels);
      expect(polygons![i]!.mask).toEqual(expect.arrayContaining([expect.any(Array)]));
      expect(none![i]).not.toHaveProperty('mask');
    }
  });

  it('give the label map itself, and the picture with the map on it', async () => {
    const { results } = await expectPrediction(await post(to('segment'), small));
    const inside = await greyValues(Buffer.from(results[0]!.map!.data, 'base64'));
    const map = await post(to('segment?format=png&mask_format=png'), small);
    expect(map.headers.get('content-type')).toBe('image/png');
    expect(await greyValues(await bytesOf(map))).toEqual(inside);
    const overlay = await sharp(await bytesOf(await post(to('segment?format=png'), small))).metadata();
    expect(overlay).toMatchObject({ width: 300, height: 200, channels: 3 });
  });

  it('keep only the classes that were asked for', async () => {
    const { results } = await expectPrediction(await post(to('segment?classes=background'), small));
    expect(results[0]!.segments!.map(({ label }) => label)).toEqual(['background']);
  });

  it('have no COCO results', async () => {
    await expectProblem(await post(to('segment?format=coco'), small), 400, 'invalid_option');
  });
});

describe('endpoints', () => {
  it('predict takes any task; the others refuse models of another', async () => {
    const image = small.toString('base64');
    const segmenting = await postJson(to('predict'), { image, model: 'selfie-segmentation' });
    expect((await expectPrediction(segmenting)).task).toBe('semantic-segmentation');
    const refused = { image, model: 'selfie-segmentation' };
    await expectProblem(await postJson(to('detect'), refused), 400, 'task_mismatch');
    await expectProblem(await postJson(to('classify'), refused), 400, 'task_mismatch');
    await expectProblem(await post(to('segment?model=nanodet-g-coco'), small), 400, 'task_mismatch');
    await expectProblem(await post(to('classify'), small), 404, 'model_not_found');
  });

  it('the parts of the time are no longer than the whole', async () => {
    const { timing } = await expectPrediction(await post(to('detect'), small));
    const { total_ms, ...parts } = timing;
    expect(parts.inference_ms).toBeGreaterThan(0);
    expect(Object.values(parts).reduce((a, b) => a + b)).toBeLessThanOrEqual(total_ms + 1);
  });
});

describe('instance models', () => {
  let blobs: TestServer;
  let photo: Buffer;
  const segment = (query: string) => post(`${blobs.url}/v1/segment${query}`, photo);

  beforeAll(async () => {
    // A probability map is a probability map: people as DBNet would see its lines of text.
    blobs = await startTestServer({ models: [], settings: { preload: 'none' } });
    const bytes = await readFile(resolve('models/selfie-segmentation/model.onnx'));
    const manifest = '{"family":"db-text","labels":["person"],"category_ids":[1]}';
    await postForm(`${blobs.url}/v1/models`, { file: { name: 'blobs.onnx', bytes }, manifest });
    photo = await sharp(resolve('samples/astronaut.png')).resize(200).jpeg().toBuffer();
  });
  afterAll(() => blobs.close());

  it('write each mask format, all of the same pixels, inside their boxes', async () => {
    const detectionsAs = async (format: string) => {
      const { results, task } = await expectPrediction(await segment(`?mask_format=${format}`));
      expect(task).toBe('instance-segmentation');
      return results[0]!.detections!;
    };
    const [rles, polygons, pngs, none] = await Promise.all(['rle', 'polygon', 'png', 'none'].map(detectionsAs));
    expect(rles!.length).toBeGreaterThan(0);
    for (const [i, { mask, label }] of rles!.entries()) {
      expect(label).toBe('person');
      const { size, counts } = mask as { size: [number, number]; counts: string };
      expect(size).toEqual([200, 200]);
      const runs = Array.from(rleFromString(counts, 200, 200).counts);
      const pixels = runs.reduce((sum, run, k) => sum + (k % 2 ? run : 0), 0);
      expect(pixels).toBeGreaterThan(0);
      const { values } = await greyValues(Buffer.from(pngs![i]!.mask as string, 'base64'));
      expect(values.filter((value) => value === 255)).toHaveLength(pixels);
      for (const corner of (polygons![i]!.mask as number[][]).flat()) expect(corner).toBeLessThanOrEqual(200);
      expect(none![i]).not.toHaveProperty('mask');
    }
    expect((await expectPrediction(await segment(''))).results[0]!.detections).toEqual(rles);
  });

  it('COCO results carry the masks and the manifest’s category ids', async () => {
    const [first] = (await (await segment('?format=coco')).json()) as { category_id: number; segmentation: unknown }[];
    expect(first).toMatchObject({ category_id: 1, segmentation: { size: [200, 200], counts: expect.any(String) } });
  });

  it('are taken by detect as well', async () => {
    await expectPrediction(await post(`${blobs.url}/v1/detect`, photo));
    expect((await segment('?format=png')).headers.get('content-type')).toBe('image/png');
  });
});
