import supertest from 'supertest';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createApp } from '../../src/http/app.ts';
import { expectPrediction, expectProblem, formEnd, formType, part, post, postForm, postJson } from '../helpers/http.ts';
import { smallCat } from '../helpers/pictures.ts';
import { startTestServer, type TestServer } from '../helpers/server.ts';

let server: TestServer;
let small: Buffer;
const detect = (query = '') => `${server.url}/v1/detect${query}`;

beforeAll(async () => {
  server = await startTestServer();
  small = await smallCat();
});
afterAll(() => server.close());

async function labelsOf(response: Response): Promise<string[]> {
  const { results } = await expectPrediction(response);
  return results[0]!.detections!.map(({ label }) => label);
}

describe('options', () => {
  it('mean the same in the query, a form and JSON', async () => {
    const image = small.toString('base64');
    const file = { name: 'image', bytes: small };
    const options = { score_threshold: '0.05', iou_threshold: '0.9', max_detections: '7', class_agnostic: 'true' };
    const typed = { score_threshold: 0.05, iou_threshold: 0.9, max_detections: 7, class_agnostic: true };
    const inQuery = await expectPrediction(await post(detect(`?${new URLSearchParams(options)}`), small));
    expect(inQuery.results[0]?.detections).toHaveLength(7);
    const others = [postForm(detect(), { image: file, ...options }), postJson(detect(), { image, ...options })];
    for (const response of [...others, postJson(detect(), { image, ...typed })]) {
      expect((await expectPrediction(await response)).results).toEqual(inQuery.results);
    }
  });

  it('of the body win over the query', async () => {
    const file = { name: 'a', bytes: small };
    const response = await postForm(detect('?max_detections=5&score_threshold=0.01'), {
      image: file,
      max_detections: '2',
    });
    expect(await labelsOf(response)).toHaveLength(2);
  });

  it('do what they say', async () => {
    const scores = async (query: string) =>
      (await expectPrediction(await post(detect(query), small))).results[0]!.detections!.map(({ score }) => score);
    const all = await scores('?score_threshold=0.01&max_detections=10000');
    expect(all.length).toBeGreaterThan(5);
    expect(Math.min(...all)).toBeGreaterThanOrEqual(0.01);
    expect(await scores('?score_threshold=0.1')).toEqual(all.filter((score) => score >= 0.1));
    expect(await scores('?score_threshold=1')).toEqual([]);
    expect(await scores('?score_threshold=0.01&max_detections=1')).toEqual(all.slice(0, 1));
    const apart = await scores('?score_threshold=0.01&iou_threshold=0.01&class_agnostic=1');
    expect(apart.length).toBeLessThan(all.length);
  });

  it.each([
    '?classes=cat,dog',
    '?classes=cat&classes=dog',
    '?classes=15,16',
    '?classes=CAT,%20Dog',
    '?classes=cat,dog&classes=15',
  ])('%s', async (query) => {
    const labels = await labelsOf(await post(detect(`${query}&score_threshold=0.02`), small));
    expect(labels[0]).toBe('cat');
    expect(new Set(labels).size).toBeLessThanOrEqual(2);
    for (const label of labels) expect(['cat', 'dog']).toContain(label);
  });

  it('classes in forms and JSON', async () => {
    const image = small.toString('base64');
    const file = { name: 'a', bytes: small };
    for (const classes of ['cat', ['cat'], [15], 15, ['cat', 'cat,15']]) {
      expect(await labelsOf(await postJson(detect(), { image, classes }))).toEqual(['cat']);
    }
    for (const fields of [{ classes: ['cat', 'zebra'] }, { 'classes[]': ['cat', 'zebra'] }, { classes: 'cat,zebra' }]) {
      expect(await labelsOf(await postForm(detect(), { image: file, ...fields }))).toEqual(['cat']);
    }
    const everyClass = Array.from({ length: 80 }, (_, id) => String(id));
    expect(await labelsOf(await postForm(detect(), { image: file, classes: everyClass }))).toContain('cat');
  });

  it.each([
    'score_threshold=abc',
    'score_threshold=-1',
    'score_threshold=2',
    'score_threshold=NaN',
    'score_threshold=',
    'score_threshold=%20',
    'score_threshold=Infinity',
    'score_threshold=0x1',
    'score_threshold=0.1&score_threshold=0.2',
    'iou_threshold=1.01',
    'iou_threshold=-0.0001',
    'max_detections=0',
    'max_detections=1.5',
    'max_detections=-3',
    'max_detections=10001',
    'max_detections=1e99',
    'class_agnostic=maybe',
    'class_agnostic=constructor',
    'classes=',
    'classes=,',
    'classes=cat,',
    'mask_format=bitmap',
    'format=gif',
    'format=__proto__',
    'model=',
    'model=a&model=b',
  ])('%s is refused by name', async (query) => {
    const detail = await expectProblem(await post(detect(`?${query}`), small), 400, 'invalid_option');
    expect(detail).toContain(query.split('=')[0]);
  });

  it.each(['unicorn', '99', '-1', '1e1', 'constructor', '__proto__', 'cat;dog', 'ca'])('class %s', async (name) => {
    const detail = await expectProblem(await post(detect(`?classes=${name}`), small), 400, 'unknown_class');
    expect(detail).toContain(name);
  });

  it.each([
    ['treshold', 'score_threshold'],
    ['confidence', 'score_threshold'],
    ['Classes', 'classes'],
    ['image', 'image'],
    ['__proto__', 'model'],
    ['constructor', 'model'],
    ['toString', 'model'],
    ['__proto__[polluted]', 'model'],
    ['score_threshold[]', 'score_threshold'],
    ['', 'model'],
  ])('the misspelt name “%s” is answered with the right ones', async (name, right) => {
    const query = `?${encodeURIComponent(name)}=1`;
    const detail = await expectProblem(await post(detect(query), small), 400, 'invalid_option');
    expect(detail).toContain(right);
    const body = Buffer.concat([part(`name="${name}"`, '1'), part('name="image"; filename="a"', small), formEnd]);
    if (name) await expectProblem(await post(detect(), body, formType), 400);
    const json = `{"image":"${small.toString('base64')}",${JSON.stringify(name)}:1}`;
    if (name !== 'image') await expectProblem(await postJson(detect(), json), 400, 'invalid_option');
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
  });

  it.each([
    ['score_threshold', [null, true, [], {}, [0.5], '', '1e400']],
    ['max_detections', [null, true, '5.5', [5]]],
    ['class_agnostic', [null, 1, 'yes', []]],
    ['classes', [null, [], [[]], [['cat']], [null], [{}], {}, true]],
    ['model', [null, 5, [], {}, ['nanodet-g-coco']]],
    ['format', [null, 5, ['json']]],
    ['mask_format', [null, false, {}]],
  ])('JSON values that %s cannot be', async (name, values) => {
    const image = small.toString('base64');
    for (const value of values) {
      const detail = await expectProblem(await postJson(detect(), { image, [name]: value }), 400);
      expect(detail).toContain(name);
    }
  });

  it('names as long as the body are refused, and not repeated in the answer', async () => {
    const image = small.toString('base64');
    const long = 'x'.repeat(2_000_000);
    const bodies = [{ model: long }, { classes: [long] }, { [long]: 1 }, { format: long }];
    for (const options of bodies) {
      const detail = await expectProblem(await postJson(detect(), { image, ...options }), 413);
      expect(detail.length).toBeLessThan(5000);
    }
  });

  it('hold inside another server too', async () => {
    const app = createApp({ engine: server.engine, config: server.config, logger: server.logger });
    const found = await supertest(app).post('/v1/detect?classes=cat').attach('image', small, 'cat.jpg').expect(200);
    expect(found.body.results[0].detections[0].label).toBe('cat');
    const refused = await supertest(app).post('/v1/detect').field('iou_treshold', 1).attach('image', small, 'cat.jpg');
    expect(refused.status).toBe(400);
    expect(refused.body.detail).toContain('iou_threshold');
  });
});

describe('model', () => {
  it.each(['nope', '..%2f..%2fetc%2fpasswd', '%00', '__proto__', 'nanodet-g-coco%2f', 'NANODET-G-COCO', '.'])(
    '%s is not there',
    async (id) => {
      const detail = await expectProblem(await post(detect(`?model=${id}`), small), 404, 'model_not_found');
      expect(detail).toContain('nanodet-g-coco');
    },
  );
});
