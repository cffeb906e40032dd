import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { evaluateCoco } from '../../../src/eval/coco/evaluate.ts';
import { loadCoco } from '../../../src/eval/coco/load.ts';
import { averagePrecision, averageRecall, summarizeDetections } from '../../../src/eval/coco/summarize.ts';
import type { CocoOptions } from '../../../src/eval/coco/types.ts';
import { boxIou } from '../../../src/eval/iou.ts';
import { groundTruth, type ResultEntry, result, score, type TruthEntry, truth } from './helpers.ts';

const BOX = [10, 10, 40, 40];
const FAR = [60, 60, 20, 20];

describe('hand-computed', () => {
  it('one right and one wrong detection', () => {
    const found = score([truth(1, BOX), truth(2, FAR)], [result(0.9, BOX), result(0.8, [0, 60, 20, 20])]);
    // Recall reaches 1/2 at precision 1: 51 of the 101 recall points.
    const summary = summarizeDetections(found);
    expect(summary.AP).toBeCloseTo(51 / 101, 12);
    expect(summary.AP50).toBeCloseTo(51 / 101, 12);
    expect(summary.AR1).toBe(0.5);
    expect(summary.AR100).toBe(0.5);
    expect(summary.APs).toBe(0);
    expect(summary.APm).toBeCloseTo(1, 12);
    expect(summary.APl).toBe(-1);
    expect([...found.truthCounts]).toEqual([2, 0, 0]);
    expect([...found.detectionCounts]).toEqual([2, 0, 0]);
  });

  it('a wrong detection before the right one halves the precision', () => {
    const found = score([truth(1, BOX)], [result(0.8, BOX), result(0.9, FAR)]);
    expect(averagePrecision(found, { iou: 0.5 })).toBeCloseTo(0.5, 12);
    expect(averageRecall(found)).toBe(1);
    expect(averageRecall(found, { maxDetections: 1 })).toBe(0);
    // Recall 0 is reached at the first detection, all else at the second.
    const scores = found.scores.filter((value) => value > 0);
    expect(new Set(scores)).toEqual(new Set([0.9, 0.8]));
  });

  it('IoU of 40 of 50 passes seven of ten thresholds', () => {
    const found = score([truth(1, [0, 0, 10, 50])], [result(0.9, [0, 0, 10, 40])]);
    expect(averagePrecision(found)).toBeCloseTo(0.7, 12);
    expect(averagePrecision(found, { iou: 0.75 })).toBeCloseTo(1, 12);
    expect(averagePrecision(found, { iou: found.params.iouThresholds[7]! })).toBe(0);
  });

  it('undefined is −1', () => {
    const found = score([truth(1, BOX)], []);
    expect(averagePrecision(found)).toBe(0);
    expect(averagePrecision(found, { category: 1 })).toBe(-1);
    expect(averagePrecision(found, { area: 'huge' })).toBe(-1);
    expect(averagePrecision(found, { maxDetections: 7 })).toBe(-1);
    expect(averagePrecision(score([], [result(1, BOX)]))).toBe(-1);
  });

  it('own area ranges, limits, thresholds and images', () => {
    const truths = [truth(1, BOX), truth(2, FAR), truth(3, BOX, { image_id: 2 })];
    const results = [result(0.9, FAR), result(0.8, BOX)];
    const options: CocoOptions = {
      iouThresholds: [0.5],
      recallThresholds: [0, 0.5, 1],
      maxDetections: [2, 1],
      areaRanges: [
        { label: 'all', min: 0, max: 1e9 },
        { label: 'mine', min: 1600, max: 1600 },
      ],
      imageIds: [1],
    };
    const found = score(truths, results, options);
    expect(found.params.maxDetections).toEqual([1, 2]);
    expect(found.precision.length).toBe(1 * 3 * 3 * 2 * 2);
    expect(averageRecall(found)).toBe(1);
    expect(averageRecall(found, { maxDetections: 1 })).toBe(0.5);
    expect(averagePrecision(found, { area: 'mine' })).toBeCloseTo(1, 12);
    expect(averageRecall(score(truths, results, { ...options, imageIds: [1, 2] }))).toBeCloseTo(2 / 3, 12);
  });

  it('compares masks, not their boxes', () => {
    const half = [[0, 0, 20, 0, 20, 10, 0, 10]];
    const whole = [[0, 0, 20, 0, 20, 20, 0, 20]];
    const truths = [{ ...truth(1, [0, 0, 20, 20]), segmentation: half }];
    const results = [{ image_id: 1, category_id: 1, segmentation: whole, score: 1, bbox: [0, 0, 20, 20] }];
    expect(averagePrecision(score(truths, results))).toBeCloseTo(1, 12);
    expect(averagePrecision(score(truths, results, { iouType: 'segm' }))).toBeCloseTo(0.1, 12);
  });
});

describe('details that change numbers', () => {
  it('precision has COCO’s 2⁻⁵² in its divisor', () => {
    expect(averagePrecision(score([truth(1, BOX)], [result(1, BOX)]))).toBe(0.9999999999999998);
  });

  it('a threshold of 1 forgives rounding', () => {
    const odd = [0.9, 9 / 7, 3, 1];
    const boxes = Float64Array.from(odd);
    expect(boxIou(boxes, 0, boxes, 0, false)).toBeLessThan(1);
    const options = { iouThresholds: [1] };
    expect(averageRecall(score([truth(1, odd)], [result(1, odd)], options))).toBe(1);
  });

  it('masks of another image size match at no threshold, not even 0', () => {
    const mask = (height: number, width: number) => ({ size: [height, width], counts: [0, height * width] });
    const truths = [{ ...truth(1, BOX), segmentation: mask(4, 5) }];
    const found = (segmentation: object) => [{ image_id: 1, category_id: 1, score: 1, segmentation }];
    const options: CocoOptions = { iouType: 'segm', iouThresholds: [0] };
    expect(averageRecall(score(truths, found(mask(4, 5)), options))).toBe(1);
    expect(averageRecall(score(truths, found(mask(5, 4)), options))).toBe(0);
  });

  it.each(['segm', 'boundary'] as const)('small masks inside a crowd are excused: %s', (iouType) => {
    const box = (x: number, y: number, side: number) => [[x, y, x + side, y, x + side, y + side, x, y + side]];
    const truths = [
      { ...truth(1, BOX, { iscrowd: 1 }), segmentation: box(0, 0, 60) },
      { ...truth(2, BOX), segmentation: box(70, 70, 20) },
    ];
    const found = (x: number, y: number, side: number, score: number) => {
      return { image_id: 1, category_id: 1, score, segmentation: box(x, y, side) };
    };
    const excused = [found(20, 20, 9, 0.9), found(30, 30, 9, 0.8), found(70, 70, 20, 0.7)];
    expect(averagePrecision(score(truths, excused, { iouType }))).toBeCloseTo(1, 12);
    const outside = [found(70, 10, 9, 0.9), found(70, 70, 20, 0.7)];
    expect(averagePrecision(score(truths, outside, { iouType }))).toBeCloseTo(0.5, 12);
  });
});

describe('options', () => {
  it.each([
    [{ iouThresholds: [] }, 'iouThresholds is empty'],
    [{ iouThresholds: [Number.NaN] }, 'IoU thresholds must be finite'],
    [{ recallThresholds: [0.5, 0.1] }, 'recall thresholds must ascend'],
    [{ maxDetections: [0] }, 'limits on detections must be positive integers'],
    [{ maxDetections: [1.5] }, 'limits on detections must be positive integers'],
    [{ areaRanges: [{ label: 'none', min: 2, max: 1 }] }, 'area range none goes from 2 to 1'],
    [{ iouType: 'keypoints', sigmas: [0.1, -1] }, 'sigmas must be positive'],
    [{ iouType: 'boundary', dilationRatio: 0 }, 'dilation ratio 0 is not in (0, 1)'],
    [{ iouType: 'segm' }, 'the data was loaded without masks'],
    [{ iouType: 'boundary' }, 'the data was loaded without masks'],
    [{ iouType: 'keypoints' }, 'the data was loaded without keypoints'],
  ] as [CocoOptions, string][])('refuses %j', (options, message) => {
    const data = loadCoco(groundTruth([truth(1, BOX)]), []);
    expect(() => evaluateCoco(data, options)).toThrow(RangeError);
    expect(() => evaluateCoco(data, options)).toThrow(message);
  });
});

const box = fc.tuple(fc.nat(60), fc.nat(60), fc.integer({ min: 1, max: 39 }), fc.integer({ min: 1, max: 39 }));
const place = { image_id: fc.integer({ min: 1, max: 3 }), category_id: fc.integer({ min: 1, max: 3 }) };
const truths = fc
  .array(fc.record({ ...place, bbox: box, iscrowd: fc.constantFrom(0, 0, 0, 1) }), { maxLength: 15 })
  .map((list) => list.map((entry, i) => truth(i + 1, entry.bbox, entry)));
/** Scores differ, so that no order of the file matters. */
const results = fc
  .array(fc.record({ ...place, bbox: box, jitter: fc.nat(3) }), { maxLength: 25 })
  .map((list) => list.map(({ jitter: _, ...entry }, i) => result(0.9 - i / 100, entry.bbox, entry)));
/** Detections near truths, so that many match. */
const near = (all: TruthEntry[]): ResultEntry[] =>
  all.map(({ image_id, category_id, bbox }, i) => {
    const moved = [bbox[0]! + (i % 3), bbox[1]!, bbox[2]!, bbox[3]!];
    return result(0.505 - i / 100, moved, { image_id, category_id });
  });

describe('properties', () => {
  it('precision and recall are −1 or in [0, 1], and precision never rises with recall', () => {
    fc.assert(
      fc.property(truths, results, (gt, dt) => {
        const found = score(gt, [...dt, ...near(gt)]);
        const isScore = (value: number) => value === -1 || (value >= 0 && value <= 1);
        expect(found.precision.every(isScore) && found.recall.every(isScore)).toBe(true);
        const step = found.precision.length / 10 / 101;
        const rises = found.precision.findIndex((value, i) => {
          const isFirst = Math.floor(i / step) % 101 === 0;
          return !isFirst && value > found.precision[i - step]!;
        });
        expect(rises).toBe(-1);
      }),
      { numRuns: 30 },
    );
  });

  it('the order of files and the names of images, categories and annotations do not matter', () => {
    const rename = [0, 30, 10, 20];
    fc.assert(
      fc.property(truths, results, fc.boolean(), (gt, dt, reverse) => {
        const all = [...dt, ...near(gt)];
        const renamed = (entry: { image_id: number; category_id: number }) => ({
          ...entry,
          image_id: rename[entry.image_id]!,
          category_id: rename[entry.category_id]!,
        });
        const file = groundTruth(gt.map((entry) => ({ ...renamed(entry), id: entry.id + 1000 })));
        const ids = file.images.map(({ id }) => rename[id]!);
        const other = {
          images: ids.map((id) => ({ id })),
          categories: ids.map((id) => ({ id, name: `${id}` })),
          annotations: file.annotations,
        };
        const list = all.map(renamed);
        const again = evaluateCoco(loadCoco(other, reverse ? list.reverse() : list));
        const [before, after] = [summarizeDetections(score(gt, all)), summarizeDetections(again)];
        for (const key of Object.keys(before) as (keyof typeof before)[]) {
          expect(after[key], key).toBeCloseTo(before[key], 12);
        }
      }),
      { numRuns: 60 },
    );
  });

  it('a wrong detection below all others never raises AP, nor does one more truth raise recall', () => {
    fc.assert(
      fc.property(truths, results, box, (gt, dt, bbox) => {
        const all = [...dt, ...near(gt)];
        const before = score(gt, all);
        // Image 3 has no truth of this category left, so the detection must be wrong.
        const without = gt.filter((entry) => entry.image_id !== 3 || entry.category_id !== 1);
        const alone = score(without, all);
        const worse = score(without, [...all, result(0.001, bbox, { image_id: 3 })]);
        for (const area of ['all', 'small', 'medium', 'large']) {
          expect(averagePrecision(worse, { area })).toBeLessThanOrEqual(averagePrecision(alone, { area }));
          expect(averageRecall(worse, { area })).toBe(averageRecall(alone, { area }));
        }
        const far = truth(999, [1000, 1000, 5, 5], { category_id: 1 });
        const harder = averageRecall(score([...gt, far], all), { category: 0 });
        expect(harder).toBeLessThanOrEqual(Math.max(0, averageRecall(before, { category: 0 })));
      }),
      { numRuns: 60 },
    );
  });

  it('the truth itself scores 1, and removing detections never raises recall', () => {
    fc.assert(
      fc.property(truths, (gt) => {
        const real = gt.filter((entry) => entry.iscrowd === 0);
        const perfect = real.map((entry, i) => result(1 - i / 100, entry.bbox, entry));
        const all = score(gt, perfect);
        const expected = real.length ? 1 : -1;
        expect(averageRecall(all)).toBe(expected);
        const fewer = averageRecall(score(gt, perfect.slice(1)));
        expect(fewer).toBeLessThanOrEqual(averageRecall(all));
      }),
      { numRuns: 60 },
    );
  });
});
