import { intOf, typeOf } from './attributes.ts';
import { type Constant, ints, sizeOf, stridesOf, valuesOf } from './constant.ts';
import { invalid, type TfNode } from './tfjs-model.ts';

/**
 * Operators computed at import when all their inputs are constants: those that exporters leave behind when they work
 * out shapes. Everything else on constants is left to onnxruntime, which folds it when the model is loaded.
 */
const folds: Readonly<Record<string, (node: TfNode, inputs: readonly Constant[]) => Constant | undefined>> = {
  Add: binary((a, b) => a + b),
  AddV2: binary((a, b) => a + b),
  Sub: binary((a, b) => a - b),
  Mul: binary((a, b) => a * b),
  Maximum: binary(Math.max),
  Minimum: binary(Math.min),
  FloorDiv: binary((a, b) => Math.floor(a / b)),
  FloorMod: binary((a, b) => a - Math.floor(a / b) * b),
  Cast: (node, [x]) => x && retyped(x, typeOf(node, 'DstT')),
  ConcatV2: (_, inputs) => vectorOf(inputs.slice(0, -1)),
  Pack: (node, inputs) =>
    inputs.every(({ dims }) => dims.length === 0) && intOf(node, 'axis', 0) === 0 ? vectorOf(inputs) : undefined,
  SparseToDense: (_, [indices, dims, values, otherwise]) => {
    if (!indices || !dims || !values || !otherwise) return undefined;
    return sparseToDense(valuesOf(indices), [...valuesOf(dims)], values, valuesOf(otherwise)[0]!);
  },
};

/** The result of a node on constants, or undefined where it is not folded. */
export function fold(node: TfNode, inputs: readonly Constant[]): Constant | undefined {
  return Object.hasOwn(folds, node.op) ? folds[node.op]!(node, inputs) : undefined;
}

/** The dims of two operands together, as NumPy, TensorFlow and ONNX broadcast. */
export function broadcastDims(node: TfNode, a: readonly number[], b: readonly number[]): number[] {
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, i) => {
    const [x, y] = [a[i - rank + a.length] ?? 1, b[i - rank + b.length] ?? 1];
    if (x !== y && x !== 1 && y !== 1) {
      throw invalid(`${node.op} ${node.name}: [${a.join()}] and [${b.join()}] do not broadcast`);
    }
    return x === 1 ? y : x;
  });
}

function binary(compute: (a: number, b: number) => number) {
  return (node: TfNode, [a, b]: readonly Constant[]): Constant | undefined => {
    if (!a || !b) return undefined;
    const dims = broadcastDims(node, a.dims, b.dims);
    const [left, right] = [spread(a, dims), spread(b, dims)];
    return plain(
      a,
      dims,
      Array.from(left, (x, i) => compute(x, right[i]!)),
    );
  };
}

/** The values of a constant repeated to fill `dims`. */
function spread(constant: Constant, dims: readonly number[]): number[] {
  const values = valuesOf(constant);
  const missing = dims.length - constant.dims.length;
  const own = stridesOf(constant.dims);
  const all = stridesOf(dims);
  return Array.from({ length: sizeOf(dims) }, (_, i) => {
    let from = 0;
    for (let axis = missing; axis < dims.length; axis++) {
      if (constant.dims[axis - missing] !== 1)
        from += (Math.floor(i / all[axis]!) % dims[axis]!) * own[axis - missing]!;
    }
    return values[from]!;
  });
}

/** Scalars and vectors one after the other; undefined for anything of a higher rank. */
function vectorOf(inputs: readonly Constant[]): Constant | undefined {
  const [first] = inputs;
  if (!first || inputs.some(({ dims }) => dims.length > 1)) return undefined;
  const values = inputs.flatMap((input) => [...valuesOf(input)]);
  return plain(first, [values.length], values);
}

function retyped(x: Constant, dtype: Constant['dtype']): Constant {
  const values = Array.from(valuesOf(x), (value) =>
    dtype === 'int32' ? Math.trunc(value) : dtype === 'bool' ? Number(value !== 0) : value,
  );
  return plain({ dtype }, x.dims, values);
}

/** One element per row of `indices`; an index row has one number per dimension. */
function sparseToDense(
  indices: ArrayLike<number>,
  dims: readonly number[],
  values: Constant,
  otherwise: number,
): Constant {
  const dense = new Array<number>(sizeOf(dims)).fill(otherwise);
  const strides = stridesOf(dims);
  const given = valuesOf(values);
  const rows = indices.length / dims.length;
  for (let row = 0; row < rows; row++) {
    const at = strides.reduce((sum, stride, axis) => sum + stride * indices[row * dims.length + axis]!, 0);
    dense[at] = given.length === 1 ? given[0]! : given[row]!;
  }
  return plain(values, dims, dense);
}

function plain({ dtype }: Pick<Constant, 'dtype'>, dims: readonly number[], values: readonly number[]): Constant {
  if (dtype === 'float32') return { dtype, dims, data: Float32Array.from(values), encoding: 'plain' };
  return { ...ints(dims, values), dtype };
}
