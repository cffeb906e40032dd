import type { ValueInfo } from '../vision/signature.ts';
import type { DType, Tensor, TensorArrays } from '../vision/tensor.ts';

/** The part of ONNX's ModelProto that Miru writes. */
export interface Model {
  readonly graph: Graph;
  /** Opset version per domain; '' is the ONNX domain. */
  readonly opsets: Readonly<Record<string, number>>;
  readonly irVersion: number;
  readonly producer?: string;
  readonly metadata?: Readonly<Record<string, string>>;
}

export interface Graph {
  readonly name: string;
  readonly nodes: readonly Node[];
  readonly inputs: readonly ValueInfo[];
  readonly outputs: readonly ValueInfo[];
  readonly initializers: readonly NamedTensor[];
}

/** One operator call. An empty input name stands for an optional input left out. */
export interface Node {
  readonly op: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: Attributes;
  readonly name?: string;
  readonly domain?: string;
}

export type NamedTensor = Tensor & { readonly name: string };

/** A plain number is an integer attribute; `float()` and `floats()` mark the others. */
export type AttributeValue =
  | number
  | string
  | readonly number[]
  | readonly string[]
  | Tensor
  | { readonly float: number }
  | { readonly floats: readonly number[] };

export type Attributes = Readonly<Record<string, AttributeValue>>;

export const float = (value: number): AttributeValue => ({ float: value });

export const floats = (values: readonly number[]): AttributeValue => ({ floats: values });

export function node(
  op: string,
  inputs: readonly string[],
  outputs: readonly string[],
  attributes: Attributes = {},
): Node {
  return { op, inputs, outputs, attributes };
}

export function value(name: string, dtype: DType, dims: readonly (number | string | null)[]): ValueInfo {
  return { name, dtype, dims };
}

const arrays = {
  float32: Float32Array,
  float64: Float64Array,
  float16: Uint16Array,
  uint8: Uint8Array,
  int8: Int8Array,
  uint16: Uint16Array,
  int16: Int16Array,
  int32: Int32Array,
  uint32: Uint32Array,
  int64: BigInt64Array,
  uint64: BigUint64Array,
  bool: Uint8Array,
} as const satisfies { [D in DType]: new (length: number) => TensorArrays[D] };

/**
 * A tensor under a name. Numbers are converted to the element type's array; float16 takes raw bits.
 * @throws RangeError where the data does not fill the dims
 */
export function tensor<D extends DType>(
  name: string,
  dtype: D,
  dims: readonly number[],
  data: TensorArrays[D] | readonly number[],
): NamedTensor {
  const size = dims.reduce((product, dim) => product * dim, 1);
  if (data.length !== size) throw new RangeError(`${name}: ${data.length} values for dims [${dims.join(',')}]`);
  return { name, dtype, dims, data: ArrayBuffer.isView(data) ? data : toTypedArray(dtype, data) } as NamedTensor;
}

function toTypedArray(dtype: DType, numbers: readonly number[]): TensorArrays[DType] {
  if (dtype === 'int64') return BigInt64Array.from(numbers, BigInt);
  if (dtype === 'uint64') return BigUint64Array.from(numbers, BigInt);
  return arrays[dtype].from(numbers);
}

/** A model of today's ONNX: IR version 8, opset 17. Both are as old as a graph of plain operators allows. */
export function model(graph: Graph, about: Pick<Model, 'producer' | 'metadata'> = {}): Model {
  return { graph, irVersion: 8, opsets: { '': 17 }, ...about };
}
