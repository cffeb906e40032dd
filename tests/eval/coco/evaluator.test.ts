import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CocoEvaluator } from '../../../src/eval/coco/evaluator.ts';
import { averagePrecision, summarize } from '../../../src/eval/coco/summarize.ts';
import { rleFromBox } from '../../../src/vision/rle-polygon.ts';
import { result, score, truth } from './helpers.ts';

const truths = { categoryIds: [1], boxes: [10, 10, 40, 40] };
const detections = { ...truths, scores: [0.9] };

describe('CocoEvaluator', () => {
  it('scores like the files that hold the same', () => {
    const box = fc.tuple(fc.nat(60), fc.nat(60), fc.integer({ min: 1, max: 39 }), fc.integer({ min: 1, max: 39 }));
    const object = fc.record({ image: fc.integer({ min: 1, max: 3 }), category: fc.integer({ min: 1, max: 3 }), box });
    const truth1 = fc.tuple(object, fc.nat(1));
    const found1 = fc.tuple(object, fc.nat(5));
    fc.assert(
      fc.property(fc.array(truth1, { minLength: 1, maxLength: 12 }), fc.array(found1, { maxLength: 20 }), (gt, dt) => {
        const evaluator = new CocoEvaluator();
        for (const image of [3, 1, 2]) {
          const own = gt.filter(([object]) => object.image === image);
          const found = dt.filter(([object]) => object.image === image);
          evaluator.update(
            image,
            {
              categoryIds: own.map(([object]) => object.category),
              boxes: own.flatMap(([object]) => object.box),
              crowd: own.map(([, crowd]) => crowd),
            },
            {
              categoryIds: found.map(([object]) => object.category),
              boxes: found.flatMap(([object]) => object.box),
              scores: found.map(([, score]) => score / 5),
            },
          );
        }
        const place = (object: { image: number; category: number }) => ({
          image_id: object.image,
          category_id: object.category,
        });
        const expected = score(
          gt.map(([object, iscrowd], i) => truth(i + 1, object.box, { ...place(object), iscrowd })),
          dt.map(([object, score]) => result(score / 5, object.box, place(object))),
        );
        expect(summarize(evaluator.compute())).toEqual(summarize(expected));
      }),
      { numRuns: 60 },
    );
  });

  it('forgets on reset', () => {
    const evaluator = new CocoEvaluator();
    expect(averagePrecision(evaluator.compute())).toBe(-1);
    evaluator.update(1, truths, detections);
    expect(averagePrecision(evaluator.compute())).toBeCloseTo(1, 12);
    evaluator.update(2, truths, { categoryIds: [], scores: [] });
    expect(averagePrecision(evaluator.compute())).toBeCloseTo(51 / 101, 12);
    evaluator.reset();
    expect(averagePrecision(evaluator.compute())).toBe(-1);
    evaluator.update(1, truths, detections);
    expect(averagePrecision(evaluator.compute())).toBeCloseTo(1, 12);
  });

  it('takes masks and poses without boxes', () => {
    const masks = [rleFromBox([10, 10, 40, 40], 100, 100)];
    for (const iouType of ['segm', 'boundary'] as const) {
      const evaluator = new CocoEvaluator({ iouType });
      evaluator.update(1, { categoryIds: [5], masks }, { categoryIds: [5], masks, scores: [1] });
      expect(averagePrecision(evaluator.compute())).toBeCloseTo(1, 12);
      expect(averagePrecision(evaluator.compute(), { area: 'medium' })).toBeCloseTo(1, 12);
    }
    const poses = new CocoEvaluator({ iouType: 'keypoints', sigmas: [0.1, 0.1] });
    const labelled = [0, 0, 2, 50, 50, 2];
    const unlabelled = [0, 0, 0, 0, 0, 0];
    poses.update(
      1,
      { categoryIds: [1, 1], keypoints: [...labelled, ...unlabelled] },
      { categoryIds: [1], keypoints: labelled, scores: [1] },
    );
    expect([...poses.compute().truthCounts]).toEqual([1]);
    expect(averagePrecision(poses.compute())).toBeCloseTo(1, 12);
  });

  it('refuses images twice and lists that do not fit', () => {
    const evaluator = new CocoEvaluator();
    evaluator.update(4, truths, { ...detections, scores: [] });
    expect(() => evaluator.update(4, truths, detections)).toThrow('image 4 was added before');
    expect(() => evaluator.compute()).toThrow('detections of image 4: 0 scores for 1 objects');
    const refusal = (iouType: 'bbox' | 'segm' | 'keypoints', objects: object) => () => {
      const other = new CocoEvaluator({ iouType });
      other.update(1, { categoryIds: [1], ...objects }, { categoryIds: [], scores: [] });
      other.compute();
    };
    expect(refusal('bbox', {})).toThrow('truths of image 1: there are neither boxes nor masks nor keypoints');
    expect(refusal('bbox', { boxes: [1, 2, 3] })).toThrow('truths of image 1: 3 boxes for 1 objects');
    expect(refusal('segm', { boxes: [1, 2, 3, 4] })).toThrow('truths of image 1: there are no masks');
    expect(refusal('keypoints', { boxes: [1, 2, 3, 4] })).toThrow('truths of image 1: there are no keypoints');
    expect(refusal('keypoints', { keypoints: [1, 2] })).toThrow('2 keypoints for 1 objects');
  });
});
