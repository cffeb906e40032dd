import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { type ConfusionMatrix, confusionMatrix } from '../../../src/eval/analysis/confusion.ts';
import { loadCoco } from '../../../src/eval/coco/load.ts';
import { DETECTION_STATES, matchCoco } from '../../../src/eval/coco/matches.ts';
import { sharedPath } from '../../helpers/shared.ts';
import { groundTruth, result, truth } from '../coco/helpers.ts';
import { randomData } from './helpers.ts';

const BOX = [10, 10, 40, 40];

/** [true, detected, count] of the cells that are not 0. */
function cells({ categoryIds, counts }: ConfusionMatrix): number[][] {
  const size = categoryIds.length + 1;
  return Array.from(counts).flatMap((n, i) => (n ? [[Math.floor(i / size), i % size, n]] : []));
}

describe('confusionMatrix', () => {
  const of = (truths: unknown[], results: unknown[], scoreThreshold = 0.25) =>
    cells(confusionMatrix(loadCoco(groundTruth(truths), results), { scoreThreshold }));

  it('prefers an object of the right class to a more similar one of another', () => {
    const truths = [truth(1, BOX, { category_id: 2 }), truth(2, [14, 10, 40, 40])];
    expect(of(truths, [result(0.9, BOX)])).toEqual([
      [0, 0, 1],
      [1, 3, 1],
    ]);
  });

  it('matches across classes what is left: each object once, the best score first', () => {
    const results = [result(0.7, BOX, { category_id: 2 }), result(0.8, BOX, { category_id: 3 })];
    expect(of([truth(1, BOX)], results)).toEqual([
      [0, 2, 1],
      [3, 1, 1],
    ]);
    expect(of([truth(1, BOX)], results, 0.75)).toEqual([[0, 2, 1]]);
    expect(of([truth(1, BOX)], results, 0.9)).toEqual([[0, 3, 1]]);
  });

  it('knows nothing of crowds and of other images', () => {
    expect(of([truth(1, BOX, { iscrowd: 1 })], [result(0.9, BOX)])).toEqual([]);
    expect(of([truth(1, BOX)], [result(0.9, BOX, { image_id: 2, category_id: 2 })])).toEqual([
      [0, 3, 1],
      [3, 1, 1],
    ]);
  });

  it('agrees with the matching behind AP, row by row and column by column', () => {
    for (let seed = 0; seed < 30; seed++) {
      const data = randomData(seed);
      const [iouThreshold, scoreThreshold] = [0.3 + 0.02 * seed, seed / 40];
      const { counts, categoryIds } = confusionMatrix(data, { iouThreshold, scoreThreshold });
      const { states } = matchCoco(data, { iouThresholds: [iouThreshold], maxDetections: [100] });
      const { scores, categories } = data.detections;
      const size = categoryIds.length + 1;
      for (let k = 0; k < categoryIds.length; k++) {
        const rows = [...categories.keys()].filter((d) => categories[d] === k && scores[d]! >= scoreThreshold);
        const named = (name: string) => rows.filter((d) => DETECTION_STATES[states[d]!] === name).length;
        const line = Array.from({ length: size }, (_, i) => i);
        expect(counts[k * size + k]).toBe(named('true-positive'));
        expect(line.reduce((sum, i) => sum + counts[i * size + k]!, 0)).toBe(
          named('true-positive') + named('false-positive'),
        );
        const truths = data.truths.categories.filter((c, g) => c === k && data.truths.ignore[g] === 0).length;
        expect(line.reduce((sum, i) => sum + counts[k * size + i]!, 0)).toBe(truths);
      }
      expect(counts.at(-1)).toBe(0);
    }
  });

  const folder = sharedPath('eval');
  it.skipIf(!folder)(
    'is near to supervision, which matches without regard to class (skipped where the reference data is missing)',
    () => {
      const json = (name: string) => JSON.parse(readFileSync(`${folder}/${name}.json`, 'utf8'));
      const gt = json('coco_val2014_100/instances_val2014_100');
      gt.annotations = gt.annotations.filter(({ iscrowd }: { iscrowd: number }) => !iscrowd);
      const data = loadCoco(gt, json('coco_val2014_100/instances_val2014_fakebbox100_results'));
      // Scores must exceed its threshold.
      const matrix = confusionMatrix(data, { scoreThreshold: 0.3 + 1e-9 });
      const { confusion } = json('supervision/EXPECTED').coco_val2014_100;
      const theirs = confusion['nonzero_[row,col,n]'] as number[][];
      const sums = (rows: number[][], axis: 0 | 1) => {
        const totals = new Array(81).fill(0);
        for (const row of rows) totals[row[axis]!] += row[2]!;
        return totals.slice(0, 80);
      };
      const diagonal = (rows: number[][]) => rows.reduce((sum, [a, b, n]) => sum + (a === b ? n! : 0), 0);
      expect(sums(cells(matrix), 0)).toEqual(sums(theirs, 0));
      expect(sums(cells(matrix), 1)).toEqual(sums(theirs, 1));
      // One object is lost there to a detection of another class that overlaps it more.
      expect([diagonal(cells(matrix)), diagonal(theirs)]).toEqual([456, 455]);
    },
  );
});
