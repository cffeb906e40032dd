import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bootstrapAp } from '../../../src/eval/analysis/bootstrap.ts';
import { compareDetections } from '../../../src/eval/analysis/compare.ts';
import { rankMatches } from '../../../src/eval/analysis/ranked.ts';
import { meanOf, Reweighted } from '../../../src/eval/analysis/resample.ts';
import { evaluateCoco } from '../../../src/eval/coco/evaluate.ts';
import { averagePrecision } from '../../../src/eval/coco/summarize.ts';
import type { CocoData, Detected, Rows, Truths } from '../../../src/eval/coco/types.ts';
import { randomData } from './helpers.ts';

/** The data with image i `weights[i]` times, copies side by side. */
function repeated(data: CocoData, weights: readonly number[]): CocoData {
  const copies = weights.flatMap((n, image) => Array.from({ length: n }, () => image));
  const rowsOf = (rows: Rows) =>
    copies.flatMap((image, copy) =>
      Array.from(rows.images.keys()).flatMap((row) => (rows.images[row] === image ? [{ row, copy }] : [])),
    );
  const spread = (rows: Rows, chosen: { row: number; copy: number }[]): Rows => ({
    count: chosen.length,
    images: Int32Array.from(chosen, ({ copy }) => copy),
    categories: Int32Array.from(chosen, ({ row }) => rows.categories[row]!),
    boxes: Float64Array.from(chosen.flatMap(({ row }) => Array.from(rows.boxes.subarray(4 * row, 4 * row + 4)))),
    areas: Float64Array.from(chosen, ({ row }) => rows.areas[row]!),
  });
  const [t, d] = [rowsOf(data.truths), rowsOf(data.detections)];
  const truths: Truths = {
    ...spread(data.truths, t),
    ids: Float64Array.from(t, (_, i) => i + 1),
    crowd: Uint8Array.from(t, ({ row }) => data.truths.crowd[row]!),
    ignore: Uint8Array.from(t, ({ row }) => data.truths.ignore[row]!),
  };
  const detections: Detected = {
    ...spread(data.detections, d),
    scores: Float64Array.from(d, ({ row }) => data.detections.scores[row]!),
  };
  return { ...data, imageIds: Float64Array.from(copies.keys()), truths, detections };
}

/** Scores that are all different, because copies of ties may be ranked either way. */
function untied(data: CocoData): CocoData {
  const scores = data.detections.scores.map((score, i) => score + i * 1e-6);
  return { ...data, detections: { ...data.detections, scores } };
}

describe('Reweighted', () => {
  it('is AP of data that holds each image so many times', () => {
    fc.assert(
      fc.property(fc.nat(1000), fc.tuple(fc.nat(3), fc.nat(3), fc.nat(3)), (seed, weights) => {
        const data = untied(randomData(seed));
        const aps = new Reweighted(data, rankMatches(data, {})).perCategory(Int32Array.from(weights));
        const expected = averagePrecision(evaluateCoco(repeated(data, weights)));
        expect(meanOf(aps)).toBeCloseTo(expected, 12);
      }),
    );
  });
});

describe('bootstrapAp', () => {
  const data = randomData(7);

  it('is centred on AP and depends on nothing but the seed', () => {
    const first = bootstrapAp(data, { resamples: 200, seed: 5 });
    expect(first.ap.value).toBeCloseTo(averagePrecision(evaluateCoco(data)), 12);
    expect(first.ap.low).toBeLessThan(first.ap.value);
    expect(first.ap.high).toBeGreaterThan(first.ap.value);
    expect(bootstrapAp(data, { resamples: 200, seed: 5 })).toEqual(first);
    expect(bootstrapAp(data, { resamples: 200, seed: 6 }).samples).not.toEqual(first.samples);
    expect(bootstrapAp(data, { resamples: 50, seed: 5 }).samples).toEqual(first.samples.subarray(0, 50));
  });

  it('narrows with the confidence, and is a point for one image', () => {
    const wide = bootstrapAp(data, { resamples: 300 }).ap;
    const narrow = bootstrapAp(data, { resamples: 300, confidence: 0.5 }).ap;
    expect(wide.low).toBeLessThan(narrow.low);
    expect(narrow.high).toBeLessThan(wide.high);
    const { ap } = bootstrapAp(data, { resamples: 20, imageIds: [2] });
    expect([ap.low, ap.high]).toEqual([ap.value, ap.value]);
  });

  it('draws every resample from all images alike', () => {
    // Only image 1 has objects: resamples without it have no AP, others that of image 1.
    const { samples, ap } = bootstrapAp(
      { ...data, truths: { ...data.truths, ignore: data.truths.images.map((i) => Number(i !== 0)) as never } },
      { resamples: 2000 },
    );
    const without = samples.filter((value) => value < 0).length / 2000;
    expect(Math.abs(without - (2 / 3) ** 3)).toBeLessThan(0.04);
    expect(ap.low).toBeGreaterThanOrEqual(0);
  });

  it('refuses options out of range', () => {
    for (const options of [{ resamples: 0 }, { confidence: 1 }, { seed: 0.5 }]) {
      expect(() => bootstrapAp(data, options)).toThrow(RangeError);
    }
  });
});

describe('compareDetections', () => {
  it('finds no difference between a set and itself', () => {
    for (let seed = 0; seed < 5; seed++) {
      const data = randomData(seed);
      const { baseline, candidate, difference, better, classes, images } = compareDetections(data, data, {
        resamples: 50,
      });
      expect(candidate).toBe(baseline);
      expect([difference, better]).toEqual([{ value: 0, low: 0, high: 0 }, 0.5]);
      for (const change of classes) expect(change.difference).toEqual({ value: 0, low: 0, high: 0 });
      for (const change of images) expect(change.difference).toBe(0);
    }
  });

  it('turns round when the sets are exchanged', () => {
    const [a, b] = [randomData(4, 1), randomData(4, 2)];
    const there = compareDetections(a, b, { resamples: 100 });
    const back = compareDetections(b, a, { resamples: 100 });
    expect(there.difference.value).toBe(-back.difference.value);
    expect(there.difference.low).toBeCloseTo(-back.difference.high, 12);
    expect(there.better).toBeCloseTo(1 - back.better, 12);
    const value = averagePrecision(evaluateCoco(b)) - averagePrecision(evaluateCoco(a));
    expect(there.difference.value).toBeCloseTo(value, 12);
    const changes = there.classes.map(({ difference }) => difference.value);
    expect(changes).toEqual(changes.toSorted((x, y) => y - x));
    expect(there.images.map(({ imageId }) => imageId).sort()).toEqual([1, 2, 3]);
  });

  it('is sure of a set that finds nothing', () => {
    const data = randomData(2);
    const none = { ...data, detections: { ...randomData(2).detections, scores: data.detections.scores } };
    none.detections.boxes.fill(0);
    const { better, difference } = compareDetections(none, data, { resamples: 100 });
    expect(better).toBe(1);
    expect(difference.low).toBeGreaterThan(0);
  });

  it('refuses different ground truths', () => {
    expect(() => compareDetections(randomData(1), randomData(2))).toThrow(/the ground truths differ in their/);
  });
});
