import { readdirSync, readFileSync } from 'node:fs';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { CityscapesEvaluator } from '../../src/eval/cityscapes.ts';
import { CityscapesInstanceEvaluator } from '../../src/eval/cityscapes-instances.ts';
import { CITYSCAPES_LABELS } from '../../src/eval/cityscapes-labels.ts';
import { sharedPath } from '../helpers/shared.ts';

const id = (name: string) => CITYSCAPES_LABELS.findIndex((label) => label.name === name);
const [road, car, person, bus] = ['road', 'car', 'person', 'bus'].map(id) as [number, number, number, number];
const near = (value: number, expected: number | null) =>
  expect(Number.isNaN(value) ? null : value).toSatisfy((v) => v === expected || Math.abs(v - expected!) <= 1e-12);

describe('pixels', () => {
  it('void predictions are missed pixels, true void does not count', () => {
    const evaluator = new CityscapesEvaluator();
    const truth = Uint8Array.of(road, road, road, 0, car, car);
    evaluator.update(truth, Uint8Array.of(road, 0, car, road, car, car), new Uint16Array(6));
    const { classes, categories, meanIou } = evaluator.compute();
    expect(classes[road]!.iou).toBe(1 / 3);
    expect(classes[car]!.iou).toBe(2 / 3);
    expect(classes[0]!.iou).toBeNaN();
    expect(meanIou).toBeCloseTo(1 / 2, 15);
    expect(categories.map(({ name, iou }) => [name, iou]).filter(([, iou]) => !Number.isNaN(iou))).toEqual([
      ['flat', 1 / 3],
      ['vehicle', 2 / 3],
    ]);
  });

  it('weighs objects alike', () => {
    const evaluator = new CityscapesEvaluator();
    const instances = Uint16Array.of(car * 1000 + 1, car * 1000 + 1, car * 1000 + 1, car * 1000 + 2);
    evaluator.update(new Uint8Array(4).fill(car), Uint8Array.of(car, car, car, bus), instances);
    const { classes, categories } = evaluator.compute();
    expect(classes[car]!.iou).toBe(3 / 4);
    expect(classes[car]!.instanceIou).toBeCloseTo(1 / 2, 15);
    expect(categories.find(({ name }) => name === 'vehicle')!.instanceIou).toBeCloseTo(1, 15);
    expect(classes[road]!.instanceIou).toBeNaN();
    evaluator.reset();
    expect(evaluator.compute().meanIou).toBeNaN();
  });

  it('refuses unknown labels and maps of different sizes', () => {
    const update = (truth: number[], guess: number[]) => () =>
      new CityscapesEvaluator().update(Uint8Array.from(truth), Uint8Array.from(guess), new Uint16Array(1));
    expect(update([34], [0])).toThrow('pixel 0 has an unknown label id: 34 (truth) or 0 (prediction)');
    expect(update([0], [255])).toThrow('pixel 0 has an unknown label id');
    expect(update([0], [0, 0])).toThrow('truth, prediction and instances have 1, 2 and 1 pixels');
  });
});

describe('instances', () => {
  /** 20 × 20 pixels, filled where `inside` says. */
  const fill = (inside: (x: number, y: number) => boolean) =>
    Uint8Array.from({ length: 400 }, (_, i) => Number(inside(i % 20, Math.floor(i / 20))));
  const left = fill((x) => x < 10);
  const right = fill((x) => x >= 10);
  const instances = Uint16Array.from(left, (inside) => (inside ? person * 1000 : person * 1000 + 1));

  it('hand-computed: found, found twice, missed', () => {
    const evaluator = new CityscapesInstanceEvaluator();
    evaluator.update(instances, [{ labelId: person, score: 0.9, mask: left }]);
    const score = () => evaluator.compute().classes.find(({ name }) => name === 'person')!;
    // One point at recall 1/2 and the artificial one at 0: widths 1/4 each, and precision 1.
    expect(score().ap50).toBeCloseTo(1 / 2, 15);
    evaluator.reset();
    evaluator.update(instances, [
      { labelId: person, score: 0.9, mask: left },
      { labelId: person, score: 0.8, mask: left },
      { labelId: person, score: 0.7, mask: right },
    ]);
    // Precision 2/3, 1/2, 1, 1 at recall 1, 1/2, 1/2, 0.
    expect(score().ap50).toBeCloseTo((2 / 3) * 0.25 + (1 / 2) * 0.25 + 0.25 + 0.25, 12);
  });

  it('groups, void and small objects excuse what lies in them', () => {
    const scores = (truth: Uint16Array) => {
      const evaluator = new CityscapesInstanceEvaluator();
      evaluator.update(truth, [
        { labelId: person, score: 0.9, mask: left },
        { labelId: person, score: 0.95, mask: right },
      ]);
      return evaluator.compute().classes.find(({ name }) => name === 'person')!.ap50;
    };
    const half = (other: number) => Uint16Array.from(left, (inside) => (inside ? person * 1000 : other));
    expect(scores(half(road))).toBeCloseTo(0.25, 12);
    expect(scores(half(person))).toBeCloseTo(1, 12);
    expect(scores(half(0))).toBeCloseTo(1, 12);
    expect(scores(new Uint16Array(400))).toBeNaN();
  });

  it('an overlap of exactly one half is no match', () => {
    const evaluator = new CityscapesInstanceEvaluator();
    const truth = new Uint16Array(400).fill(person * 1000);
    evaluator.update(truth, [{ labelId: person, score: 1, mask: left }]);
    expect(evaluator.compute().classes.find(({ name }) => name === 'person')!.ap50).toBe(0);
  });

  it('is 0 where nothing was found, and refuses masks of another size', () => {
    const evaluator = new CityscapesInstanceEvaluator();
    evaluator.update(instances, []);
    expect(evaluator.compute()).toMatchObject({ ap: 0, ap50: 0 });
    const mask = new Uint8Array(3);
    const update = () => evaluator.update(instances, [{ labelId: person, score: 1, mask }]);
    expect(update).toThrow('mask 0 has 3 pixels, the truth 400');
  });
});

const folder = sharedPath('eval/cityscapes_gen');
describe.skipIf(!folder)('answers of cityscapesScripts (skipped where the reference data is missing)', () => {
  const json = (name: string) => JSON.parse(readFileSync(`${folder}/${name}`, 'utf8').replaceAll('Infinity', '1e999'));
  const gray = async (path: string) => Uint8Array.from(await sharp(path).extractChannel(0).raw().toBuffer());
  const gray16 = async (path: string) => {
    const bytes = await sharp(path).toColourspace('grey16').raw({ depth: 'ushort' }).toBuffer();
    return Uint16Array.from({ length: bytes.length / 2 }, (_, i) => bytes.readUInt16LE(2 * i));
  };
  const truths = `${folder}/gtFine/val/synth`;
  const names = folder ? readdirSync(truths).flatMap((file) => /^(.*)_gtFine_labelIds.png$/.exec(file)?.[1] ?? []) : [];

  it('pixels', async () => {
    const evaluator = new CityscapesEvaluator();
    for (const name of names) {
      evaluator.update(
        await gray(`${truths}/${name}_gtFine_labelIds.png`),
        await gray(`${folder}/results/${name}_pred_labelIds.png`),
        await gray16(`${truths}/${name}_gtFine_instanceIds.png`),
      );
    }
    const expected = json('EXPECTED.pixel.json');
    const result = evaluator.compute();
    for (const { name, iou, instanceIou } of result.classes) {
      near(iou, expected.classScores[name]);
      near(instanceIou, expected.classInstScores[name]);
    }
    for (const { name, iou, instanceIou } of result.categories) {
      near(iou, expected.categoryScores[name]);
      near(instanceIou, expected.categoryInstScores[name]);
    }
    near(result.meanIou, expected.averageScoreClasses);
    near(result.meanInstanceIou, expected.averageScoreInstClasses);
    near(result.meanCategoryIou, expected.averageScoreCategories);
    near(result.meanCategoryInstanceIou, expected.averageScoreInstCategories);
  });

  it('instances', async () => {
    const evaluator = new CityscapesInstanceEvaluator();
    for (const name of names) {
      const lines = readFileSync(`${folder}/results/${name}_pred.txt`, 'utf8').trim().split('\n').filter(Boolean);
      const objects = lines.map(async (line) => {
        const [file, labelId, score] = line.split(' ');
        return { labelId: Number(labelId), score: Number(score), mask: await gray(`${folder}/results/${file}`) };
      });
      evaluator.update(await gray16(`${truths}/${name}_gtFine_instanceIds.png`), await Promise.all(objects));
    }
    const { averages } = json('EXPECTED.instance.json');
    const { ap, ap50, classes } = evaluator.compute();
    for (const { name, ap, ap50 } of classes) {
      near(ap, averages.classes[name].ap);
      near(ap50, averages.classes[name]['ap50%']);
    }
    near(ap, averages.allAp);
    near(ap50, averages['allAp50%']);
  });
});
