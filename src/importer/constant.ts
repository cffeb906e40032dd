import { halfToFloat } from '../vision/tensor.ts';

/** Element types of a TensorFlow.js graph. */
export type TfType = 'float32' | 'int32' | 'bool';

/** A dense row-major constant, kept as it is stored so that small weights stay small. */
export interface Constant {
  readonly dtype: TfType;
  readonly dims: readonly number[];
  readonly data: Float32Array | Int32Array | Uint8Array | Uint16Array;
  /** How `data` stands for numbers: as it is, as float16 bits, or as value × scale + min. */
  readonly encoding: 'plain' | 'float16' | { readonly scale: number; readonly min: number };
}

export const sizeOf = (dims: readonly number[]): number => dims.reduce((product, dim) => product * dim, 1);

export function ints(dims: readonly number[], data: Int32Array | readonly number[]): Constant {
  return { dtype: 'int32', dims, data: Int32Array.from(data), encoding: 'plain' };
}

/** The numbers that a constant stands for, computed as TensorFlow.js does (io_utils.ts, decodeWeights). */
export function valuesOf(constant: Constant): Float32Array | Int32Array {
  const { data, encoding, dtype } = constant;
  if (encoding === 'float16') return Float32Array.from(data, halfToFloat);
  if (encoding !== 'plain') {
    const { scale, min } = encoding;
    return dtype === 'float32'
      ? Float32Array.from(data, (q) => q * scale + min)
      : Int32Array.from(data, (q) => Math.round(q * scale + min));
  }
  if (data instanceof Float32Array || data instanceof Int32Array) return data;
  return Int32Array.from(data);
}

export function reshaped(constant: Constant, dims: readonly number[]): Constant {
  return { ...constant, dims };
}

/** Axis i of the result is axis `axes[i]` of the constant. */
export function transposed(constant: Constant, axes: readonly number[]): Constant {
  if (axes.every((axis, i) => axis === i)) return constant;
  const strides = stridesOf(constant.dims);
  const dims = axes.map((axis) => constant.dims[axis]!);
  const steps = axes.map((axis) => strides[axis]!);
  const data = constant.data.slice();
  const index = new Int32Array(dims.length);
  let from = 0;
  for (let to = 0; to < data.length; to++) {
    data[to] = constant.data[from]!;
    for (let axis = dims.length - 1; axis >= 0; axis--) {
      from += steps[axis]!;
      if (++index[axis]! < dims[axis]!) break;
      index[axis] = 0;
      from -= steps[axis]! * dims[axis]!;
    }
  }
  return { ...constant, dims, data };
}

export function stridesOf(dims: readonly number[]): number[] {
  const strides = new Array<number>(dims.length);
  let step = 1;
  for (let axis = dims.length - 1; axis >= 0; axis--) {
    strides[axis] = step;
    step *= dims[axis]!;
  }
  return strides;
}
