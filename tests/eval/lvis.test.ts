import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { averagePrecision } from '../../src/eval/coco/summarize.ts';
import { evaluateLvis, loadLvis, summarizeLvis } from '../../src/eval/lvis.ts';
import { sharedPath } from '../helpers/shared.ts';

const BOX = [10, 10, 40, 40];

function file(more: object = {}, frequency: unknown = 'c') {
  return {
    images: [{ id: 1, neg_category_ids: [2], not_exhaustive_category_ids: [3], ...more }],
    categories: [1, 2, 3, 4].map((id) => ({ id, name: `${id}`, frequency })),
    annotations: [1, 3].map((id) => ({ id, image_id: 1, category_id: id, bbox: BOX, area: 1600 })),
  };
}

const found = (category_id: number, score: number, bbox = BOX) => ({ image_id: 1, category_id, score, bbox });
const ELSEWHERE = [60, 60, 9, 9];

describe('federated labels', () => {
  it('count wrong detections only where the image knows better', () => {
    const results = [1, 2, 3, 4].flatMap((id) => [found(id, 0.9, ELSEWHERE), found(id, 0.8)]);
    const data = loadLvis(file(), results);
    // Category 4 is not known of the image: its detections are gone.
    expect([...data.detections.categories]).toEqual([0, 0, 1, 1, 2, 2]);
    expect([...data.detections.excused!]).toEqual([0, 0, 0, 0, 1, 1]);
    const result = evaluateLvis(data);
    expect(result.params.maxDetections).toEqual([300]);
    expect(averagePrecision(result, { category: 0 })).toBeCloseTo(0.5, 12);
    expect(averagePrecision(result, { category: 1 })).toBe(-1);
    expect(averagePrecision(result, { category: 2 })).toBeCloseTo(1, 12);
    expect(summarizeLvis(result, data)).toMatchObject({ APr: -1, APf: -1, AP: averagePrecision(result) });
  });

  it('keep 300 detections of an image, of all categories together', () => {
    const results = [
      ...Array.from({ length: 300 }, () => found(2, 0.5, ELSEWHERE)),
      found(1, 0.5),
      found(1, 0.6, ELSEWHERE),
    ];
    const data = loadLvis(file(), results);
    expect([...data.detections.scores].filter((score) => score === 0.6).length).toBe(1);
    expect(data.detections.count).toBe(300);
    expect(averagePrecision(evaluateLvis(data), { category: 0 })).toBe(0);
  });

  it('refuse files without the lists, naming the place', () => {
    expect(() => loadLvis(file({ neg_category_ids: undefined }), [])).toThrow(
      'neg_category_ids of images[0] must be an array of finite numbers, got nothing',
    );
    expect(() => loadLvis(file({}, 'x'), [])).toThrow('frequency of categories[0] must be "r", "c" or "f", got "x"');
    expect(() => loadLvis(file(), [found(4, 1), { ...found(1, 1), bbox: [1] }])).toThrow('bbox of results[1]');
    expect(() => loadLvis(file(), [{ ...found(1, 1), image_id: 9 }])).toThrow('images that the ground truth lacks: 9');
  });
});

const folder = sharedPath('eval/lvis_100');
describe.skipIf(!folder)('answers of lvis-api (skipped where the reference data is missing)', () => {
  const json = (name: string) => JSON.parse(readFileSync(`${folder}/${name}`, 'utf8'));

  it.each(['bbox', 'segm'] as const)('%s', (iouType) => {
    const data = loadLvis(json('lvis_val_100.json'), json('results.json'), { iouType });
    const result = evaluateLvis(data, { iouType });
    const expected = json(`EXPECTED.${iouType}.json`);
    const answers = Object.values(expected.results as Record<string, number>);
    Object.entries(summarizeLvis(result, data)).forEach(([name, value], i) => {
      expect(Math.abs(value - answers[i]!), name).toBeLessThanOrEqual(1e-12);
    });
    expect(result.categoryIds).toEqual(expected.cat_ids);
    const perClass = result.categoryIds.map((_, category) => averagePrecision(result, { category }));
    const worst = perClass.reduce((most, ap, k) => Math.max(most, Math.abs(ap - expected.AP_per_class[k])), 0);
    expect(worst).toBeLessThanOrEqual(1e-12);
  });
});
