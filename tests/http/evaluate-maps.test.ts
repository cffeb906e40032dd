import { readdirSync, readFileSync } from 'node:fs';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { panopticScores, segmentationScores } from '../../src/http/responses.ts';
import { sharedPath } from '../helpers/shared.ts';
import { type FilePart, scoringServer } from './evaluate-server.ts';

const server = scoringServer({ MAX_PIXELS: '1000000' });
const SEMANTIC = '/v1/evaluate/segmentation';
const PANOPTIC = '/v1/evaluate/panoptic';

const grey = (labels: number[], width: number) =>
  sharp(Uint8Array.from(labels), { raw: { width, height: labels.length / width, channels: 1 } })
    .toColourspace('b-w')
    .png()
    .toBuffer();
const rgb = (ids: number[], width: number) =>
  sharp(Uint8Array.from(ids.flatMap((id) => [id & 255, id >> 8, 0])), {
    raw: { width, height: ids.length / width, channels: 3 },
  })
    .png()
    .toBuffer();

describe('segmentation', () => {
  it('scores maps that are paired by name', async () => {
    const truth = await grey([0, 0, 1, 255], 2);
    const guess = await grey([0, 1, 1, 1], 2);
    const { status, body } = await server.form(SEMANTIC, {
      'ground_truth[]': [['gt/a.png', truth]],
      'predictions[]': [['a.png', guess]],
      labels: 'road,car,sky',
      confusion: 'true',
    });
    expect(status).toBe(200);
    expect(body).toMatchObject({
      mean_iou: 0.5,
      mean_iou_all: 1 / 3,
      pixel_accuracy: expect.closeTo(2 / 3, 12),
      mean_accuracy: 0.75,
      mean_dice: expect.closeTo(2 / 3, 12),
      frequency_weighted_iou: 0.5,
      images: 1,
      confusion: [
        [1, 1, 0, 0],
        [0, 1, 0, 0],
        [0, 0, 0, 0],
      ],
    });
    expect(segmentationScores.strict().parse(body)).toEqual(body);
    expect(body.per_class).toEqual([
      { class_id: 0, label: 'road', iou: 0.5, dice: expect.closeTo(2 / 3, 12), accuracy: 0.5, pixels: 2 },
      { class_id: 1, label: 'car', iou: 0.5, dice: expect.closeTo(2 / 3, 12), accuracy: 1, pixels: 1 },
      { class_id: 2, label: 'sky', iou: -1, dice: -1, accuracy: -1, pixels: 0 },
    ]);
  });

  it('counts the classes where none are named; undefined is −1', async () => {
    const map = await grey([0, 3, 255, 255], 2);
    const files = { ground_truth: [['a.png', map]], predictions: [['a.png', map]] } as const;
    const { body } = await server.form(SEMANTIC, files);
    expect(body.per_class.map(({ label }) => label)).toEqual(['0', '1', '2', '3']);
    expect(body.mean_iou).toBe(1);
    const none = await grey([9, 9], 2);
    const void_ = await server.form(SEMANTIC, {
      ground_truth: [['a.png', none]],
      predictions: [['a.png', none]],
      ignore_index: '9',
    });
    expect(void_.body).toMatchObject({ mean_iou: -1, pixel_accuracy: -1, frequency_weighted_iou: -1 });
  });

  it('refuses what cannot be paired or is no label map', async () => {
    const map = await grey([0, 1], 2);
    const ask = (gt: FilePart[], dt: FilePart[], fields = {}) =>
      server.form(SEMANTIC, { ground_truth: gt, predictions: dt, ...fields });
    const detail = async (answer: ReturnType<typeof ask>) => {
      const { status, body } = await answer;
      return `${status} ${body.detail}`;
    };
    expect(
      await detail(
        ask(
          [
            ['a.png', map],
            ['b.png', map],
          ],
          [['a.png', map]],
        ),
      ),
    ).toBe('400 there are no predictions for ‘b’');
    expect(
      await detail(
        ask(
          [['a.png', map]],
          [
            ['a.png', map],
            ['c.png', map],
          ],
        ),
      ),
    ).toBe('400 there is no ground truth for ‘c’');
    expect(
      await detail(
        ask(
          [
            ['x/a.png', map],
            ['a.png', map],
          ],
          [['a.png', map]],
        ),
      ),
    ).toMatch(/^400 two files of ground_truth/);
    expect(await detail(ask([['a.png', map]], [['a.png', await grey([0, 1, 1], 3)]]))).toBe(
      '400 a.png: the truth has 2×1 pixels, the prediction 3×1',
    );
    expect(await detail(ask([['a.png', map]], [['a.png', await rgb([0, 1], 2)]]))).toMatch(
      /^422 a\.png: 3 numbers per pixel/,
    );
    expect(await detail(ask([['a.png', map]], [['a.png', 'text']]))).toMatch(/^422 a\.png: label maps must be PNG/);
    expect(await detail(ask([['a.png', map]], [['a.png', map]], { ignore: '1' }))).toMatch(
      /^400 unknown option ‘ignore’/,
    );
    expect(await detail(ask([['a.png', map]], [['a.png', map]], { ignore_index: 'x' }))).toMatch(/^400 ignore_index/);
    expect(await detail(ask([['a.png', map]], []))).toBe('400 there is no file in the field ‘predictions’');
  });
});

describe('panoptic', () => {
  const categories = [
    { id: 1, name: 'cat', isthing: 1 },
    { id: 2, name: 'sky', isthing: 0 },
  ];
  const entry = (...segments: [id: number, category_id: number][]) => ({
    image_id: 4,
    file_name: '4.png',
    segments_info: segments.map(([id, category_id]) => ({ id, category_id })),
  });
  const truth = { categories, annotations: [entry([300, 1], [8, 2])] };
  const guess = { annotations: [entry([5, 1], [6, 2])] };
  const ask = async (gt: unknown, dt: unknown, ids = [5, 5, 6, 6], name = '4.png') =>
    server.form(PANOPTIC, {
      ground_truth: [
        ['gt.json', gt],
        ['4.png', await rgb([300, 300, 300, 8], 2)],
      ],
      predictions: [
        ['dt.json', dt],
        [name, await rgb(ids, 2)],
      ],
    });

  it('scores segments whose ids are colours', async () => {
    const { status, body } = await ask(truth, guess);
    expect(status).toBe(200);
    // Two of three pixels of the cat; half of the sky is no match.
    expect(body).toMatchObject({
      PQ: 1 / 3,
      SQ: 1 / 3,
      RQ: 0.5,
      n: 2,
      things: { PQ: 2 / 3, n: 1 },
      stuff: { PQ: 0, n: 1 },
      images: 1,
    });
    expect(panopticScores.strict().parse(body)).toEqual(body);
    expect(body.per_class).toMatchObject([
      { class_id: 1, label: 'cat', is_thing: true, PQ: 2 / 3, true_positives: 1 },
      { class_id: 2, label: 'sky', is_thing: false, PQ: 0, false_positives: 1, false_negatives: 1 },
    ]);
  });

  it('names what is wrong', async () => {
    const detail = async (answer: ReturnType<typeof ask>) => {
      const { status, body } = await answer;
      return `${status} ${body.detail}`;
    };
    expect(await detail(ask(truth, { annotations: [] }))).toBe('400 there are no predictions for the images 4');
    expect(await detail(ask(truth, guess, [5, 5, 6, 7]))).toBe(
      '400 image 4: segment 7 of the prediction has no category',
    );
    expect(await detail(ask(truth, guess, undefined, '5.png'))).toBe('400 predictions lacks ‘4.png’ of image 4');
    expect(await detail(ask({ ...truth, categories: 7 }, guess))).toMatch(/^400 gt\.json: categories/);
    expect(await detail(ask('{', guess))).toMatch(/^400 gt\.json is not JSON/);
    expect(await detail(ask(truth, { annotations: [entry(), entry()] }))).toMatch(/^400 dt\.json: two annotations/);
    expect(await detail(ask(truth, '[]'))).toBe('400 predictions has no JSON file beside its maps');
  });
});

const folder = sharedPath('eval');
const files = (path: string): FilePart[] =>
  readdirSync(`${folder}/${path}`).map((name) => [name, readFileSync(`${folder}/${path}/${name}`)]);
const json = (path: string) => JSON.parse(readFileSync(`${folder}/${path}`, 'utf8'));

describe.skipIf(!folder)('reference answers over HTTP (skipped where the reference data is missing)', () => {
  it('semantic: scikit-learn and detectron2', async () => {
    const expected = json('semantic_gen/EXPECTED.json');
    const labels = Array.from({ length: expected.num_classes }, (_, i) => `class ${i}`).join();
    const { body } = await server.form(SEMANTIC, {
      ground_truth: files('semantic_gen/gt'),
      predictions: files('semantic_gen/pred'),
      ignore_index: String(expected.ignore_label),
      labels,
    });
    expect(body.mean_iou).toBeCloseTo(expected['miou_over_union_gt_0 (mmseg nanmean rule)'], 12);
    expect(body.mean_iou_present).toBeCloseTo(expected['miou_over_gt_present (detectron2 rule)'], 12);
    expect(body.frequency_weighted_iou).toBeCloseTo(expected.fwiou_detectron2, 12);
    expect(body.pixel_accuracy).toBeCloseTo(expected.pacc, 12);
  });

  it.each(['sample', 'gen'])('panoptic %s: panopticapi', async (set) => {
    const path = `panoptic/${set}`;
    const { All, Things, Stuff, per_class } = json(`${path}/EXPECTED.json`);
    const { body } = await server.form(PANOPTIC, {
      ground_truth: [['gt.json', json(`${path}/gt.json`)], ...files(`${path}/gt`)],
      predictions: [['pred.json', json(`${path}/pred.json`)], ...files(`${path}/pred`)],
    });
    const near = (
      { PQ, SQ, RQ }: { PQ: number; SQ: number; RQ: number },
      { pq, sq, rq }: { pq: number; sq: number; rq: number },
    ) => {
      expect(PQ).toBeCloseTo(pq, 12);
      expect(SQ).toBeCloseTo(sq, 12);
      expect(RQ).toBeCloseTo(rq, 12);
    };
    near(body, All);
    near(body.things, Things);
    near(body.stuff, Stuff);
    for (const entry of body.per_class) if (per_class?.[entry.class_id]) near(entry, per_class[entry.class_id]);
  });
});
