import { describe, expect, it } from 'vitest';
import { confusionMatrix } from '../../../src/eval/analysis/confusion.ts';
import { scoreImages } from '../../../src/eval/analysis/images.ts';
import { scoreBySize } from '../../../src/eval/analysis/sizes.ts';
import { evaluateCoco } from '../../../src/eval/coco/evaluate.ts';
import { loadCoco } from '../../../src/eval/coco/load.ts';
import { summarizeDetections } from '../../../src/eval/coco/summarize.ts';
import { groundTruth, result, truth } from '../coco/helpers.ts';
import { randomData } from './helpers.ts';

const BOX = [10, 10, 40, 40];

describe('scoreImages', () => {
  it('puts the worst image first', () => {
    const truths = [truth(1, BOX), truth(2, BOX, { image_id: 2 }), truth(3, [60, 60, 20, 20], { image_id: 2 })];
    // IoU of the second: 30 · 40 / (2 · 1600 − 1200) = 0.6.
    const results = [result(0.9, BOX), result(0.8, [20, 10, 40, 40], { image_id: 2 }), result(0.1, BOX)];
    const { images, scoreThreshold } = scoreImages(loadCoco(groundTruth(truths), results));
    expect(scoreThreshold).toBe(0.8);
    expect(images.map(({ imageId }) => imageId)).toEqual([2, 1, 3]);
    expect(images[0]).toMatchObject({ truePositives: 1, falsePositives: 0, missed: 1, f1: 2 / 3 });
    expect(images[0]!.lrp).toBeCloseTo((0.4 / 0.5 + 1) / 2, 12);
    expect(images[1]).toMatchObject({ truePositives: 1, lrp: 0, f1: 1 });
    expect(images[2]).toMatchObject({ truePositives: 0, falsePositives: 0, missed: 0, lrp: 0, f1: 1 });
  });

  it('scores only the images asked for', () => {
    expect(
      scoreImages(randomData(3), { imageIds: [2, 3, 77] })
        .images.map(({ imageId }) => imageId)
        .sort(),
    ).toEqual([2, 3]);
  });

  it('adds up to the confusion matrix', () => {
    for (let seed = 0; seed < 20; seed++) {
      const data = randomData(seed);
      const { images, scoreThreshold } = scoreImages(data);
      const { counts } = confusionMatrix(data, { scoreThreshold });
      const sum = (key: 'truePositives' | 'falsePositives' | 'missed') =>
        images.reduce((total, image) => total + image[key], 0);
      const cells = Array.from(counts);
      expect(sum('truePositives')).toBe(counts[0]! + counts[5]! + counts[10]!);
      const detected = cells.reduce((total, n, i) => total + (i % 4 < 3 ? n : 0), 0);
      expect(sum('truePositives') + sum('falsePositives')).toBe(detected);
      const labelled = cells.reduce((total, n, i) => total + (i < 12 ? n : 0), 0);
      expect(sum('truePositives') + sum('missed')).toBe(labelled);
      for (const { lrp, f1 } of images) {
        expect(lrp).toBeGreaterThanOrEqual(0);
        expect(lrp).toBeLessThanOrEqual(1);
        expect(1 - f1).toBeLessThanOrEqual(lrp);
      }
    }
  });
});

describe('scoreBySize', () => {
  it('has COCO’s sizes as a special case', () => {
    const data = randomData(5);
    const { APs, APm, ARs, ARm } = summarizeDetections(evaluateCoco(data));
    const [small, medium, large] = scoreBySize(data, [32 ** 2, 96 ** 2]);
    expect([small!.ap, medium!.ap, small!.ar, medium!.ar]).toEqual([APs, APm, ARs, ARm]);
    expect(large).toMatchObject({ ap: -1, ar: -1, truths: 0, label: 'from 96²' });
    expect([small!.label, medium!.label]).toEqual(['up to 32²', '32²–96²']);
    const counted = data.truths.ignore.filter((flag) => flag === 0).length;
    expect(small!.truths + medium!.truths).toBe(counted);
  });

  it('refuses edges that are no bins', () => {
    for (const edges of [[], [0], [4, 4], [9, 4], [Number.NaN], [Infinity]]) {
      expect(() => scoreBySize(randomData(1), edges)).toThrow(RangeError);
    }
  });
});
