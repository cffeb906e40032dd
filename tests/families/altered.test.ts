import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { describeModel } from '../../src/catalog/describe.ts';
import { node, tensor, value } from '../../src/onnx/model.ts';
import { readSignature } from '../../src/onnx/read-signature.ts';
import { openModel } from '../../src/open-model.ts';
import { predict } from '../../src/pipeline.ts';
import type { Signature, ValueInfo } from '../../src/vision/signature.ts';
import type { DType } from '../../src/vision/tensor.ts';
import { type Alteration, alterGraph } from '../helpers/alter.ts';
import { scratchFolder } from '../helpers/graphs.ts';
import { sharedPath } from '../helpers/shared.ts';

const weights = sharedPath('weights');
const data = sharedPath('data');
const scratch = scratchFolder();
afterAll(scratch.remove);

type Change = (graph: Signature) => Alteration;
type Dims = ValueInfo['dims'];
const typed = (v: ValueInfo, name: string, dims: Dims = v.dims, dtype = v.dtype) => value(name, dtype as DType, dims);
const image = ({ inputs }: Signature) => inputs[0]!;

/** Changes by hand: what people do to a graph on the way to their server. */
const changes = {
  renamed: (graph) => ({
    before: [node('Identity', ['x'], [image(graph).name])],
    after: graph.outputs.map((output, i) => node('Identity', [output.name], [`y${i}`])),
    inputs: { [image(graph).name]: typed(image(graph), 'x') },
    outputs: graph.outputs.map((output, i) => typed(output, `y${i}`)),
  }),
  'outputs in another order': (graph) => ({ outputs: graph.outputs.toReversed() }),
  'a batch of 4': (graph) => ({
    before: [node('Gather', ['pictures', 'first'], [image(graph).name], { axis: 0 })],
    after: graph.outputs.map(({ name }) => node('Concat', [name, name, name, name], [`${name}_4`], { axis: 0 })),
    initializers: [tensor('first', 'int64', [1], [0])],
    inputs: { [image(graph).name]: typed(image(graph), 'pictures', [4, ...image(graph).dims.slice(1)]) },
    outputs: graph.outputs.map((output) => typed(output, `${output.name}_4`, [4, ...output.dims.slice(1)])),
  }),
  'half precision': (graph) => ({
    before: [node('Cast', ['half'], [image(graph).name], { to: 1 })],
    after: graph.outputs.map(({ name }) => node('Cast', [name], [`${name}_half`], { to: 10 })),
    inputs: { [image(graph).name]: typed(image(graph), 'half', image(graph).dims, 'float16') },
    outputs: graph.outputs.map((output) => typed(output, `${output.name}_half`, output.dims, 'float16')),
  }),
  'bytes, channels last': (graph) => {
    const [n, c, h, w] = image(graph).dims as [number, number, number, number];
    return {
      before: [
        node('Cast', ['bytes'], ['numbers'], { to: 1 }),
        node('Transpose', ['numbers'], [image(graph).name], { perm: [0, 3, 1, 2] }),
      ],
      inputs: { [image(graph).name]: value('bytes', 'uint8', [n, h, w, c]) },
    };
  },
  'bytes, divided in the graph': (graph) => ({
    before: [node('Cast', ['bytes'], ['numbers'], { to: 1 }), node('Div', ['numbers', 'most'], [image(graph).name])],
    initializers: [tensor('most', 'float32', [1], [255])],
    inputs: { [image(graph).name]: typed(image(graph), 'bytes', image(graph).dims, 'uint8') },
  }),
  'no metadata': () => ({ withoutMetadata: true }),
  'shapes left open': (graph) => {
    const open = (v: ValueInfo) =>
      typed(
        v,
        v.name,
        v.dims.map((dim, i) => (dim === 3 ? 3 : `${v.name}_${i}`)),
      );
    return {
      inputs: { [image(graph).name]: open(image(graph)) },
      outputs: graph.outputs.map(open),
      withoutMetadata: true,
    };
  },
  'an argmax at the end': ({ outputs: [scores] }) => ({
    after: [node('ArgMax', [scores!.name], ['classes'], { axis: 1, keepdims: 0 })],
    outputs: [value('classes', 'int64', scores!.dims.filter((_, axis) => axis !== 1) as number[])],
  }),
} satisfies Record<string, Change>;

/** Only some of the channels of the widest output. */
const only =
  (axis: number, kept: readonly number[]): Change =>
  ({ outputs }) => {
    const widest = outputs.reduce((a, b) => (Number(a.dims[axis]) >= Number(b.dims[axis]) ? a : b));
    const few = typed(
      widest,
      'few',
      widest.dims.map((dim, i) => (i === axis ? kept.length : dim)),
    );
    return {
      after: [node('Gather', [widest.name, 'kept'], ['few'], { axis })],
      initializers: [tensor('kept', 'int64', [kept.length], kept)],
      outputs: outputs.map((output) => (output === widest ? few : output)),
    };
  };

/** Base model, what is changed, and whether it is still served (the same objects) or refused. */
const cases: readonly [base: string, change: string | Change, outcome: 'same' | 'alike' | 'refused' | 'fewer'][] = [
  ['yolov8n-int8-320-coco', 'renamed', 'same'],
  ['yolov8n-int8-320-coco', 'no metadata', 'same'],
  ['yolov8n-int8-320-coco', 'a batch of 4', 'same'],
  ['yolov8n-int8-320-coco', 'half precision', 'same'],
  ['yolov8n-int8-320-coco', 'bytes, divided in the graph', 'same'],
  ['yolov8n-int8-320-coco', 'shapes left open', 'refused'],
  // Its metadata names 80 classes.
  ['yolov8n-int8-320-coco', only(1, [0, 1, 2, 3, 4, 5, 6]), 'refused'],
  ['yolov8n-int8-320-coco', (graph) => ({ ...only(1, [0, 1, 2, 3, 4, 5, 6])(graph), withoutMetadata: true }), 'fewer'],
  ['yolox-nano-coco', 'renamed', 'same'],
  ['yolox-nano-coco', 'a batch of 4', 'same'],
  ['yolox-nano-coco', 'half precision', 'same'],
  ['yolox-nano-coco', 'bytes, channels last', 'same'],
  // This graph does run at any size, and is given a larger one.
  ['yolox-nano-coco', 'shapes left open', 'alike'],
  ['yolox-nano-coco', only(2, [0, 1, 2, 3, 4, 5, 6, 20]), 'fewer'],
  ['nanodet-m-coco', 'renamed', 'same'],
  ['nanodet-m-coco', 'outputs in another order', 'same'],
  ['nanodet-m-coco', 'half precision', 'same'],
  ['nanodet-m-coco', 'shapes left open', 'refused'],
  ['ssd-mobilenet-v1-coco', 'renamed', 'same'],
  ['ssd-mobilenet-v1-coco', 'outputs in another order', 'same'],
  ['ssd-mobilenet-v1-coco', 'a batch of 4', 'same'],
  ['ssd-mobilenet-v1-coco', only(2, [0, 1, 17]), 'refused'],
  ['fastestdet-coco', 'renamed', 'same'],
  ['fastestdet-coco', only(1, [0, 1, 2, 3, 4, 5, 6, 21]), 'refused'],
  ['centernet-mobilenetv3-coco', 'renamed', 'same'],
  // Rows of six, but not those of a YOLO.
  [
    'centernet-mobilenetv3-coco',
    ({ outputs }) => ({ outputs: outputs.filter((o) => o.name === 'detections') }),
    'refused',
  ],
  ['deeplabv3-mobilenetv2-voc', 'a batch of 4', 'same'],
  ['deeplabv3-mobilenetv2-voc', 'half precision', 'same'],
  ['deeplabv3-mobilenetv2-voc', 'an argmax at the end', 'same'],
  ['deeplabv3-mobilenetv2-voc', only(1, [0, 3, 15]), 'fewer'],
  ['ultraface-rfb-320', 'renamed', 'same'],
  ['ultraface-rfb-320', 'half precision', 'same'],
  ['ultraface-rfb-320-raw', 'outputs in another order', 'same'],
  ['blazeface-back-256', 'renamed', 'same'],
  ['blazeface-back-256', 'outputs in another order', 'same'],
  ['mobilenet-v2-imagenet', 'a batch of 4', 'same'],
  ['mobilenet-v2-imagenet', only(1, [0, 1, 2]), 'refused'],
];

const face = 'samples/astronaut.png';
const pictures: Record<string, string> = {
  'ultraface-rfb-320': face,
  'ultraface-rfb-320-raw': face,
  'blazeface-back-256': face,
  'deeplabv3-mobilenetv2-voc': `${data}/coral-seg/bird_segmentation.bmp`,
};

describe.skipIf(!weights || !data)('graphs changed by hand (needs the reference weights and photos)', () => {
  const originals = new Map<string, Promise<Seen[]>>();

  it.each(cases.map((c) => [c[0], typeof c[1] === 'string' ? c[1] : 'fewer outputs', c] as const))(
    '%s, %s: the same result or none',
    async (base, _title, [, change, outcome]) => {
      const path = `${weights}/${base}.onnx`;
      const graph = await readSignature(path);
      const alter: Change = typeof change === 'string' ? changes[change as keyof typeof changes] : change;
      const altered = join(scratch.path, `${cases.findIndex((c) => c[0] === base && c[1] === change)}.onnx`);
      writeFileSync(altered, alterGraph(readFileSync(path), alter(graph)));
      if (outcome === 'refused') return expect(look(altered, base)).rejects.toMatchObject({ code: /model$/ });
      originals.set(base, originals.get(base) ?? look(path, base));
      const expected = await originals.get(base)!;
      const found = await look(altered, base);
      if (outcome === 'same') return expectSame(found, expected);
      if (outcome === 'alike') return expectAlike(found, expected);
      expect(found.length).toBeGreaterThan(0);
      // Classes have other numbers now; what is found is where it was before.
      for (const { at } of found) expect(expected.some((other) => isNear(other.at, at))).toBe(true);
    },
  );
});

interface Seen {
  readonly classId: number;
  readonly score: number;
  /** Box of an object, or nothing. */
  readonly at: readonly number[];
}

/** What a bare file sees: recognised, opened and run as the server would. */
async function look(path: string, base: string): Promise<Seen[]> {
  const description = await describeModel(path, {});
  const loaded = await openModel({ path, description, provider: 'cpu', threads: 2 });
  try {
    const limits = { ...description.defaults, classAgnostic: false };
    const scoreThreshold = description.task === 'detection' ? 0.4 : 0;
    const image = readFileSync(pictures[base] ?? `${data}/darknet/dog.jpg`);
    const request = { image, name: '', maxPixels: 5e7, limits: { ...limits, scoreThreshold }, format: 'json' } as const;
    const { body } = await predict(loaded, request, () => {});
    const { detections, segments, classes } = JSON.parse(new TextDecoder().decode(body));
    if (detections) return detections.map(toSeen);
    if (segments) return segments.map((s: Segment) => ({ classId: s.class_id, score: s.fraction, at: [] }));
    return classes.map((c: Found) => ({ classId: c.class_id, score: c.score, at: [] }));
  } finally {
    await loaded.session.release();
  }
}

interface Found {
  readonly class_id: number;
  readonly score: number;
}
type Segment = Found & { readonly fraction: number };

function toSeen({ class_id, score, box }: Found & { readonly box: Record<string, number> }): Seen {
  return { classId: class_id, score, at: [box.xmin!, box.ymin!, box.xmax!, box.ymax!] };
}

/** Half precision moves scores a little. */
function expectSame(found: readonly Seen[], expected: readonly Seen[]): void {
  expect(found.map((f) => f.classId)).toEqual(expected.map((f) => f.classId));
  found.forEach((f, i) => {
    expect(Math.abs(f.score - expected[i]!.score)).toBeLessThan(0.01);
    expect(isNear(f.at, expected[i]!.at)).toBe(true);
  });
}

/** The same objects, seen at another size. */
function expectAlike(found: readonly Seen[], expected: readonly Seen[]): void {
  for (const { classId, at } of expected.filter(({ score }) => score > 0.6)) {
    expect(found).toContainEqual({ classId, score: expect.any(Number), at: at.map((v) => expect.closeTo(v, -2)) });
  }
}

function isNear(a: readonly number[], b: readonly number[], pixels = 2): boolean {
  return a.every((v, i) => Math.abs(v - b[i]!) < pixels);
}
