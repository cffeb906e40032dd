import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { detectionScores } from '../../src/http/responses.ts';
import { sharedPath } from '../helpers/shared.ts';
import { scoringServer } from './evaluate-server.ts';

const server = scoringServer();
const PATH = '/v1/evaluate/detection';

/** Two images, two classes; one object is found well, one badly, one not at all, and one detection is wrong. */
const images = [
  { id: 1, width: 100, height: 100, file_name: 'a.jpg' },
  { id: 2, width: 100, height: 100, file_name: 'b.jpg' },
];
const categories = [
  { id: 3, name: 'cat' },
  { id: 7, name: 'dog' },
  { id: 9, name: 'nothing' },
];
const box = (id: number, image_id: number, category_id: number, bbox: number[]) => ({
  id,
  image_id,
  category_id,
  bbox,
  area: bbox[2]! * bbox[3]!,
  iscrowd: 0,
});
const annotations = [box(1, 1, 3, [10, 10, 20, 20]), box(2, 1, 7, [50, 50, 40, 40]), box(3, 2, 3, [0, 0, 50, 50])];
const truth = { images, categories, annotations };
const result = (image_id: number, category_id: number, bbox: number[], score: number) => ({
  image_id,
  category_id,
  bbox,
  score,
});
const results = [
  result(1, 3, [10, 10, 20, 20], 0.9),
  result(1, 7, [50, 50, 40, 30], 0.8),
  result(2, 3, [60, 60, 20, 20], 0.7),
];

const score = (gt: unknown, dt: unknown, fields: Record<string, string> = {}) =>
  server.form(PATH, { ground_truth: [['gt.json', gt]], predictions: [['dt.json', dt]], ...fields });

describe('a small data set', () => {
  it('scores two files', async () => {
    const { status, body } = await score(truth, results);
    expect(status).toBe(200);
    expect(body).toMatchObject({ protocol: 'coco', iou_type: 'bbox', images: 2, warnings: [] });
    expect(detectionScores.strict().parse(body)).toEqual(body);
    const [cat, dog, nothing] = body.per_class;
    // One of two cats is found at every IoU: precision 1 up to recall 1/2, at 51 of 101 points.
    expect(cat).toMatchObject({ class_id: 3, label: 'cat', ground_truth: 2, predictions: 2, AR100: 0.5 });
    expect(cat!.AP).toBeCloseTo(51 / 101, 12);
    // IoU 0.75: found at 6 of 10 thresholds.
    expect(dog).toMatchObject({ label: 'dog', AR100: 0.6, AP50: 1 - 2 ** -53 });
    expect(nothing).toMatchObject({ AP: -1, AP50: -1, AP75: -1, AR100: -1, ground_truth: 0, predictions: 0 });
    expect(body.stats.AP).toBeCloseTo((51 / 101 + 0.6) / 2, 12);
    expect(Object.keys(body.stats)).toEqual([
      'AP',
      'AP50',
      'AP75',
      'APs',
      'APm',
      'APl',
      'AR1',
      'AR10',
      'AR100',
      'ARs',
      'ARm',
      'ARl',
    ]);
    expect(body.stats.APl).toBe(-1);
  });

  it('means the same inline, and in the text of a form', async () => {
    const { body } = await score(truth, results);
    expect((await server.json(PATH, { ground_truth: truth, predictions: results })).body).toEqual(body);
    const text = { ground_truth: JSON.stringify(truth), predictions: JSON.stringify(results) };
    expect((await server.form(PATH, text)).body).toEqual(body);
  });

  it('is 0 for no detections, and undefined without ground truth', async () => {
    const none = await score(truth, []);
    expect(none.body.stats).toMatchObject({ AP: 0, AR100: 0, APl: -1 });
    const empty = await score({ ...truth, annotations: [] }, results);
    expect(new Set(Object.values(empty.body.stats))).toEqual(new Set([-1]));
    const nothing = await score({ images: [], categories: [], annotations: [] }, []);
    expect(nothing).toMatchObject({ status: 200, body: { per_class: [], images: 0 } });
  });

  it.each([
    ['iou_thresholds', '0.5,0.75', [0.5, 0.75]],
    ['iou_thresholds', '[0.5, 0.75]', [0.5, 0.75]],
    ['iou_thresholds', '0.5', [0.5]],
    ['max_detections', '1,10,100', [1, 10, 100]],
  ])('%s=%s', async (name, text, parsed) => {
    const sent = await score(truth, results, { [name]: text });
    expect((sent.body.parameters as unknown as Record<string, unknown>)[name]).toEqual(parsed);
    const inline = await server.json(PATH, { ground_truth: truth, predictions: results, [name]: parsed });
    expect(inline.body).toEqual(sent.body);
    const query = await server.json(`${PATH}?${name}=${encodeURIComponent(text)}`, {
      ground_truth: truth,
      predictions: results,
    });
    expect(query.body).toEqual(sent.body);
  });

  it('answers for the sizes, images and classes that are asked for', async () => {
    const ranges = [[0, 1e10], { label: 'tiny', min: 0, max: 400 }];
    const { body } = await score(truth, results, { area_ranges: JSON.stringify(ranges) });
    expect(body.areas).toEqual([
      { label: 'all', AP: body.stats.AP, AR: body.stats.AR100 },
      { label: 'tiny', AP: expect.closeTo(1, 12), AR: 1 },
    ]);
    expect(body.stats.APs).toBe(-1);
    expect((await score(truth, results, { image_ids: '2' })).body).toMatchObject({ images: 1, stats: { AP: 0 } });
    const dogs = await score(truth, results, { category_ids: '7,8' });
    expect(dogs.body.per_class.map(({ label }) => label)).toEqual(['dog', '8']);
    expect(dogs.body.warnings).toEqual(['the ground truth has none of these category_ids: 8']);
  });

  it('without classes, one row stands for all', async () => {
    const wrong = results.map((r) => ({ ...r, category_id: 9 }));
    expect((await score(truth, wrong)).body.stats.AP).toBe(0);
    const { body } = await score(truth, wrong, { use_categories: 'false' });
    expect(body.per_class).toMatchObject([{ class_id: -1, label: 'all', ground_truth: 3, predictions: 3 }]);
    expect(body.stats.AP).toBeGreaterThan(0.4);
  });

  it('Pascal VOC: one IoU threshold, 11 points or the area', async () => {
    const voc = await score(truth, results, { protocol: 'voc2012' });
    expect(voc.body).toMatchObject({ protocol: 'voc2012', parameters: { iou_thresholds: [0.5] } });
    expect(voc.body.per_class.map(({ AP }) => AP)).toEqual([0.5, 1, -1]);
    expect(voc.body.stats).toMatchObject({ AP: 0.75, AP50: 0.75, AP75: -1, AR100: -1 });
    const old = await score(truth, results, { protocol: 'voc2007' });
    expect(old.body.per_class[0]!.AP).toBeCloseTo(6 / 11, 12);
  });

  it('adds curves, the confusion matrix and the errors where they are asked for', async () => {
    const { body } = await score(truth, results, { curves: 'true', confusion: 'true', errors: 'true' });
    expect(detectionScores.strict().parse(body)).toEqual(body);
    expect(body.curves!.per_class[0]).toMatchObject({
      label: 'cat',
      scores: [0.9, 0.7],
      precision: [1, 0.5],
      recall: [0.5, 0.5],
      best: { score: 0.9, precision: 1, recall: 0.5, f1: expect.closeTo(2 / 3, 12) },
    });
    expect(body.confusion).toMatchObject({
      labels: ['cat', 'dog', 'nothing', 'background'],
      matrix: [
        [1, 0, 0, 1],
        [0, 1, 0, 0],
        [0, 0, 0, 0],
        [1, 0, 0, 0],
      ],
    });
    expect(body.errors).toMatchObject({ kinds: { missed: { count: 1 }, background: { count: 1 } } });
    const plain = await score(truth, results, { curves: 'false' });
    expect(Object.keys(plain.body)).not.toContain('curves');
  });

  it('adds sizes, intervals, conventions and the worst images where they are asked for', async () => {
    const asked = { sizes: '32', bootstrap: '50', conventions: 'true', worst: '1' };
    const { status, body } = await score(truth, results, asked);
    expect(status).toBe(200);
    expect(detectionScores.strict().parse(body)).toEqual(body);
    expect(body.sizes).toMatchObject([
      { label: 'up to 32²', min: 0, max: 1024, AR: 1, ground_truth: 1 },
      { label: 'from 32²', min: 1024, max: null, ground_truth: 2 },
    ]);
    const { bootstrap } = body;
    expect(bootstrap).toMatchObject({ resamples: 50, confidence: 0.95 });
    expect(bootstrap!.AP.value).toBeCloseTo(body.stats.AP!, 12);
    expect(bootstrap!.AP.low).toBeLessThan(bootstrap!.AP.high);
    expect(bootstrap!.per_class.map(({ label, value }) => [label, value])).toEqual(
      body.per_class.map(({ label, AP }) => [label, expect.closeTo(AP, 12)]),
    );
    const [coco, , , ultralytics] = body.conventions!.definitions;
    expect(coco).toMatchObject({ name: 'COCO', AP: expect.closeTo(body.stats.AP50!, 12), causes: [] });
    expect(ultralytics!.causes.at(-1)).toMatchObject({ rule: 'interpolation', AP: ultralytics!.AP });
    // The only cat of image 2 is missed, so that a threshold above the score of what is wrong there is best.
    expect(body.worst).toMatchObject({
      score_threshold: 0.8,
      images: [{ image_id: 2, file_name: 'b.jpg', lrp: 1, f1: 0, true_positives: 0, false_positives: 0, missed: 1 }],
    });
    const inline = {
      ground_truth: truth,
      predictions: results,
      sizes: [32],
      bootstrap: 50,
      conventions: true,
      worst: 1,
    };
    expect((await server.json(PATH, inline)).body).toEqual(body);
  });

  it('compares with a baseline: what got better and what got worse', async () => {
    const old = [
      result(2, 3, [0, 0, 50, 50], 0.6),
      result(1, 7, [50, 50, 40, 30], 0.8),
      result(1, 3, [80, 80, 9, 9], 0.9),
    ];
    const files = { ground_truth: [['gt.json', truth]], predictions: [['dt.json', results]] } as const;
    const { status, body } = await server.form(PATH, { ...files, baseline: [['old.json', old]], bootstrap: '40' });
    expect(status).toBe(200);
    expect(detectionScores.strict().parse(body)).toEqual(body);
    const { comparison } = body;
    const alone = await score(truth, old);
    expect(comparison!.AP).toMatchObject({
      baseline: expect.closeTo(alone.body.stats.AP!, 12),
      predictions: expect.closeTo(body.stats.AP!, 12),
    });
    const [cat, dog] = comparison!.per_class;
    // The right cat now comes before the wrong one: at 51 recalls, precision 1 instead of ½.
    expect(cat).toMatchObject({ label: 'cat', difference: { value: expect.closeTo(51 / 202, 12) } });
    expect(dog).toMatchObject({ label: 'dog', difference: { value: 0, low: 0, high: 0 } });
    expect(comparison!.images).toMatchObject({
      better: 1,
      worse: 1,
      same: 0,
      most_improved: [{ file_name: 'a.jpg', predictions: { true_positives: 2 } }],
      most_worsened: [{ file_name: 'b.jpg', baseline: { true_positives: 1 }, predictions: { true_positives: 0 } }],
    });
    const inline = await server.json(PATH, { ground_truth: truth, predictions: results, baseline: old, bootstrap: 40 });
    expect(inline.body).toEqual(body);
  });

  it('says when the baseline is at fault', async () => {
    const files = { ground_truth: [['gt.json', truth]], predictions: [['dt.json', results]] } as const;
    const broken = await server.form(PATH, { ...files, baseline: [['old.json', [{ ...results[0], image_id: 77 }]]] });
    expect(broken).toMatchObject({ status: 400, body: { detail: expect.stringMatching(/^the baseline: .*77/) } });
    const noJson = await server.form(PATH, { ...files, baseline: [['old.json', '[']] });
    expect(noJson).toMatchObject({ status: 400, body: { detail: expect.stringContaining('old.json') } });
    const voc = await server.form(PATH, { ...files, baseline: [['old.json', results]], protocol: 'voc2012' });
    expect(voc).toMatchObject({ status: 400, body: { detail: expect.stringContaining('baseline') } });
  });

  it('goes on when a thread was ended in the middle of its work', async () => {
    const many = Array.from({ length: 200_000 }, (_, i) => result(1, 3, [i % 90, 5, 9, 9], 0.5));
    const form = new FormData();
    form.append('ground_truth', new Blob([JSON.stringify(truth)]), 'gt.json');
    form.append('predictions', new Blob([JSON.stringify(many)]), 'dt.json');
    const stop = new AbortController();
    const sent = fetch(`${server.base}${PATH}`, { method: 'POST', body: form, signal: stop.signal });
    while (server.engine.scoring.stats.running === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    stop.abort();
    await expect(sent).rejects.toThrow();
    expect((await score(truth, results)).status).toBe(200);
    expect(server.engine.scoring.stats).toEqual({ running: 0, queued: 0 });
  });
});

const huge = { size: [2 ** 31, 2 ** 31], counts: [2 ** 62] };
const noSuchImage = [9, 4].map((id) => result(id, 3, [0, 0, 1, 1], 0.5));
const withMask = (segmentation: unknown) => [{ image_id: 1, category_id: 3, score: 0.5, segmentation }];

describe('what is wrong is refused and named', () => {
  it.each<[string, unknown, unknown, Record<string, string>, string | RegExp]>([
    ['truncated JSON', JSON.stringify(truth).slice(0, -9), results, {}, /gt\.json is not JSON/],
    ['NaN', truth, '[{"image_id":1,"category_id":3,"bbox":[0,0,1,1],"score":NaN}]', {}, /dt\.json is not JSON/],
    ['an empty file', '', results, {}, /gt\.json is not JSON/],
    [
      'the two in the wrong fields',
      results,
      truth,
      {},
      'the ground truth: gt.json is a list of COCO results; are ground truth and predictions swapped?',
    ],
    [
      'a wrong field name',
      { ...truth, annotations: undefined, anotations: [] },
      results,
      {},
      'annotations must be an array, got nothing',
    ],
    [
      'a result without score',
      truth,
      [{ image_id: 1, category_id: 3, bbox: [0, 0, 1, 1] }],
      {},
      'score of results[0] must be a finite number, got nothing',
    ],
    [
      'a box of three numbers',
      truth,
      [result(1, 3, [0, 0, 1], 0.5)],
      {},
      'bbox of results[0] must be 4 finite numbers',
    ],
    [
      'text in a box',
      { ...truth, annotations: [{ ...annotations[0], bbox: 'x' }] },
      results,
      {},
      'bbox of annotation 1 must be 4 finite numbers',
    ],
    [
      'duplicate ids',
      { ...truth, annotations: [annotations[0], annotations[0]] },
      results,
      {},
      'two annotations have the id 1',
    ],
    ['unknown images', truth, noSuchImage, {}, 'the ground truth lacks: 9, 4'],
    ['a null', truth, [null], {}, 'results[0] must be an object, got null'],
    ['a number for everything', '7', '8', {}, 'the ground truth must be an object, got 7'],
    [
      'an image id that is no number',
      truth,
      [{ ...results[0], image_id: 'a.jpg' }],
      {},
      'image_id of results[0] must be an integer',
    ],
    ['no masks to compare', truth, results, { iou_type: 'segm' }, /annotation 1/],
    ['no keypoints to compare', truth, results, { iou_type: 'keypoints' }, /keypoints of annotation 1/],
    ['an unknown option', truth, results, { iou: 'bbox' }, 'unknown option ‘iou’; the options are iou_type, protocol'],
    ['an unknown IoU type', truth, results, { iou_type: 'boxes' }, /iou_type.*bbox/],
    ['an unknown protocol', truth, results, { protocol: 'lvis' }, /protocol.*voc2007/],
    ['VOC of masks', truth, results, { protocol: 'voc2012', iou_type: 'segm' }, 'Pascal VOC compares boxes, not segm'],
    [
      'a COCO option for VOC',
      truth,
      results,
      { protocol: 'voc2012', max_detections: '5' },
      'Pascal VOC has no max_detections',
    ],
    ['a threshold that is none', truth, results, { iou_thresholds: '0.5,often' }, /iou_thresholds\.1/],
    ['a threshold above 1', truth, results, { iou_thresholds: '50' }, /iou_thresholds\.0/],
    ['no limit at all', truth, results, { max_detections: '0' }, /max_detections\.0/],
    ['half a range', truth, results, { area_ranges: '[[0]]' }, /area_ranges\.0/],
    ['a range upside down', truth, results, { area_ranges: '[[9, 3]]' }, 'area range all goes from 9 to 3'],
    ['broken JSON in an option', truth, results, { area_ranges: '[[0,' }, /area_ranges/],
    ['conventions of masks', truth, results, { conventions: 'true', iou_type: 'segm' }, /conventions/],
    ['sizes that do not ascend', truth, results, { sizes: '96,32' }, /areas must ascend/],
    ['too many resamples', truth, results, { bootstrap: '10001' }, /bootstrap/],
    ['no images', truth, results, { worst: '0' }, /worst/],
    ['intervals for VOC', truth, results, { protocol: 'voc2012', bootstrap: '9' }, 'Pascal VOC has no bootstrap'],
    ['a field that every object has', truth, results, { constructor: 'x' }, 'unknown option ‘constructor’'],
    ['a switch that is none', truth, results, { use_categories: 'maybe' }, /use_categories/],
  ])('%s', async (_, gt, dt, fields, detail) => {
    const { status, body } = await score(gt, dt, fields);
    expect(body.detail).toMatch(detail);
    expect(status).toBe(400);
  });

  it.each<[string, unknown]>([
    ['a broken RLE string', { size: [100, 100], counts: '~~~' }],
    ['an RLE that is too short', { size: [100, 100], counts: [3] }],
    ['negative runs', { size: [100, 100], counts: [-5, 10_005] }],
    ['runs beyond every number', huge],
    ['sizes beyond every memory', { size: [1e9, 1e9], counts: [1e18] }],
    ['half a point', [[1, 2, 3]]],
    ['text', 'mask'],
    ['null', null],
  ])('masks: %s', async (_, segmentation) => {
    const square = { ...annotations[0], segmentation: [[0, 0, 9, 0, 9, 9]] };
    const { status, body } = await score({ ...truth, annotations: [square] }, withMask(segmentation), {
      iou_type: 'segm',
    });
    expect(body.detail).toMatch(/results\[0\]/);
    expect(status).toBe(400);
  });

  it('more classes than can be scored', async () => {
    const crowd = {
      images,
      annotations: [],
      categories: Array.from({ length: 20_000 }, (_, id) => ({ id, name: `${id}` })),
    };
    const { status, body } = await score(crowd, []);
    expect(body.detail).toBe('20000 categories; with these options at most 5537 can be scored');
    expect(status).toBe(413);
  });

  it('missing and surplus files', async () => {
    const gt = [['gt.json', truth]] as const;
    const missing = await server.form(PATH, { ground_truth: gt });
    expect(missing).toMatchObject({ status: 400, body: { detail: 'there is no file in the field ‘predictions’' } });
    const stray = await server.form(PATH, { ground_truth: gt, prediction: gt });
    expect(stray).toMatchObject({ status: 400, body: { detail: expect.stringContaining('field ‘prediction’') } });
    const twice = await server.form(PATH, { ground_truth: [...gt, ...gt], predictions: gt });
    expect(twice).toMatchObject({
      status: 400,
      body: { detail: expect.stringContaining('several .json files: gt.json, gt.json') },
    });
    const half = await server.json(PATH, { ground_truth: truth });
    expect(half).toMatchObject({ status: 400, body: { detail: 'the body has no ‘predictions’' } });
    expect(await server.json(PATH, '[]')).toMatchObject({ status: 400 });
    expect(await server.json(PATH, '{')).toMatchObject({
      status: 400,
      body: { detail: expect.stringContaining('not JSON') },
    });
    const raw = await server.send(PATH, { method: 'POST', body: 'x', headers: { 'content-type': 'text/plain' } });
    expect(raw).toMatchObject({ status: 415 });
  });
});

const folder = sharedPath('eval');
const file = (name: string) => JSON.parse(readFileSync(`${folder}/${name}.json`, 'utf8'));

describe.skipIf(!folder)('pycocotools’ answers over HTTP (skipped where the reference data is missing)', () => {
  const val2014 = 'coco_val2014_100/instances_val2014';
  it.each([
    ['coco_mini/instances_val2017', 'coco_mini/dt_bbox', 'bbox', 'coco_mini/EXPECTED.bbox', {}],
    ['coco_mini/instances_val2017', 'coco_mini/dt_segm', 'segm', 'coco_mini/EXPECTED.segm', {}],
    ['coco_mini/person_keypoints_val2017', 'coco_mini/dt_keypoints', 'keypoints', 'coco_mini/EXPECTED.keypoints', {}],
    [
      `${val2014}_100`,
      `${val2014}_fakebbox100_results`,
      'bbox',
      'coco_val2014_100/EXPECTED.bbox.useCats0',
      { use_categories: '0' },
    ],
    [`${val2014}_100`, `${val2014}_fakesegm100_results`, 'boundary', 'coco_val2014_100/EXPECTED.boundary', {}],
  ])('%s with %s: %s', async (gt, dt, iou_type, expected, fields) => {
    const { status, body } = await score(file(gt), file(dt), { iou_type, ...fields });
    expect(status).toBe(200);
    const { stats, AP_per_class } = file(expected);
    Object.values(body.stats).forEach((value, i) => {
      expect(Math.abs(value - stats[i])).toBeLessThanOrEqual(1e-12);
    });
    expect(Object.keys(body.stats)).toHaveLength(stats.length);
    const perClass: number[] = AP_per_class?.all ?? AP_per_class ?? [];
    perClass.forEach((ap, k) => {
      expect(Math.abs(body.per_class[k]!.AP - ap)).toBeLessThanOrEqual(1e-12);
    });
  });
});
