import { readFileSync } from 'node:fs';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { PanopticEvaluator, type PanopticImage, type PanopticSegment } from '../../src/eval/panoptic.ts';
import { sharedPath } from '../helpers/shared.ts';

const CATEGORIES = [
  { id: 1, isThing: true },
  { id: 2, isThing: false },
];

function image(ids: number[], ...segments: PanopticSegment[]): PanopticImage {
  return { ids: Uint32Array.from(ids), segments };
}

function score(truth: PanopticImage, predicted: PanopticImage) {
  const evaluator = new PanopticEvaluator(CATEGORIES);
  evaluator.update(truth, predicted);
  return evaluator.compute();
}

const thing = { id: 7, categoryId: 1 };
const stuff = { id: 8, categoryId: 2 };

describe('hand-computed', () => {
  it('IoU 2/3 matches; a missing and a surplus segment halve the recognition', () => {
    const truth = image([7, 7, 7, 8, 8, 8], thing, stuff);
    const guess = image([5, 5, 6, 6, 6, 6], { id: 5, categoryId: 1 }, { id: 6, categoryId: 1 });
    const { all, things, stuff: background, classes } = score(truth, guess);
    expect(classes[0]).toMatchObject({
      truePositives: 1,
      falsePositives: 1,
      falseNegatives: 0,
      sq: 2 / 3,
      rq: 1 / 1.5,
    });
    expect(classes[0]!.pq).toBeCloseTo(2 / 3 / 1.5, 15);
    expect(classes[1]).toMatchObject({ truePositives: 0, falsePositives: 0, falseNegatives: 1, pq: 0, sq: 0, rq: 0 });
    expect(things).toMatchObject({ n: 1, pq: classes[0]!.pq });
    expect(background).toEqual({ n: 1, pq: 0, sq: 0, rq: 0 });
    expect(all.pq).toBeCloseTo(classes[0]!.pq / 2, 15);
  });

  it('IoU of exactly one half does not match', () => {
    const guess = image([5, 0], { id: 5, categoryId: 1 });
    expect(score(image([7, 7], thing), guess).classes[0]).toMatchObject({ truePositives: 0, falsePositives: 1 });
  });

  it('void does not count against a prediction', () => {
    const truth = image([7, 7, 0, 0], thing);
    expect(score(truth, image([5, 5, 5, 5], { id: 5, categoryId: 1 })).classes[0]).toMatchObject({ pq: 1 });
    const inVoid = image([0, 5, 5, 5], { id: 5, categoryId: 2 });
    expect(score(truth, inVoid).classes[1]).toMatchObject({ falsePositives: 0 });
    const halfInVoid = image([0, 5, 5, 0], { id: 5, categoryId: 2 });
    expect(score(truth, halfInVoid).classes[1]).toMatchObject({ falsePositives: 1 });
  });

  it('crowds are neither missed nor do they make predictions of their class wrong', () => {
    const truth = image([7, 7, 7, 8], { ...thing, crowd: true }, stuff);
    const found = score(truth, image([5, 5, 5, 5], { id: 5, categoryId: 1 })).classes;
    expect(found[0]).toMatchObject({ truePositives: 0, falsePositives: 0, falseNegatives: 0 });
    const other = score(truth, image([5, 5, 5, 5], { id: 5, categoryId: 2 })).classes;
    expect(other[1]).toMatchObject({ falsePositives: 1, falseNegatives: 1 });
  });

  it('forgets on reset, and is 0 for nothing', () => {
    const evaluator = new PanopticEvaluator(CATEGORIES);
    evaluator.update(image([7], thing), image([7], thing));
    expect(evaluator.compute().all).toEqual({ n: 1, pq: 1, sq: 1, rq: 1 });
    evaluator.reset();
    expect(evaluator.compute().all).toEqual({ n: 0, pq: 0, sq: 0, rq: 0 });
  });

  it.each([
    [image([7], thing), image([0, 0]), 'the truth has 1 pixels, the prediction 2'],
    [image([7], thing), image([5]), 'segment 5 of the prediction has no category'],
    [image([7], thing), image([0], { id: 5, categoryId: 1 }), 'segment 5 of the prediction has no pixels'],
    [image([7], { id: 7, categoryId: 9 }), image([0]), 'segment 7 of the truth has the unknown category 9'],
    [image([7], { id: 0, categoryId: 1 }), image([0]), 'segment id 0 of the truth'],
    [image([2 ** 24]), image([0]), 'an id at pixel 0 exceeds 16777215'],
  ])('refuses what nothing explains', (truth, guess, message) => {
    expect(() => score(truth, guess)).toThrow(RangeError);
    expect(() => score(truth, guess)).toThrow(message);
  });
});

interface PanopticFile {
  annotations: {
    image_id: number;
    file_name: string;
    segments_info: { id: number; category_id: number; area: number; iscrowd: number }[];
  }[];
  categories: { id: number; isthing: number }[];
}

describe.each(['sample', 'gen'])('%s', (set) => {
  const folder = sharedPath('eval/panoptic', set);
  it.skipIf(!folder)('equals panopticapi (skipped where the reference data is missing)', async () => {
    const json = (name: string) => JSON.parse(readFileSync(`${folder}/${name}`, 'utf8'));
    const [truth, guess, expected] = [
      json('gt.json') as PanopticFile,
      json('pred.json') as PanopticFile,
      json('EXPECTED.json'),
    ];
    const evaluator = new PanopticEvaluator(
      truth.categories.map(({ id, isthing }) => ({ id, isThing: isthing === 1 })),
    );
    const read = async (side: string, { file_name, segments_info }: PanopticFile['annotations'][number]) => {
      const { data, info } = await sharp(`${folder}/${side}/${file_name}`).raw().toBuffer({ resolveWithObject: true });
      const c = info.channels;
      const ids = Uint32Array.from({ length: data.length / c }, (_, i) => {
        return data[i * c]! + 256 * data[i * c + 1]! + 65536 * data[i * c + 2]!;
      });
      const segments = segments_info.map(({ id, category_id, area, iscrowd }) => {
        return { id, categoryId: category_id, area, crowd: iscrowd === 1 };
      });
      return { ids, segments };
    };
    for (const annotation of truth.annotations) {
      const other = guess.annotations.find(({ image_id }) => image_id === annotation.image_id)!;
      evaluator.update(await read('gt', annotation), await read('pred', other));
    }
    const { all, things, stuff, classes } = evaluator.compute();
    for (const [mean, name] of [
      [all, 'All'],
      [things, 'Things'],
      [stuff, 'Stuff'],
    ] as const) {
      expect(mean.n).toBe(expected[name].n);
      for (const key of ['pq', 'sq', 'rq'] as const) expect(mean[key]).toBeCloseTo(expected[name][key], 12);
    }
    for (const [id, { pq, sq, rq }] of Object.entries(expected.per_class as Record<string, typeof all>)) {
      const found = classes.find(({ categoryId }) => categoryId === Number(id))!;
      expect(found.pq).toBeCloseTo(pq, 12);
      expect(found.sq).toBeCloseTo(sq, 12);
      expect(found.rq).toBeCloseTo(rq, 12);
    }
  });
});
