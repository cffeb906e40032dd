import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { families } from '../../src/families/index.ts';
import { recogniseFamily } from '../../src/families/recognise.ts';
import { fitFrame } from '../../src/vision/frame.ts';
import { toSource } from '../../src/vision/to-source.ts';
import type { BinaryMask, Limits, Result, Size } from '../../src/vision/types.ts';
import { signature } from './fixture.ts';
import { type ParityCase, parityCases, readOutputs } from './parity-case.ts';

it.each(Object.entries(families))('%s says whether its reference was run or read', (name, { checked }) => {
  const compared = parityCases.some(([, family]) => family === name);
  expect(checked, 'a family has parity cases, or `checked: reading`').toBe(compared ? undefined : 'reading');
});

/** A case has the checks that its reference gave numbers for. */
const given = (numbers: unknown) => (numbers === undefined ? () => {} : it);

describe.each(parityCases)('%s decodes as its reference does', (_title, name, path) => {
  const { reference, input, expected, ...parity }: ParityCase = JSON.parse(readFileSync(path, 'utf8'));
  const family = families[name];
  const about = signature(parity.signature.inputs, parity.signature.outputs, parity.signature);
  const outputs = readOutputs(parity.outputs);
  const probe = { input, outputs };
  // What the signature leaves open is known once the graph has run.
  const observed = {
    ...about,
    outputs: about.outputs.map(({ name }) => ({ name, dtype: outputs[name]!.dtype, dims: outputs[name]!.dims })),
  };
  const limits: Limits = { ...family.defaults, classAgnostic: false, ...parity.limits };

  function decode(): Result {
    const params = { ...family.recognise(observed, probe)?.params, ...parity.params };
    const prediction = family.bind(observed, params).decode(outputs, input, limits);
    return toSource(prediction, fitFrame(input, { mode: 'stretch', ...input }));
  }

  it('says where its numbers come from', () => {
    expect(reference.length).toBeGreaterThan(20);
  });

  given(parity.params ? undefined : 'recognition')('is recognised, at sight or by a probe', () => {
    const { best } = recogniseFamily(about).best ? recogniseFamily(about) : recogniseFamily(observed, probe);
    expect(best?.family).toBe(name);
  });

  given(expected.boxes)('boxes within half a pixel, scores within a thousandth, the same labels', () => {
    const { scores, classIds, boxes } = objects(decode());
    expect(scores.length).toBe(expected.boxes!.length);
    const order = matchOrder(expected, scores, classIds, boxes);
    order.forEach((i, n) => {
      expect(classIds[i], `label of ${n}`).toBe(expected.labels![n]);
      expect(Math.abs(scores[i]! - expected.scores![n]!), `score of ${n}`).toBeLessThan(1e-3);
      expected.boxes![n]!.forEach((v, k) => {
        expect(Math.abs(boxes[4 * i + k]! - v), `box ${n}: ${k}`).toBeLessThan(0.5);
      });
    });
  });

  given(expected.masks)('masks at an IoU of at least 0.99', () => {
    const result = decode();
    if (result.task !== 'instance-segmentation') throw new Error(result.task);
    const { scores, classIds, boxes, masks } = result.value;
    matchOrder(expected, scores, classIds, boxes).forEach((i, n) => {
      const theirs = Buffer.from(expected.masks![n]!, 'base64');
      expect(maskIou(masks[i]!, theirs, input), `mask ${n}`).toBeGreaterThanOrEqual(0.99);
    });
  });

  given(expected.keypoints)('keypoints within half a pixel', () => {
    const { scores, classIds, boxes, keypoints } = objects(decode());
    matchOrder(expected, scores, classIds, boxes).forEach((i, n) => {
      expected.keypoints![n]!.forEach(([x, y, score], k) => {
        const at = 3 * (i * keypoints!.names.length + k);
        expect(Math.abs(keypoints!.points[at]! - x!), `point ${n}/${k}`).toBeLessThan(0.5);
        expect(Math.abs(keypoints!.points[at + 1]! - y!), `point ${n}/${k}`).toBeLessThan(0.5);
        if (score !== undefined) expect(Math.abs(keypoints!.points[at + 2]! - score)).toBeLessThan(1e-3);
      });
    });
  });

  given(expected.corners)('corners within half a pixel', () => {
    const { scores, classIds, boxes, corners } = objects(decode());
    matchOrder(expected, scores, classIds, boxes).forEach((i, n) => {
      for (const [x, y] of expected.corners![n]!) {
        const distances = [0, 1, 2, 3].map((k) => {
          return Math.hypot(corners![8 * i + 2 * k]! - x!, corners![8 * i + 2 * k + 1]! - y!);
        });
        expect(Math.min(...distances), `corner of ${n}`).toBeLessThan(0.5);
      }
    });
  });

  given(expected.classes)('the same scores of classes', () => {
    const result = decode();
    if (result.task !== 'classification') throw new Error(result.task);
    expected.classes!.forEach((score, k) => {
      expect(Math.abs(result.value.scores[k]! - score), `class ${k}`).toBeLessThan(1e-3);
    });
  });

  given(expected.map)('99 % of the map', () => {
    const result = decode();
    if (result.task !== 'semantic-segmentation') throw new Error(result.task);
    const theirs = Buffer.from(expected.map!, 'base64');
    expect(theirs.length).toBe(result.value.labels.length);
    const agreed = theirs.reduce((n, label, i) => n + (label === result.value.labels[i] ? 1 : 0), 0);
    expect(agreed / theirs.length).toBeGreaterThanOrEqual(0.99);
  });
});

function objects(result: Result) {
  if (result.task !== 'detection' && result.task !== 'instance-segmentation') throw new Error(result.task);
  return result.value;
}

/** Where each expected object stands among ours: equal scores may come in another order. */
function matchOrder(
  { boxes, scores, labels }: ParityCase['expected'],
  ours: Float32Array,
  classIds: Int32Array,
  ourBoxes: Float32Array,
): number[] {
  const free = new Set(ours.keys());
  return boxes!.map((box, n) => {
    const distance = (i: number) =>
      box.reduce((sum, v, k) => sum + Math.abs(v - ourBoxes[4 * i + k]!), 0) +
      1000 * Math.abs(scores![n]! - ours[i]!) +
      (classIds[i] === labels![n] ? 0 : 1000);
    const [best] = [...free].sort((a, b) => distance(a) - distance(b));
    free.delete(best!);
    return best!;
  });
}

function maskIou(ours: BinaryMask, bits: Uint8Array, { width, height }: Size): number {
  let [shared, either] = [0, 0];
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const [column, row] = [x - ours.x, y - ours.y];
      const inside = column >= 0 && row >= 0 && column < ours.width && row < ours.height;
      const mine = inside && ours.data[row * ours.width + column] === 1;
      const at = y * width + x;
      const theirs = ((bits[at >> 3]! >> (7 - (at & 7))) & 1) === 1;
      if (mine && theirs) shared++;
      if (mine || theirs) either++;
    }
  }
  return either === 0 ? 1 : shared / either;
}
