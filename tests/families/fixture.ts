import type { Signature, ValueInfo } from '../../src/vision/signature.ts';
import type { Tensor, Tensors } from '../../src/vision/tensor.ts';
import type { Size } from '../../src/vision/types.ts';

/** An object that a fixture writes into the outputs of its graph, in model-input pixels. */
export interface Planted {
  readonly box: readonly [number, number, number, number];
  readonly score: number;
  readonly classId: number;
}

/** A small graph of a family, and what it gives for objects of the test's choice. */
export interface Fixture {
  readonly signature: Signature;
  readonly params: Readonly<Record<string, unknown>>;
  readonly input: Size;
  /** Objects that the graph can express. Classification takes the first; maps are filled inside the boxes. */
  readonly objects: readonly Planted[];
  /** Encodes by the formulas of the family's reference, written anew here. */
  readonly outputs: (objects: readonly Planted[]) => Tensors;
  /** Whether the signature alone is enough to recognise the family; true unless told. */
  readonly recognised?: boolean;
  /** Whether the outputs list the objects in their order, so that the order of equal scores is the graph's. */
  readonly listed?: boolean;
}

/** Variants of a family by name. */
export type Fixtures = Readonly<Record<string, Fixture>>;

export function tensor(dims: readonly number[], fill = 0): Tensor & { readonly dtype: 'float32' } {
  return { dtype: 'float32', dims, data: new Float32Array(dims.reduce((a, b) => a * b, 1)).fill(fill) };
}

export function value(name: string, dims: ValueInfo['dims'], dtype: ValueInfo['dtype'] = 'float32'): ValueInfo {
  return { name, dtype, dims };
}

export function signature(
  inputs: readonly ValueInfo[],
  outputs: readonly ValueInfo[],
  about: Partial<Signature> = {},
): Signature {
  return { inputs, outputs, metadata: {}, producer: 'test', irVersion: 8, opsets: { '': 13 }, operators: {}, ...about };
}

export const inverseSigmoid = (p: number): number => Math.log(p / (1 - p));

export function center([xmin, ymin, xmax, ymax]: Planted['box']) {
  return { x: (xmin + xmax) / 2, y: (ymin + ymax) / 2, width: xmax - xmin, height: ymax - ymin };
}

/** Three objects apart from each other, of scores and classes apart. */
export const threeObjects: readonly Planted[] = [
  { box: [4, 6, 24, 30], score: 0.9, classId: 1 },
  { box: [34, 8, 58, 26], score: 0.6, classId: 0 },
  { box: [10, 36, 40, 60], score: 0.75, classId: 2 },
];

/** The cell of stride `stride` in which an object's centre lies. */
export function cellOf(object: Planted, stride: number, input: Size) {
  const { x, y } = center(object.box);
  const [column, row] = [Math.floor(x / stride), Math.floor(y / stride)];
  return { column, row, index: row * Math.ceil(input.width / stride) + column };
}
