import { describe, expect, it } from 'vitest';
import { precisionRecallCurves } from '../../../src/eval/analysis/curves.ts';
import { loadCoco } from '../../../src/eval/coco/load.ts';
import { DETECTION_STATES, matchCoco } from '../../../src/eval/coco/matches.ts';
import { groundTruth, result, truth } from '../coco/helpers.ts';
import { randomData } from './helpers.ts';

const BOX = [10, 10, 40, 40];
const OTHER = [60, 60, 30, 30];

describe('precisionRecallCurves', () => {
  it('gives precision and recall at every different score, and where F1 is best', () => {
    const results = [result(0.9, BOX), result(0.5, [0, 80, 10, 10]), result(0.5, OTHER), result(0.2, [80, 0, 10, 10])];
    const { classes, overall } = precisionRecallCurves(
      loadCoco(groundTruth([truth(1, BOX), truth(2, OTHER)]), results),
    );
    const [curve] = classes;
    expect([...curve!.scores]).toEqual([0.9, 0.5, 0.2]);
    expect([...curve!.precision]).toEqual([1, 2 / 3, 1 / 2]);
    expect([...curve!.recall]).toEqual([1 / 2, 1, 1]);
    expect(curve!.best).toEqual({ score: 0.5, precision: 2 / 3, recall: 1, f1: 0.8 });
    expect(overall).toEqual({ ...curve, categoryId: undefined, name: undefined });
    expect([classes[1]!.truths, classes[1]!.scores.length, classes[1]!.best]).toEqual([0, 0, undefined]);
  });

  it('leaves out detections in crowds', () => {
    const truths = [truth(1, BOX, { iscrowd: 1 }), truth(2, OTHER)];
    const results = [result(0.9, [15, 15, 10, 10]), result(0.8, OTHER)];
    const [curve] = precisionRecallCurves(loadCoco(groundTruth(truths), results)).classes;
    expect([[...curve!.scores], [...curve!.precision], curve!.detections]).toEqual([[0.8], [1], 1]);
  });

  it('counts at each score what the matching decided', () => {
    for (let seed = 0; seed < 20; seed++) {
      const data = randomData(seed);
      const iouThreshold = 0.3 + 0.02 * seed;
      const { classes, overall } = precisionRecallCurves(data, { iouThreshold });
      const { states } = matchCoco(data, { iouThresholds: [iouThreshold], maxDetections: [100] });
      const count = (name: string, score: number, k?: number) =>
        data.detections.scores.reduce(
          (sum, value, d) =>
            sum +
            Number(
              value >= score &&
                (k === undefined || data.detections.categories[d] === k) &&
                DETECTION_STATES[states[d]!] === name,
            ),
          0,
        );
      for (const [k, curve] of [...classes.entries(), [undefined, overall] as const]) {
        curve.scores.forEach((score, i) => {
          const [hits, misses] = [count('true-positive', score, k), count('false-positive', score, k)];
          expect(curve.precision[i]).toBe(hits / (hits + misses));
          expect(curve.recall[i]).toBe(curve.truths === 0 ? 0 : hits / curve.truths);
        });
      }
    }
  });
});
