import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { expectPrediction, formEnd, formType, part, post, postForm, postJson } from '../helpers/http.ts';
import { animation, cat, smallCat, storedAs } from '../helpers/pictures.ts';
import { startTestServer, type TestServer } from '../helpers/server.ts';

let server: TestServer;
let detect: string;
let small: Buffer;

beforeAll(async () => {
  server = await startTestServer();
  detect = `${server.url}/v1/detect`;
  small = await smallCat();
});
afterAll(() => server.close());

/** The cat is found, at the same place whichever way the picture came. */
async function expectCat(response: Response, name = 'image') {
  const { results, model, task } = await expectPrediction(response);
  expect({ model, task }).toEqual({ model: 'nanodet-g-coco', task: 'detection' });
  expect(results).toHaveLength(1);
  expect(results[0]?.image).toEqual({ name, width: 300, height: 200 });
  expect(results[0]?.detections?.[0]).toMatchObject({ label: 'cat', class_id: 15 });
  return results[0]?.detections;
}

describe('ways to send a picture', () => {
  it('all give the same detections', async () => {
    const base64 = small.toString('base64');
    const file = { name: 'cat.jpg', bytes: small };
    const raw = await expectCat(await post(detect, small, 'image/jpeg'));
    expect(await expectCat(await post(detect, small, 'image/png'))).toEqual(raw);
    expect(await expectCat(await post(detect, small, 'application/octet-stream'))).toEqual(raw);
    expect(await expectCat(await postForm(detect, { image: file }), 'cat.jpg')).toEqual(raw);
    expect(await expectCat(await postForm(detect, { 'images[]': file }), 'cat.jpg')).toEqual(raw);
    expect(await expectCat(await postJson(detect, { image: base64 }))).toEqual(raw);
    expect(await expectCat(await postJson(detect, { image: small.toString('base64url') }))).toEqual(raw);
    expect(await expectCat(await postJson(detect, { images: [`data:image/jpeg;base64,${base64}`] }))).toEqual(raw);
    const lines = base64.replace(/.{76}/g, '$&\r\n');
    expect(await expectCat(await postJson(detect, { image: lines }))).toEqual(raw);
    expect(await expectCat(await post(detect, `{"image":"${base64}"}`, 'application/vnd.api+json'))).toEqual(raw);
  });

  it('a body in chunks, without a length', async () => {
    async function* chunks() {
      for (let i = 0; i < small.length; i += 1000) yield small.subarray(i, i + 1000);
    }
    await expectCat(await post(detect, chunks(), 'image/jpeg'));
  });

  it('many in one form, answered in their order', async () => {
    const other = await animation('gif');
    const image = [0, 1, 2, 3].map((i) => ({ name: `${i}.jpg`, bytes: i % 2 ? other : small }));
    const { results } = await expectPrediction(await postForm(detect, { image }));
    expect(results.map((result) => [result.image.name, result.image.width])).toEqual([
      ['0.jpg', 300],
      ['1.jpg', 40],
      ['2.jpg', 300],
      ['3.jpg', 40],
    ]);
  });

  it('many in one JSON', async () => {
    const base64 = small.toString('base64');
    for (const body of [{ images: [base64, base64] }, { image: [base64, base64] }]) {
      const { results } = await expectPrediction(await postJson(detect, body));
      expect(results.map(({ image }) => image.name)).toEqual(['image-0', 'image-1']);
    }
  });

  it('JSON that is parsed in a worker, and JSON that is not', async () => {
    const large = Buffer.from(cat).toString('base64');
    expect(large.length).toBeGreaterThan(64 * 1024);
    const { results } = await expectPrediction(await postJson(detect, { image: large, classes: ['cat'] }));
    expect(results[0]?.image).toMatchObject({ width: 451, height: 300 });
    expect(results[0]?.detections).toHaveLength(1);
  });
});

describe('file names', () => {
  it.each([
    ['filename="cat.jpg"', 'cat.jpg'],
    ['filename="Kätzchen 猫.jpg"', 'Kätzchen 猫.jpg'],
    ["filename*=utf-8''%E2%82%AC.jpg", '€.jpg'],
    ['filename="../../etc/passwd"', 'passwd'],
    ['filename="a\\"b.jpg"', 'a"b.jpg'],
    ['filename="<script>.jpg"', '<script>.jpg'],
  ])('%s', async (disposition, name) => {
    const body = Buffer.concat([part(`name="image"; ${disposition}`, small), formEnd]);
    await expectCat(await post(detect, body, formType), name);
  });

  it('the id of a COCO result is the number in the name', async () => {
    const image = { name: '000000397133.jpg', bytes: small };
    const response = await postForm(`${detect}?format=coco`, { image });
    expect(((await response.json()) as { image_id: unknown }[])[0]?.image_id).toBe(397133);
  });
});

describe('orientation', () => {
  it.each([2, 3, 4, 5, 6, 7, 8])('EXIF %i: boxes are those of the upright picture', async (orientation) => {
    const [upright] = (await expectCat(await post(detect, await storedAs(1, small, 'jpeg')))) ?? [];
    const [turned] = (await expectCat(await post(detect, await storedAs(orientation, small, 'jpeg')))) ?? [];
    expect(turned?.label).toBe('cat');
    expect(Math.abs(turned!.score - upright!.score)).toBeLessThan(0.05);
    for (const side of ['xmin', 'ymin', 'xmax', 'ymax'] as const) {
      expect(Math.abs(turned!.box[side] - upright!.box[side]), side).toBeLessThan(3);
    }
  });
});
