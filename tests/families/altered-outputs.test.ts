import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { families } from '../../src/families/index.ts';
import { recogniseFamily } from '../../src/families/recognise.ts';
import type { Signature, ValueInfo } from '../../src/vision/signature.ts';
import { floatToHalf, type Tensor, type Tensors } from '../../src/vision/tensor.ts';
import type { Limits, Prediction } from '../../src/vision/types.ts';
import { signature } from './fixture.ts';
import { type ParityCase, parityCases, readOutputs } from './parity-case.ts';

interface Graph {
  readonly about: Signature;
  readonly outputs: Tensors;
}
type Change = (graph: Graph) => readonly Graph[];

/** What people do to a graph's outputs. */
const changes: Readonly<Record<string, Change>> = {
  renamed: ({ about, outputs }) => {
    const names = Object.fromEntries(about.outputs.map(({ name }, i) => [name, `y${i}`]));
    const rename = <T>(record: Readonly<Record<string, T>>) =>
      Object.fromEntries(Object.entries(record).map(([name, value]) => [names[name] ?? name, value]));
    const lastOperators = rename(about.lastOperators ?? {});
    const values = about.outputs.map((value) => ({ ...value, name: names[value.name]! }));
    return [{ about: { ...about, outputs: values, lastOperators }, outputs: rename(outputs) }];
  },
  'in another order': ({ about, outputs }) => [
    {
      about: { ...about, outputs: about.outputs.toReversed() },
      outputs: Object.fromEntries(Object.entries(outputs).reverse()),
    },
  ],
  'in half precision': (graph) => [
    Object.keys(graph.outputs).reduce((changed, name) => replace(changed, name, toHalf), graph),
  ],
  'with shapes left open': ({ about, outputs }) => {
    const open = (v: ValueInfo) => ({ ...v, dims: v.dims.map((dim, i) => (dim === 3 ? 3 : `${v.name}_${i}`)) });
    return [{ about: { ...about, inputs: about.inputs.map(open), outputs: about.outputs.map(open) }, outputs }];
  },
  'without metadata': ({ about, outputs }) => [{ about: { ...about, metadata: {} }, outputs }],
  'with one turned around': (graph) =>
    Object.keys(graph.outputs)
      .filter((name) => graph.outputs[name]!.dims.length > 2)
      .map((name) => replace(graph, name, turn)),
};

/** What no graph tells: which of two heads is the better one; whether a class that is alone was trained. */
const untold = ['yolov8/dual.json in another order', 'yolov5/yolov5-one-class.json without metadata'];

const detectors = parityCases.filter(([, family]) => /detection|instance/.test(families[family].task));

describe.each(Object.entries(changes))('outputs %s: the same objects, or none', (title, change) => {
  it.each(detectors.filter(([name]) => !untold.includes(`${name} ${title}`)))('%s', (_name, family, path) => {
    const { input, limits: wanted, params, ...parity }: ParityCase = JSON.parse(readFileSync(path, 'utf8'));
    const about = signature(parity.signature.inputs, parity.signature.outputs, parity.signature);
    const original: Graph = { about, outputs: readOutputs(parity.outputs) };
    const limits: Limits = { ...families[family].defaults, classAgnostic: false, ...wanted };
    const read = families[family].recognise(observe(original), { input, outputs: original.outputs })?.params;
    const bound = families[family].bind(observe(original), { ...read, ...params });
    const expected = objects(bound.decode(original.outputs, input, limits));
    for (const graph of change(original)) {
      const atSight = recogniseFamily(graph.about).best;
      const seen = atSight ? graph.about : observe(graph);
      const best = atSight ?? recogniseFamily(seen, { input, outputs: graph.outputs }).best;
      if (!best) continue;
      const found = objectsOrNone(() =>
        families[best.family].bind(seen, best.params).decode(graph.outputs, input, limits),
      );
      if (found) expectSame(found, expected);
    }
  });
});

/** The signature with the shapes that the graph gave. */
function observe({ about, outputs }: Graph): Signature {
  const values = about.outputs.map(({ name }) => ({ name, dtype: outputs[name]!.dtype, dims: outputs[name]!.dims }));
  return { ...about, outputs: values };
}

function replace({ about, outputs }: Graph, name: string, change: (tensor: Tensor) => Tensor): Graph {
  const tensor = change(outputs[name]!);
  const value = { name, dtype: tensor.dtype, dims: tensor.dims };
  const values = about.outputs.map((other) => (other.name === name ? value : other));
  return { about: { ...about, outputs: values }, outputs: { ...outputs, [name]: tensor } };
}

function toHalf(tensor: Tensor): Tensor {
  if (tensor.dtype !== 'float32') return tensor;
  return { dtype: 'float16', dims: tensor.dims, data: Uint16Array.from(tensor.data, floatToHalf) };
}

/** The last two dimensions changed over; in maps, channels last. */
function turn(tensor: Tensor): Tensor {
  const { dims } = tensor;
  const split = dims.length === 4 ? 1 : dims.length - 2;
  const [rows, columns] = [dims[split]!, dims.slice(split + 1).reduce((a, b) => a * b, 1)];
  const data = tensor.data.slice();
  for (let i = 0; i < data.length; i++) {
    const [matrix, cell] = [Math.floor(i / (rows * columns)), i % (rows * columns)];
    const to = matrix * rows * columns + (cell % columns) * rows + Math.floor(cell / columns);
    data[to] = tensor.data[i]!;
  }
  return { ...tensor, dims: [...dims.slice(0, split), ...dims.slice(split + 1), rows], data } as Tensor;
}

interface Seen {
  readonly classId: number;
  readonly score: number;
  readonly box: readonly number[];
}

function objects(prediction: Prediction): Seen[] {
  if (prediction.task !== 'detection' && prediction.task !== 'instance-segmentation') throw new Error(prediction.task);
  const { scores, classIds, boxes } = prediction.value;
  return [...scores].map((score, i) => ({ score, classId: classIds[i]!, box: [...boxes.subarray(4 * i, 4 * i + 4)] }));
}

/** Outputs that cannot be decoded are refused where the model is loaded. */
function objectsOrNone(decode: () => Prediction): Seen[] | undefined {
  try {
    return objects(decode());
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

/** Half precision may move a few across the thresholds. */
function expectSame(found: readonly Seen[], expected: readonly Seen[]): void {
  const isLike = (a: Seen, b: Seen) =>
    a.classId === b.classId && Math.abs(a.score - b.score) < 0.01 && a.box.every((v, k) => Math.abs(v - b.box[k]!) < 1);
  const missing = expected.filter((object) => !found.some((other) => isLike(object, other)));
  const invented = found.filter((object) => !expected.some((other) => isLike(object, other)));
  expect(missing.length).toBeLessThanOrEqual(0.1 * expected.length);
  expect(invented.length).toBeLessThanOrEqual(0.1 * expected.length);
}
