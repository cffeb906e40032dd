import { readdirSync, readFileSync } from 'node:fs';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { SemanticEvaluator } from '../../src/eval/semantic.ts';
import { sharedPath } from '../helpers/shared.ts';

describe('hand-computed', () => {
  it('two classes, one only predicted, one absent', () => {
    const evaluator = new SemanticEvaluator(4);
    evaluator.update(Uint8Array.of(0, 0, 0, 0, 1, 1, 255), Uint8Array.of(0, 0, 0, 1, 1, 2, 0));
    const result = evaluator.compute();
    expect(result.classes.map(({ iou }) => iou)).toEqual([3 / 4, 1 / 3, 0, Number.NaN]);
    expect(result.classes.map(({ dice }) => dice)).toEqual([6 / 7, 2 / 4, 0, Number.NaN]);
    expect(result.classes.map(({ accuracy }) => accuracy)).toEqual([3 / 4, 1 / 2, Number.NaN, Number.NaN]);
    expect(result.classes.map(({ pixels }) => pixels)).toEqual([4, 2, 0, 0]);
    const sum = 3 / 4 + 1 / 3;
    expect(result.meanIou).toBeCloseTo(sum / 3, 15);
    expect(result.meanIouOfPresent).toBeCloseTo(sum / 2, 15);
    expect(result.meanIouOfAll).toBeCloseTo(sum / 4, 15);
    expect(result.frequencyWeightedIou).toBeCloseTo((3 / 4) * (4 / 6) + (1 / 3) * (2 / 6), 15);
    expect(result.pixelAccuracy).toBeCloseTo(4 / 6, 15);
    expect(result.meanAccuracy).toBe(5 / 8);
    expect(result.meanDice).toBeCloseTo((6 / 7 + 1 / 2) / 3, 15);
    expect([...result.confusion.slice(0, 5)]).toEqual([3, 1, 0, 0, 0]);
  });

  it('predictions that are no class miss the truth and accuse nobody', () => {
    const evaluator = new SemanticEvaluator(2);
    evaluator.update(Uint8Array.of(0, 0, 1, 9), Uint8Array.of(0, 255, 1, 1));
    const { classes, confusion } = evaluator.compute();
    expect(classes.map(({ iou }) => iou)).toEqual([1 / 2, 1]);
    expect([...confusion]).toEqual([1, 0, 1, 0, 1, 0]);
  });

  it('images add up, and reset forgets', () => {
    const [a, b] = [new SemanticEvaluator(3), new SemanticEvaluator(3)];
    a.update(Uint8Array.of(0, 1), Uint8Array.of(0, 2));
    a.update(Uint16Array.of(2, 1), Int32Array.of(2, 1));
    b.update(Uint8Array.of(0, 0), Uint8Array.of(1, 1));
    b.reset();
    b.update(Uint8Array.of(0, 1, 2, 1), Uint8Array.of(0, 2, 2, 1));
    expect(a.compute()).toEqual(b.compute());
  });

  it('has an own ignore index, and NaN where there is nothing', () => {
    const evaluator = new SemanticEvaluator(2, 0);
    evaluator.update(Uint8Array.of(0, 0), Uint8Array.of(0, 1));
    const { meanIou, pixelAccuracy, frequencyWeightedIou } = evaluator.compute();
    expect([meanIou, pixelAccuracy, frequencyWeightedIou]).toEqual([Number.NaN, Number.NaN, Number.NaN]);
  });

  it('refuses maps of different sizes and no classes', () => {
    expect(() => new SemanticEvaluator(2).update(new Uint8Array(3), new Uint8Array(4))).toThrow(
      'the truth has 3 pixels, the prediction 4',
    );
    expect(() => new SemanticEvaluator(0)).toThrow('there are 0 classes');
  });
});

const folder = sharedPath('eval/semantic_gen');
it.skipIf(!folder)('equals scikit-learn and detectron2 (skipped where the reference data is missing)', async () => {
  const expected = JSON.parse(readFileSync(`${folder}/EXPECTED.json`, 'utf8'));
  const n: number = expected.num_classes;
  const evaluator = new SemanticEvaluator(n, expected.ignore_label);
  const labels = async (path: string) => Uint8Array.from(await sharp(path).extractChannel(0).raw().toBuffer());
  for (const name of readdirSync(`${folder}/gt`)) {
    evaluator.update(await labels(`${folder}/gt/${name}`), await labels(`${folder}/pred/${name}`));
  }
  const result = evaluator.compute();
  const confusion = Array.from({ length: n }, (_, i) => [...result.confusion.slice(i * (n + 1), i * (n + 1) + n)]);
  expect(confusion).toEqual(expected.confusion_rows_gt_cols_pred);
  const near = (values: number[], answers: (number | null)[]) =>
    values.forEach((value, i) => {
      expect(Number.isNaN(value) ? null : value).toSatisfy(
        (v) => v === answers[i] || Math.abs(v - answers[i]!) < 1e-12,
      );
    });
  near(
    result.classes.map(({ iou }) => iou),
    expected.iou_nan_when_union_0,
  );
  near(
    result.classes.map(({ dice }) => dice),
    expected.dice_per_class,
  );
  near(
    result.classes.map(({ accuracy }) => accuracy),
    expected.acc_per_class,
  );
  expect(result.meanIou).toBeCloseTo(expected['miou_over_union_gt_0 (mmseg nanmean rule)'], 12);
  expect(result.meanIouOfPresent).toBeCloseTo(expected['miou_over_gt_present (detectron2 rule)'], 12);
  const jaccard: number[] = expected.sklearn_jaccard_zero_division0;
  expect(result.meanIouOfAll).toBeCloseTo(jaccard.reduce((a, b) => a + b, 0) / n, 12);
  expect(result.frequencyWeightedIou).toBeCloseTo(expected.fwiou_detectron2, 12);
  expect(result.meanAccuracy).toBeCloseTo(expected.macc_detectron2, 12);
  expect(result.pixelAccuracy).toBeCloseTo(expected.pacc, 12);
});
