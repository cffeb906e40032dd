import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import type { DetectionAnswer } from '../../src/evaluate/detection.ts';
import { sharedPath } from '../helpers/shared.ts';
import { miru, temporaryFolder } from './miru.ts';

const truth = {
  images: [{ id: 5, width: 100, height: 100, file_name: 'a.png' }],
  categories: [
    { id: 3, name: 'cat' },
    { id: 4, name: 'dog' },
  ],
  annotations: [{ id: 1, image_id: 5, category_id: 3, bbox: [10, 10, 40, 40], area: 1600, iscrowd: 0 }],
};
const results = [{ image_id: 5, category_id: 3, bbox: [10, 10, 40, 30], score: 0.9 }];

let folder: string;
let gt: string;
let dt: string;
beforeEach(() => {
  folder = temporaryFolder();
  gt = join(folder, 'gt.json');
  dt = join(folder, 'dt.json');
  writeFileSync(gt, JSON.stringify(truth));
  writeFileSync(dt, JSON.stringify(results));
});

describe('files', () => {
  it('prints the lines of pycocotools, to the blank', async () => {
    const { code, stdout, stderr } = await miru(['evaluate', '--ground-truth', gt, '--predictions', dt]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toBe(` Average Precision  (AP) @[ IoU=0.50:0.95 | area=   all | maxDets=100 ] = 0.600
 Average Precision  (AP) @[ IoU=0.50      | area=   all | maxDets=100 ] = 1.000
 Average Precision  (AP) @[ IoU=0.75      | area=   all | maxDets=100 ] = 1.000
 Average Precision  (AP) @[ IoU=0.50:0.95 | area= small | maxDets=100 ] = -1.000
 Average Precision  (AP) @[ IoU=0.50:0.95 | area=medium | maxDets=100 ] = 0.600
 Average Precision  (AP) @[ IoU=0.50:0.95 | area= large | maxDets=100 ] = -1.000
 Average Recall     (AR) @[ IoU=0.50:0.95 | area=   all | maxDets=  1 ] = 0.600
 Average Recall     (AR) @[ IoU=0.50:0.95 | area=   all | maxDets= 10 ] = 0.600
 Average Recall     (AR) @[ IoU=0.50:0.95 | area=   all | maxDets=100 ] = 0.600
 Average Recall     (AR) @[ IoU=0.50:0.95 | area= small | maxDets=100 ] = -1.000
 Average Recall     (AR) @[ IoU=0.50:0.95 | area=medium | maxDets=100 ] = 0.600
 Average Recall     (AR) @[ IoU=0.50:0.95 | area= large | maxDets=100 ] = -1.000
`);
  });

  it('prints classes, JSON and Pascal VOC', async () => {
    const args = ['evaluate', '--ground-truth', gt, '--predictions', dt];
    const table = await miru([...args, '--per-class']);
    expect(table.stdout.split('\n\n')[1]).toBe(`id  class     AP   AP50   AP75  AR100  objects  predictions
 3  cat    0.600  1.000  1.000  0.600        1            1
 4  dog        –      –      –      –        0            0
`);
    const answer: DetectionAnswer = JSON.parse((await miru([...args, '--json', '--iou-thresholds', '0.8'])).stdout);
    expect(answer.stats).toMatchObject({ AP: 0, AP50: -1 });
    const voc = await miru([...args, '--protocol', 'voc2007']);
    expect(voc.stdout).toBe('Pascal VOC, 11 points, IoU 0.5: mean AP = 1.0000\n');
  });

  it('prints a section for every analysis', async () => {
    const old = join(folder, 'old.json');
    writeFileSync(old, JSON.stringify([{ ...results[0], bbox: [10, 10, 40, 20] }]));
    const args = ['evaluate', '--ground-truth', gt, '--predictions', dt, '--baseline', old];
    const asked = ['--sizes', '32,96', '--bootstrap', '20', '--conventions', '--worst', '3', '--curves', '--errors'];
    const { code, stdout, stderr } = await miru([...args, ...asked, '--confusion']);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout.slice(stdout.indexOf('\n\n'))).toBe(`

AP by size of object
  pixels        AP     AR  objects
  up to 32²      –      –        0
  32²–96²    0.600  0.600        1
  from 96²       –      –        0

AP 0.600, 95 % interval 0.600 to 0.600 (20 resamples of the images)

Compared with the baseline: classes, most improved first
  AP   baseline   this  change     95 % interval
  all     0.100  0.600  +0.500  +0.500 to +0.500
  cat     0.100  0.600  +0.500  +0.500 to +0.500
  Better in 100 % of 20 resamples of the images.

1 image got better, 0 worse, 0 stayed the same, by LRP error (0 is perfect)

  most improved  baseline   this  change
  a.png             1.000  0.500  -0.500

AP at IoU 0.5 by several definitions
  definition, and what leads to it from COCO’s                                  AP  change
  COCO                                                                       1.000
  Pascal VOC 2007                                                            1.000
    6 differences change nothing here
  Pascal VOC 2012                                                            1.000
    6 differences change nothing here
  Ultralytics                                                                0.995
    precision falls in straight lines between points, down to 0 at recall 1  0.995  -0.005
    5 more differences change nothing here

Best F1 at IoU 0.5: 1.000 from score 0.900 (precision 1.000, recall 1.000)

What costs AP at IoU 0.5 (1.000): each kind of error alone, by TIDE
  error                  times  AP without it
  wrong class                0          0.000
  wrong place                0          0.000
  wrong class and place      0          0.000
  found twice                0          0.000
  nothing there              0          0.000
  missed                     0          0.000
  all wrong detections       0          0.000
  all missed objects         0          0.000

No object was taken for one of another class, from score 0.25 at IoU 0.5.

Worst images by LRP error, from score 0.900 at IoU 0.5
  image    LRP     F1  right  wrong  missed
  a.png  0.500  1.000      1      0       0
`);
    const table = await miru([...args, '--per-class', '--bootstrap', '20', '--curves']);
    expect(
      table.stdout.split('\n\n')[1],
    ).toBe(`id  class     AP   AP50   AP75  AR100  AP from  AP to  best F1  at score  objects  predictions
 3  cat    0.600  1.000  1.000  0.600    0.600  0.600    1.000     0.900        1            1
 4  dog        –      –      –      –        –      –        –         –        0            0`);
  });

  it('names causes and classes that others have, and no more than fit a screen', async () => {
    const categories = Array.from({ length: 30 }, (_, i) => ({ id: i + 1, name: `class\u001b${i + 1}` }));
    const annotations = categories.map(({ id }) => ({ ...truth.annotations[0], id, category_id: id }));
    const found = categories.map(({ id }) => ({ ...results[0], category_id: id === 30 ? 1 : id }));
    const old = join(folder, 'old.json');
    writeFileSync(
      gt,
      JSON.stringify({
        ...truth,
        categories,
        annotations: [...annotations, { ...annotations[0], id: 31, bbox: [60, 60, 30, 30], area: 900 }],
      }),
    );
    writeFileSync(dt, JSON.stringify(found));
    writeFileSync(old, JSON.stringify(found.slice(0, 15)));
    const args = ['evaluate', '--ground-truth', gt, '--predictions', dt, '--baseline', old, '--conventions'];
    const { stdout } = await miru(args);
    expect(stdout).toContain('… 10 more with --per-class\n');
    expect((await miru([...args, '--per-class'])).stdout).not.toContain('more with');
    expect(stdout).toMatch(
      /precision falls in straight lines between points, down to 0 at recall 1 +0\.\d{3} +\+0\.\d{3}\n {4}5 more differences change nothing here\n/,
    );
    expect(stdout).not.toContain('\u001b');
  });

  it('writes a report', async () => {
    const html = join(folder, 'report.html');
    const { code } = await miru(['evaluate', '--ground-truth', gt, '--predictions', dt, '--html', html]);
    expect(code).toBe(0);
    expect(readFileSync(html, 'utf8')).toMatch(/^<!doctype html>.*dt\.json.*cat/s);
    expect(readFileSync(html, 'utf8')).not.toContain('Compared with the baseline');
    const args = ['evaluate', '--ground-truth', gt, '--predictions', dt, '--baseline', dt, '--sizes', '50'];
    expect((await miru([...args, '--html', html])).code).toBe(0);
    expect(readFileSync(html, 'utf8')).toMatch(/Compared with the baseline.*from 50²/s);
  });

  it.each<[string, readonly string[], number, RegExp]>([
    ['nothing to score', [], 2, /--predictions .* --model/],
    ['both', ['--predictions', 'dt', '--model', 'm'], 2, /cannot be used with/],
    ['an unknown IoU type', ['--predictions', 'dt', '--iou-type', 'boxes'], 2, /iou-type/],
    [
      'VOC of masks',
      ['--predictions', 'dt', '--iou-type', 'segm', '--protocol', 'voc2012'],
      2,
      /Pascal VOC compares boxes/,
    ],
    ['intervals for VOC', ['--predictions', 'dt', '--bootstrap', '9', '--protocol', 'voc2012'], 2, /has no bootstrap/],
    ['resamples that are no number', ['--predictions', 'dt', '--bootstrap', 'many'], 2, /bootstrap/],
    ['a baseline that is not there', ['--predictions', 'dt', '--baseline', 'none.json'], 1, /none\.json: no such file/],
    ['a file that is not there', ['--predictions', 'none.json'], 1, /none\.json: no such file/],
  ])('refuses %s in one line', async (_, args, code, message) => {
    const answer = await miru(['evaluate', '--ground-truth', gt, ...args.map((arg) => (arg === 'dt' ? dt : arg))]);
    expect(answer).toMatchObject({ code, stdout: '', stderr: expect.stringMatching(message) });
    expect(answer.stderr.trim().split('\n')).toHaveLength(1);
  });

  it('names the entry at fault', async () => {
    writeFileSync(dt, JSON.stringify([{ ...results[0], image_id: 77 }]));
    const { code, stderr } = await miru(['evaluate', '--ground-truth', gt, '--predictions', dt]);
    expect({ code, stderr }).toMatchObject({ code: 1, stderr: expect.stringContaining('77') });
  });
});

describe('a model', () => {
  // The sample shows a cat.
  const cat = { ...truth, annotations: [{ ...truth.annotations[0], bbox: [0, 0, 451, 300], area: 135_300 }] };
  const args = () => ['evaluate', '--ground-truth', gt, '--model', 'nanodet-g-coco', '--json'];

  it('is run on the images, and its classes are found by name', async () => {
    writeFileSync(gt, JSON.stringify(cat));
    copyFileSync('samples/chelsea.png', join(folder, 'a.png'));
    const { code, stdout, stderr } = await miru(args());
    expect({ code, stderr: stderr.split(',')[0] }).toMatchObject({
      code: 0,
      stderr: expect.stringMatching(/^1 image in/),
    });
    const answer: DetectionAnswer = JSON.parse(stdout);
    expect(answer.per_class[0]).toMatchObject({ class_id: 3, label: 'cat', AP50: expect.closeTo(1, 12) });
    expect(answer.warnings.every((warning) => warning.startsWith('left out detections of classes'))).toBe(true);
  });

  it('must find every image, and share a class with the ground truth', async () => {
    const missing = await miru(args());
    expect(missing).toMatchObject({ code: 1, stdout: '', stderr: expect.stringMatching(/a\.png.*no such file/) });
    copyFileSync('samples/chelsea.png', join(folder, 'a.png'));
    writeFileSync(gt, JSON.stringify({ ...cat, categories: [{ id: 3, name: 'Felis catus' }] }));
    const foreign = await miru(args());
    expect(foreign).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/none of the ground truth’s \(felis catus/),
    });
  });
});

const data = sharedPath('data', 'coco-mini-val79');
it.skipIf(!data)('scores its embedded detector as measured (skipped where the photos are missing)', async () => {
  const { metrics } = JSON.parse(readFileSync('models/nanodet-g-coco/model.json', 'utf8'));
  const { stdout } = await miru(
    [
      'evaluate',
      '--ground-truth',
      `${data}/instances_val2017.json`,
      '--images',
      `${data}/images`,
      '--model',
      'nanodet-g-coco',
      '--json',
    ],
    { env: { WORKERS: '2' } },
  );
  const { stats } = JSON.parse(stdout) as DetectionAnswer;
  // Kernels of other processors round differently.
  expect(Math.abs(stats.AP! - metrics.AP)).toBeLessThan(0.006);
  expect(Math.abs(stats.AP50! - metrics.AP50)).toBeLessThan(0.01);
});
