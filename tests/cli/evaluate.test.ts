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

  it('writes a report', async () => {
    const html = join(folder, 'report.html');
    const { code } = await miru(['evaluate', '--ground-truth', gt, '--predictions', dt, '--html', html]);
    expect(code).toBe(0);
    expect(readFileSync(html, 'utf8')).toMatch(/^<!doctype html>.*dt\.json.*cat/s);
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
    ['a file that is not there', ['--predictions', 'none.json'], 1, /none\.json: no such file/],
    ['keypoints of a model', ['--model', 'm', '--iou-type', 'keypoints'], 2, /finds poses/],
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
