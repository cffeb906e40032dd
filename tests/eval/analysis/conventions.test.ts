import { describe, expect, it } from 'vitest';
import { compareConventions } from '../../../src/eval/analysis/conventions.ts';
import { evaluateCoco } from '../../../src/eval/coco/evaluate.ts';
import { loadCoco } from '../../../src/eval/coco/load.ts';
import { averagePrecision } from '../../../src/eval/coco/summarize.ts';
import type { CocoData, Rows } from '../../../src/eval/coco/types.ts';
import { evaluateVoc } from '../../../src/eval/voc.ts';
import { groundTruth, result, truth } from '../coco/helpers.ts';
import { randomData } from './helpers.ts';

const BOX = [10, 10, 40, 40];

/** Rows in the order of images, as corners. */
function vocRows(rows: Rows) {
  const order = [...rows.images.keys()].sort((a, b) => rows.images[a]! - rows.images[b]! || a - b);
  const boxes = order.flatMap((row) => {
    const [x, y, width, height] = rows.boxes.subarray(4 * row, 4 * row + 4);
    return [x!, y!, x! + width!, y! + height!];
  });
  return { order, images: order.map((i) => rows.images[i]!), classes: order.map((i) => rows.categories[i]!), boxes };
}

function voc(data: CocoData, interpolation: '11-point' | 'all-point', iouThreshold: number): number {
  const truths = vocRows(data.truths);
  const found = vocRows(data.detections);
  return evaluateVoc(
    { ...truths, difficult: truths.order.map((g) => data.truths.ignore[g]!) },
    { ...found, scores: found.order.map((d) => data.detections.scores[d]!) },
    data.categoryIds.length,
    { interpolation, iouThreshold },
  ).map;
}

describe('compareConventions', () => {
  it('is COCO where it says COCO and Pascal VOC where it says so', () => {
    for (let seed = 0; seed < 30; seed++) {
      const data = randomData(seed);
      const iouThreshold = 0.5 + 0.01 * seed;
      const [coco, voc07, voc12] = compareConventions(data, { iouThreshold });
      expect(coco!.ap).toBeCloseTo(averagePrecision(evaluateCoco(data, { iouThresholds: [iouThreshold] })), 12);
      expect(voc07!.ap).toBeCloseTo(voc(data, '11-point', iouThreshold), 12);
      expect(voc12!.ap).toBeCloseTo(voc(data, 'all-point', iouThreshold), 12);
    }
  });

  it('keeps to the images and classes that are asked for', () => {
    for (let seed = 0; seed < 10; seed++) {
      const data = randomData(seed);
      for (const selection of [
        { imageIds: [1, 3] },
        { categoryIds: [2] },
        { imageIds: [2], categoryIds: [1, 3, 99] },
      ]) {
        const [coco] = compareConventions(data, selection);
        const expected = averagePrecision(evaluateCoco(data, { ...selection, iouThresholds: [0.5] }));
        expect(coco!.ap).toBeCloseTo(expected, 12);
      }
    }
  });

  it('explains every difference to the last', () => {
    for (let seed = 0; seed < 10; seed++) {
      const scores = compareConventions(randomData(seed));
      expect(scores.map(({ name }) => name)).toEqual(['COCO', 'Pascal VOC 2007', 'Pascal VOC 2012', 'Ultralytics']);
      expect(scores[0]!.causes).toEqual([]);
      for (const { ap, causes } of scores) {
        const sum = causes.reduce((total, { change }) => total + change, scores[0]!.ap);
        expect(sum).toBeCloseTo(ap, 12);
        expect(new Set(causes.map(({ explanation }) => explanation)).size).toBe(causes.length);
      }
    }
  });

  it('draws straight lines to recall 1 for Ultralytics', () => {
    // One of two objects is found: precision 1 up to recall ½, then a line down to 0 at recall 1.
    const data = loadCoco(groundTruth([truth(1, BOX), truth(2, [60, 60, 30, 30])]), [result(0.9, BOX)]);
    const [coco, , , ultralytics] = compareConventions(data);
    expect(coco!.ap).toBeCloseTo(51 / 101, 12);
    expect(ultralytics!.ap).toBeCloseTo(0.75, 12);
    expect(ultralytics!.causes.at(-1)).toMatchObject({ rule: 'interpolation' });
  });

  it('names the score limit and the crowds', () => {
    const truths = [truth(1, BOX), truth(2, [60, 60, 30, 30], { iscrowd: 1 })];
    const [, , , ultralytics] = compareConventions(
      loadCoco(groundTruth(truths), [result(0.9, [65, 65, 10, 10]), result(0.0005, BOX)]),
    );
    const changes = Object.fromEntries(ultralytics!.causes.map(({ rule, change }) => [rule, change]));
    expect(changes.minScore).toBe(-1);
    const [, , , other] = compareConventions(
      loadCoco(groundTruth(truths), [result(0.9, [65, 65, 10, 10]), result(0.8, BOX)]),
    );
    expect(other!.causes.find(({ rule }) => rule === 'crowds')!.change).toBeCloseTo(-0.5, 12);
  });
});
