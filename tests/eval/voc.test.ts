import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { evaluateVoc, type VocDetections, type VocTruths } from '../../src/eval/voc.ts';
import { sharedPath } from '../helpers/shared.ts';

const BOX = [10, 10, 49, 49];
const FAR = [60, 60, 79, 79];

function columns(rows: { image?: number; classId?: number; box: number[] }[]) {
  return {
    images: rows.map(({ image }) => image ?? 0),
    classes: rows.map(({ classId }) => classId ?? 0),
    boxes: rows.flatMap(({ box }) => box),
  };
}

describe('hand-computed', () => {
  const truths: VocTruths = columns([{ box: BOX }, { box: FAR }]);
  const found = (boxes: number[][]): VocDetections => ({
    ...columns(boxes.map((box) => ({ box }))),
    scores: boxes.map((_, i) => 1 - i / 10),
  });

  it('one of two found: area 1/2, six of eleven points', () => {
    expect(evaluateVoc(truths, found([BOX]), 1).map).toBe(0.5);
    expect(evaluateVoc(truths, found([BOX]), 1, { interpolation: '11-point' }).map).toBeCloseTo(6 / 11, 15);
  });

  it('gives the curve by score', () => {
    const { classes } = evaluateVoc(truths, found([BOX, [0, 0, 5, 5], FAR]), 2);
    expect(classes[0]).toMatchObject({ truths: 2, detections: 3 });
    expect([...classes[0]!.scores]).toEqual([1, 0.9, 0.8]);
    expect([...classes[0]!.precision]).toEqual([1, 1 / 2, 2 / 3]);
    expect([...classes[0]!.recall]).toEqual([0.5, 0.5, 1]);
    expect(classes[0]!.ap).toBeCloseTo(0.5 + 0.5 * (2 / 3), 15);
    expect(classes[1]!.ap).toBe(-1);
  });

  it('has no second choice: the best truth is taken, so the detection is wrong', () => {
    const close = columns([{ box: [0, 0, 99, 99] }, { box: [20, 0, 119, 99] }]);
    const twice = found([
      [0, 0, 99, 99],
      [5, 0, 104, 99],
    ]);
    expect([...evaluateVoc(close, twice, 1).classes[0]!.precision]).toEqual([1, 0.5]);
  });

  it('difficult truths count neither found nor missed', () => {
    const withDifficult = { ...truths, difficult: [0, 1] };
    const result = evaluateVoc(withDifficult, found([FAR, BOX]), 1);
    expect([...result.classes[0]!.precision]).toEqual([0, 1]);
    expect(result.map).toBe(1);
    expect(evaluateVoc({ ...truths, difficult: [1, 1] }, found([FAR]), 1).map).toBe(-1);
  });

  it('an IoU of exactly the threshold matches only where it may', () => {
    // 10 × 10 pixels against 10 × 5, corners included.
    const truth = columns([{ box: [0, 0, 9, 9] }]);
    const half = found([[0, 0, 9, 4]]);
    expect(evaluateVoc(truth, half, 1).map).toBe(0);
    expect(evaluateVoc(truth, half, 1, { strict: false }).map).toBe(1);
    expect(evaluateVoc(truth, half, 1, { strict: false, inclusive: false }).map).toBe(0);
  });

  it('equal scores keep their order, and other images do not match', () => {
    const tie = { ...columns([{ box: [0, 0, 3, 3] }, { box: BOX }]), scores: [0.5, 0.5] };
    expect([...evaluateVoc(truths, tie, 1).classes[0]!.precision]).toEqual([0, 0.5]);
    const other = { ...columns([{ box: BOX, image: 1 }]), scores: [1] };
    expect(evaluateVoc(truths, other, 1).map).toBe(0);
  });

  it('of truths that overlap alike the first is taken', () => {
    const twins = columns([{ box: BOX }, { box: BOX }]);
    expect(evaluateVoc({ ...twins, difficult: [0, 1] }, found([BOX]), 1).map).toBe(1);
    expect(evaluateVoc({ ...twins, difficult: [1, 0] }, found([BOX]), 1).map).toBe(0);
  });

  it('a recall of 3/10 does not reach the fourth of eleven points', () => {
    const ten = columns(Array.from({ length: 10 }, (_, i) => ({ box: [100 * i, 0, 100 * i + 50, 50] })));
    const three = found([0, 1, 2].map((i) => [100 * i, 0, 100 * i + 50, 50]));
    expect(evaluateVoc(ten, three, 1, { interpolation: '11-point' }).map).toBeCloseTo(3 / 11, 12);
  });

  it('refuses columns that do not fit', () => {
    expect(() => evaluateVoc({ ...truths, boxes: [1, 2, 3, 4] }, found([]), 1)).toThrow(
      'truths have 1 boxes for 2 objects',
    );
    expect(() => evaluateVoc({ ...truths, difficult: [1] }, found([]), 1)).toThrow('truths have 1 difficult for 2');
    expect(() => evaluateVoc(truths, { ...found([BOX]), scores: [] }, 1)).toThrow('detections have 0 scores for 1');
    const odd = columns([{ box: BOX, classId: 3 }]);
    expect(() => evaluateVoc(odd, found([]), 2)).toThrow('class 3 of truths 0 is not in [0, 2)');
  });
});

interface Row {
  image: number;
  name: string;
  box: number[];
  score: number;
  difficult: number;
}

function evaluate(truths: Row[], found: Row[], options: Parameters<typeof evaluateVoc>[3]) {
  const names = [...new Set(truths.map(({ name }) => name))].sort();
  const of = (rows: Row[]) => columns(rows.map((row) => ({ ...row, classId: names.indexOf(row.name) })));
  const known = found.filter(({ name }) => names.includes(name));
  const result = evaluateVoc(
    { ...of(truths), difficult: truths.map(({ difficult }) => difficult) },
    { ...of(known), scores: known.map(({ score }) => score) },
    names.length,
    options,
  );
  return { ...result, names };
}

const voc = sharedPath('eval/voc_gen');
describe.skipIf(!voc)('answers of detectron2 (skipped where the reference data is missing)', () => {
  const images = voc ? readFileSync(`${voc}/test.txt`, 'utf8').trim().split(/\s+/) : [];
  const truths = images.flatMap((name, image): Row[] => {
    const xml = readFileSync(`${voc}/Annotations/${name}.xml`, 'utf8');
    return [...xml.matchAll(/<object>.*?<\/object>/gs)].map(([object]) => {
      const number = (tag: string) => Number(new RegExp(`<${tag}>(.*?)<`).exec(object)![1]);
      const box = ['xmin', 'ymin', 'xmax', 'ymax'].map(number);
      const className = /<name>(.*?)</.exec(object)![1]!;
      return { image, name: className, box, score: 0, difficult: number('difficult') };
    });
  });
  const found = (voc ? readdirSync(`${voc}/results`) : []).flatMap((file): Row[] => {
    const lines = readFileSync(`${voc}/results/${file}`, 'utf8').trim().split('\n');
    const name = /_test_(.*)\.txt/.exec(file)![1]!;
    return lines.map((line) => {
      const [image, score, ...box] = line.split(' ');
      return { image: images.indexOf(image!), name, box: box.map(Number), score: Number(score), difficult: 0 };
    });
  });

  type Answer = {
    mAP: number;
    per_class: Record<string, { AP: number; final_recall: number; final_precision: number }>;
  };
  const { rule } = voc ? JSON.parse(readFileSync(`${voc}/EXPECTED.json`, 'utf8')) : { rule: {} };
  const cases = Object.entries(rule as Record<string, Record<string, Answer>>).flatMap(([strictness, answers]) =>
    Object.entries(answers).map(([name, answer]) => [strictness, name, answer] as const),
  );

  it.each(cases)('%s %s', (strictness, name, answer) => {
    const [kind, threshold] = name.split('@');
    const { map, classes, names } = evaluate(truths, found, {
      interpolation: kind === '11_point' ? '11-point' : 'all-point',
      iouThreshold: Number(threshold),
      strict: strictness === 'strict_gt',
    });
    expect(map).toBeCloseTo(answer.mAP, 12);
    for (const [className, expected] of Object.entries(answer.per_class)) {
      const { ap, precision, recall } = classes[names.indexOf(className)]!;
      expect(ap).toBeCloseTo(expected.AP, 12);
      expect(recall.at(-1)).toBeCloseTo(expected.final_recall, 12);
      expect(precision.at(-1)).toBeCloseTo(expected.final_precision, 12);
    }
  });
});

const cartucho = sharedPath('eval/cartucho_map');
it.skipIf(!cartucho)('equals Cartucho/mAP (skipped where the reference data is missing)', () => {
  const read = (folder: string) =>
    readdirSync(`${cartucho}/${folder}`).flatMap((file, image) =>
      readFileSync(`${cartucho}/${folder}/${file}`, 'utf8')
        .trim()
        .split('\n')
        .map((line) => ({ image, parts: line.trim().split(' ') })),
    );
  const truths = read('ground-truth').map(({ image, parts: [name, ...box] }): Row => {
    return { image, name: name!, box: box.map(Number), score: 0, difficult: 0 };
  });
  const found = read('detection-results').map(({ image, parts: [name, score, ...box] }): Row => {
    return { image, name: name!, box: box.map(Number), score: Number(score), difficult: 0 };
  });
  const expected = JSON.parse(readFileSync(`${cartucho}/EXPECTED.json`, 'utf8'));
  const { map, classes, names } = evaluate(truths, found, { strict: false });
  expect(map).toBeCloseTo(expected.mAP, 12);
  expect(names).toEqual(Object.keys(expected.per_class));
  names.forEach((name, k) => {
    const { AP, npos, n_dets } = expected.per_class[name];
    expect(classes[k]!.ap).toBeCloseTo(AP, 12);
    expect(classes[k]).toMatchObject({ truths: npos, detections: n_dets });
  });
});
