import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { BoundFamily } from '../../src/families/define.ts';
import { type FamilyName, families } from '../../src/families/index.ts';
import { recogniseFamily } from '../../src/families/recognise.ts';
import { fixedSize } from '../../src/vision/input-spec.ts';
import type { Signature, ValueInfo } from '../../src/vision/signature.ts';
import type { Tensor, Tensors } from '../../src/vision/tensor.ts';
import type { Detections, Limits, Prediction } from '../../src/vision/types.ts';
import type { Fixture, Fixtures, Planted } from './fixture.ts';

const limits: Limits = { scoreThreshold: 0.5, iouThreshold: 0.5, maxDetections: 100, classAgnostic: false };
const names = Object.keys(families) as FamilyName[];
const variants: [string, FamilyName, Fixture][] = [];
for (const name of names) {
  // A family without a fixture fails here.
  const { fixtures } = (await import(`./fixtures/${name}/contract.ts`)) as { fixtures: Fixtures };
  for (const [variant, fixture] of Object.entries(fixtures)) variants.push([`${name}: ${variant}`, name, fixture]);
}
const detectors = variants.filter(([, name]) => /detection|instance/.test(families[name].task));

describe.each(variants)('%s', (_title, name, fixture) => {
  const family = families[name];
  const bound = family.bind(fixture.signature, fixture.params);
  const decode = (outputs: Tensors) => bound.decode(outputs, fixture.input, limits);

  it('is recognised by its signature, or asks for a sidecar', () => {
    const { best } = recogniseFamily(fixture.signature);
    if (fixture.recognised === false) return expect(best).toBeUndefined();
    expect(best?.family).toBe(name);
    expect(best?.evidence.length).toBeGreaterThan(0);
    const recognised = family.bind(fixture.signature, best?.params);
    expect(recognised.decode(fixture.outputs(fixture.objects), fixture.input, limits).task).toBe(family.task);
  });

  it('has defaults for all params, and refuses params it does not know', () => {
    expect(family.params.safeParse({}).success).toBe(true);
    expect(family.params.safeParse({ nosuch: 1 }).success).toBe(false);
  });

  it('describes an input that the graph has', () => {
    expect(fixture.signature.inputs.map((i) => i.name)).toContain(bound.input.name);
    const size = fixedSize(bound.input.resize);
    if (size) expect({ width: size.width, height: size.height }).toEqual(fixture.input);
  });

  it('finds nothing in nothing', () => {
    expect(summary(decode(fixture.outputs([])))).toEqual([]);
  });

  it('gives back what was planted', () => {
    const expected = fixture.objects.map(({ classId, box, score }) => ({ classId, box, score }));
    expected.sort((a, b) => b.score - a.score);
    expect(wholeSummary(decode(fixture.outputs(fixture.objects)), fixture)).toEqual(expected);
  });

  it('gives the same result twice and leaves its outputs as they were', () => {
    const outputs = fixture.outputs(fixture.objects);
    const first = decode(outputs);
    expect(stripFunctions(decode(outputs))).toEqual(stripFunctions(first));
    expect(outputs).toEqual(fixture.outputs(fixture.objects));
  });

  it.each([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 3e38, -3e38])(
    'stays finite where all outputs are %s',
    (value) => {
      expectSound(decode(mapFloats(fixture.outputs(fixture.objects), () => value)), bound);
    },
  );

  it('stays finite whatever the outputs are', () => {
    const odd = fc.constantFrom(
      Number.NaN,
      Number.POSITIVE_INFINITY,
      Number.NEGATIVE_INFINITY,
      3e38,
      -3e38,
      90,
      -90,
      0,
      1,
    );
    const pattern = fc.array(fc.oneof(odd, fc.float({ noNaN: true })), { minLength: 1, maxLength: 40 });
    fc.assert(
      fc.property(pattern, (values) => {
        expectSound(decode(mapFloats(fixture.outputs([]), (_, i) => values[i % values.length]!)), bound);
      }),
      { numRuns: 12 },
    );
  });

  it('says what it expected when shapes are wrong', () => {
    const flat: Tensor = { dtype: 'float32', dims: [7], data: new Float32Array(7) };
    expect(() => decode({})).toThrow(RangeError);
    expect(() => decode({ flat })).toThrow(/expected .*float32\[7\]/);
  });
});

describe.each(detectors)('%s', (_title, name, fixture) => {
  const bound = families[name].bind(fixture.signature, fixture.params);
  const find = (objects: readonly Planted[], wanted: Partial<Limits> = {}) =>
    detections(bound.decode(fixture.outputs(objects), fixture.input, { ...limits, ...wanted }));
  const best = [...fixture.objects].sort((a, b) => b.score - a.score)[0]!;

  it('drops what scores less than the threshold', () => {
    expect(find(fixture.objects, { scoreThreshold: 0.99 }).scores).toHaveLength(0);
    expect(find(fixture.objects, { scoreThreshold: best.score - 0.01 }).scores).toHaveLength(1);
  });

  it('keeps no more than the best maxDetections', () => {
    expect(find(fixture.objects, { maxDetections: 1 }).scores[0]).toBeCloseTo(best.score, 4);
    expect(find(fixture.objects, { maxDetections: 1 }).scores).toHaveLength(1);
    expect(find(fixture.objects, { maxDetections: 0 }).scores).toHaveLength(0);
  });

  it('keeps only the classes asked for', () => {
    const kept = find(fixture.objects, { classes: new Set([best.classId]) });
    expect(kept.scores).toHaveLength(fixture.objects.filter((o) => o.classId === best.classId).length);
    expect(find(fixture.objects, { classes: new Set([999]) }).scores).toHaveLength(0);
  });

  it('keeps all of equal scores, in one order', () => {
    const ties = fixture.objects.map((object) => ({ ...object, score: 0.8 }));
    const found = find(ties);
    expect(found.scores).toHaveLength(ties.length);
    const reversed = find([...ties].reverse());
    // Where objects lie in the outputs by their order, the order of equals follows it.
    if (!fixture.listed && !/ssd|face/.test(name)) expect(reversed.boxes).toEqual(found.boxes);
    expect(reversed.scores).toEqual(found.scores);
  });
});

const dim = fc.oneof(
  fc.constant(null),
  fc.string({ maxLength: 3 }),
  fc.integer({ min: -2, max: 100 }),
  fc.constantFrom(1, 3, 4, 80, 85),
);
const valueInfo: fc.Arbitrary<ValueInfo> = fc.record({
  name: fc.string({ maxLength: 8 }),
  dtype: fc.constantFrom('float32', 'float16', 'uint8', 'int64', 'string', 'unknown', 'bool'),
  dims: fc.oneof(
    fc.array(dim, { maxLength: 6 }),
    fc.tuple(fc.constant(1), fc.constant(3), dim, dim),
    fc.tuple(fc.constant(1), dim, dim),
  ),
});
const oddSignature: fc.Arbitrary<Signature> = fc.record({
  inputs: fc.array(valueInfo, { maxLength: 3 }),
  outputs: fc.array(valueInfo, { maxLength: 7 }),
  metadata: fc.dictionary(fc.constantFrom('task', 'names', 'end2end', '__proto__', 'x'), fc.string()),
  producer: fc.string(),
  irVersion: fc.integer(),
  opsets: fc.constant({}),
  operators: fc.dictionary(
    fc.constantFrom('Sigmoid', 'Softmax', 'Exp', 'ArgMax', 'ConvTranspose'),
    fc.integer({ min: 0, max: 3 }),
  ),
});

describe.each(names)('%s', (name) => {
  it('never throws while recognising, and its params then bind', () => {
    fc.assert(
      fc.property(oddSignature, (signature) => {
        const found = families[name].recognise(signature);
        if (!found) return;
        expect(found.confidence).toBeGreaterThan(0);
        expect(found.confidence).toBeLessThanOrEqual(1);
        expect(families[name].params.safeParse(found.params ?? {}).success).toBe(true);
      }),
      { numRuns: 500 },
    );
  });
});

function detections(prediction: Prediction): Detections {
  if (prediction.task !== 'detection' && prediction.task !== 'instance-segmentation') throw new Error(prediction.task);
  return prediction.value;
}

interface Seen {
  readonly classId: number;
  readonly box: readonly number[];
  readonly score: number;
}

/** What was found, by descending score, in numbers a test can compare. */
function summary(prediction: Prediction): Seen[] {
  switch (prediction.task) {
    case 'detection':
    case 'instance-segmentation': {
      const { boxes, scores, classIds } = prediction.value;
      return [...scores].map((score, i) => ({
        classId: classIds[i]!,
        box: [...boxes.subarray(4 * i, 4 * i + 4)].map((v) => Math.round(v * 1000) / 1000),
        score: Math.round(score * 1e4) / 1e4,
      }));
    }
    case 'classification': {
      const { scores } = prediction.value;
      const top = scores.indexOf(Math.max(...scores));
      return scores[top]! < 0.01 ? [] : [{ classId: top, box: [], score: Math.round(scores[top]! * 1e4) / 1e4 }];
    }
    case 'semantic-segmentation': {
      const value = prediction.value;
      const cells = Array.from({ length: value.width * value.height }, (_, i) => classAt(value, i));
      return [...new Set(cells)]
        .filter((c) => c > 0)
        .map((classId) => ({ classId, box: extent(cells, value.width, classId), score: 1 }));
    }
  }
}

/** The same, with what the task does not tell taken from the fixture: scores of maps, boxes of whole pictures. */
function wholeSummary(prediction: Prediction, fixture: Fixture): Seen[] {
  const seen = summary(prediction);
  if (prediction.task === 'detection' || prediction.task === 'instance-segmentation') return seen;
  const background = fixture.objects.filter((o) => prediction.task === 'semantic-segmentation' && o.classId === 0);
  const complete = seen.map(({ classId, box, score }) => {
    const planted = fixture.objects.find((o) => o.classId === classId)!;
    if (prediction.task === 'classification') return { classId, box: planted.box, score };
    // Maps may be coarser than the input.
    const scale = fixture.input.width / prediction.value.width;
    return { classId, box: box.map((v) => v * scale), score: planted.score };
  });
  return [...complete, ...background].sort((a, b) => b.score - a.score);
}

function classAt(value: Extract<Prediction, { task: 'semantic-segmentation' }>['value'], i: number): number {
  if (value.kind === 'labels') return value.data[i]!;
  if (value.kind === 'binary') return value.data[i]! > value.threshold ? 1 : 0;
  const area = value.width * value.height;
  let best = 0;
  for (let c = 1; c < value.data.length / area; c++)
    if (value.data[c * area + i]! > value.data[best * area + i]!) best = c;
  return best;
}

function extent(cells: readonly number[], width: number, classId: number): number[] {
  const at = cells.flatMap((c, i) => (c === classId ? [i] : []));
  const columns = at.map((i) => i % width);
  const rows = at.map((i) => Math.floor(i / width));
  return [Math.min(...columns), Math.min(...rows), Math.max(...columns) + 1, Math.max(...rows) + 1];
}

function mapFloats(outputs: Tensors, change: (value: number, i: number) => number): Tensors {
  return Object.fromEntries(
    Object.entries(outputs).map(([name, t]) => [name, t.dtype === 'float32' ? { ...t, data: t.data.map(change) } : t]),
  );
}

function stripFunctions(prediction: Prediction) {
  if (prediction.task !== 'instance-segmentation') return prediction;
  const { masks, ...rest } = prediction.value;
  return { ...rest, grids: [...rest.scores.keys()].map((i) => masks.grid(i)), region: masks.region };
}

/** Everything that must hold whatever a network says. */
function expectSound(prediction: Prediction, bound: BoundFamily): void {
  if (prediction.task === 'classification') {
    expect(prediction.value.scores.every((s) => s >= 0 && s <= 1)).toBe(true);
  } else if (prediction.task === 'semantic-segmentation') {
    const { width, height, data } = prediction.value;
    expect(data.length % (width * height)).toBe(0);
  } else {
    const { boxes, scores, classIds, keypoints } = prediction.value;
    expect(boxes.length).toBe(4 * scores.length);
    expect(classIds.length).toBe(scores.length);
    expect(scores.length).toBeLessThanOrEqual(limits.maxDetections);
    expect(boxes.every(Number.isFinite)).toBe(true);
    expect(scores.every((s, i) => s >= limits.scoreThreshold && s <= 1 && (i === 0 || s <= scores[i - 1]!))).toBe(true);
    const classes = typeof bound.classes === 'number' ? bound.classes : bound.classes.length;
    expect(classIds.every((c) => c >= 0 && c < classes)).toBe(true);
    expect(keypoints?.points.every(Number.isFinite) ?? true).toBe(true);
    for (let i = 0; i < scores.length; i++) {
      expect(boxes[4 * i + 2]! > boxes[4 * i]! && boxes[4 * i + 3]! > boxes[4 * i + 1]!).toBe(true);
    }
  }
}
