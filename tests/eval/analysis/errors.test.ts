import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { ERROR_KINDS } from '../../../src/eval/analysis/error-matching.ts';
import { analyzeErrors } from '../../../src/eval/analysis/errors.ts';
import { loadCoco } from '../../../src/eval/coco/load.ts';
import { sharedPath } from '../../helpers/shared.ts';
import { groundTruth, result, truth } from '../coco/helpers.ts';
import { randomData } from './helpers.ts';

const folder = sharedPath('eval');
const json = (name: string) => JSON.parse(readFileSync(`${folder}/${name}.json`, 'utf8'));
const NAMES = {
  classification: 'Cls',
  localization: 'Loc',
  both: 'Both',
  duplicate: 'Dupe',
  background: 'Bkg',
  missed: 'Miss',
} as const;

interface Entry {
  id: number;
  image_id: number;
}

/** TIDE breaks ties between images by their place in the file, COCO by their ids: ids in file order suit both. */
function inFileOrder(gt: { images: Entry[]; annotations: Entry[] }, dt: Entry[]): [unknown, unknown] {
  const places = new Map(gt.images.map(({ id }, place) => [id, place]));
  const renumber = (entry: Entry) => ({ ...entry, image_id: places.get(entry.image_id) });
  const images = gt.images.map((image, id) => ({ ...image, id }));
  return [{ ...gt, images, annotations: gt.annotations.map(renumber) }, dt.map(renumber)];
}

const BOX = [10, 10, 40, 40];

describe('analyzeErrors', () => {
  const kindsOf = (truths: unknown[], results: unknown[]) => {
    const { errors, missed } = analyzeErrors(loadCoco(groundTruth(truths), results));
    return { kinds: errors.map(({ kind }) => kind), missed: [...missed] };
  };

  it.each([
    ['localization', [result(0.9, [30, 10, 40, 40])], []],
    ['classification', [result(0.9, BOX, { category_id: 2 })], []],
    ['both', [result(0.9, [30, 10, 40, 40], { category_id: 2 })], [0]],
    ['background', [result(0.9, [80, 80, 10, 10])], [0]],
  ])('%s', (kind, results, missed) => {
    expect(kindsOf([truth(1, BOX)], results)).toEqual({ kinds: [kind], missed });
  });

  it('duplicate, and a detection in a crowd that costs nothing', () => {
    expect(kindsOf([truth(1, BOX)], [result(0.9, BOX), result(0.8, BOX)])).toEqual({
      kinds: ['duplicate'],
      missed: [],
    });
    const data = loadCoco(groundTruth([truth(1, BOX, { iscrowd: 1 }), truth(2, [60, 60, 20, 20])]), [
      result(0.9, [20, 20, 10, 10]),
      result(0.8, [60, 60, 20, 20]),
    ]);
    const { errors, ap, falsePositives } = analyzeErrors(data);
    expect(errors).toEqual([{ kind: 'background', detection: 0, truth: -1, ignored: true }]);
    expect([ap, falsePositives.count]).toEqual([1, 0]);
  });

  it('corrects only the best detection of an object', () => {
    const shifted = [30, 10, 40, 40];
    const { kinds, ap } = analyzeErrors(
      loadCoco(groundTruth([truth(1, BOX)]), [result(0.9, shifted), result(0.8, shifted)]),
    );
    expect([ap, kinds.localization]).toEqual([0, { count: 2, cost: 1 }]);
  });

  it('refuses thresholds that cross', () => {
    expect(() => analyzeErrors(randomData(1), { iouThreshold: 0.3, backgroundThreshold: 0.4 })).toThrow(RangeError);
  });

  it('accounts for every detection and every object', () => {
    for (let seed = 0; seed < 20; seed++) {
      const data = randomData(seed);
      const { kinds, errors, falsePositives, falseNegatives, ap } = analyzeErrors(data);
      const wrong = ERROR_KINDS.filter((kind) => kind !== 'missed').reduce((sum, kind) => sum + kinds[kind].count, 0);
      expect(wrong).toBe(errors.length);
      expect(falsePositives.count).toBe(errors.filter(({ ignored }) => !ignored).length);
      const counted = data.truths.ignore.filter((flag) => flag === 0).length;
      const correct = data.detections.count - errors.length;
      expect(counted - falseNegatives.count).toBe(correct);
      const rescued = new Set(errors.flatMap(({ truth }) => (truth < 0 ? [] : [truth])));
      expect(kinds.missed.count).toBe(falseNegatives.count - rescued.size);
      for (const kind of ERROR_KINDS) expect(kinds[kind].cost).toBeGreaterThanOrEqual(0);
      expect(falsePositives.cost + ap).toBeLessThanOrEqual(1 + 1e-12);
      expect(falseNegatives.cost + ap).toBeLessThanOrEqual(1 + 1e-12);
    }
  });

  const val2014 = 'coco_val2014_100/instances_val2014';
  it.skipIf(!folder).each([
    ['bbox', `${val2014}_100`, `${val2014}_fakebbox100_results`, 'coco_val2014_100/EXPECTED.tide.bbox'],
    ['segm', `${val2014}_100`, `${val2014}_fakesegm100_results`, 'coco_val2014_100/EXPECTED.tide.segm'],
    ['segm', 'gen_segm/gt', 'gen_segm/dt', 'gen_segm/EXPECTED.tide.segm'],
  ] as const)('agrees with TIDE: %s of %s (skipped where the reference data is missing)', (iouType, gt, dt, answer) => {
    const data = loadCoco(...inFileOrder(json(gt), json(dt)), { iouType });
    const found = analyzeErrors(data, { iouType, averageOver: 'present' });
    const expected = json(answer);
    expect(found.ap * 100).toBeCloseTo(expected.AP50, 9);
    for (const kind of ERROR_KINDS) {
      expect(found.kinds[kind].count, kind).toBe(expected.error_counts[NAMES[kind]]);
      expect(found.kinds[kind].cost * 100, kind).toBeCloseTo(expected.main_dAP[NAMES[kind]], 9);
    }
    expect(found.falsePositives.cost * 100).toBeCloseTo(expected.special_dAP.FalsePos, 9);
    expect(found.falseNegatives.cost * 100).toBeCloseTo(expected.special_dAP.FalseNeg, 9);
  });
});
