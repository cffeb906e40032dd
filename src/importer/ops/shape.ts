import { intsOf } from '../attributes.ts';
import { ints, sizeOf, transposed, valuesOf } from '../constant.ts';
import { invalid } from '../tfjs-model.ts';
import { constantView, inMemory, relabelled } from '../view.ts';
import { inputOf, numberOf, numbersOf, type Operator, type Operators } from './operator.ts';

/** An axis counted from the end, counted from the start. */
export const positive = (axis: number, rank: number): number => (axis < 0 ? axis + rank : axis);

const passOn: Operator = (node, inputs) => inputOf(node, inputs, 0);

const reshape: Operator = (node, inputs, graph) => {
  const x = inputOf(node, inputs, 0);
  const wanted = numbersOf(node, inputs, 1);
  const known = wanted.reduce((product, dim) => (dim === -1 ? product : product * dim), 1);
  const total = sizeOf(x.dims);
  const dims = wanted.map((dim) => (dim === -1 ? total / known : dim));
  if (sizeOf(dims) !== total)
    throw invalid(`Reshape ${node.name}: [${x.dims.join()}] cannot become [${wanted.join()}]`);
  return graph.reshape(x, dims);
};

const expandDims: Operator = (node, inputs, graph) => {
  const x = inputOf(node, inputs, 0);
  const axis = positive(numberOf(node, inputs, 1), x.dims.length + 1);
  return graph.reshape(x, x.dims.toSpliced(axis, 0, 1));
};

const squeeze: Operator = (node, inputs, graph) => {
  const x = inputOf(node, inputs, 0);
  const listed = intsOf(node, 'squeeze_dims').map((axis) => positive(axis, x.dims.length));
  const goes = (dim: number, axis: number) => (listed.length > 0 ? listed.includes(axis) : dim === 1);
  return graph.reshape(
    x,
    x.dims.filter((dim, axis) => !goes(dim, axis)),
  );
};

const transpose: Operator = (node, inputs) => {
  const x = inputOf(node, inputs, 0);
  const permutation = numbersOf(node, inputs, 1);
  return x.constant ? constantView(transposed(x.constant, permutation)) : relabelled(x, permutation);
};

const shape: Operator = (node, inputs) => {
  const { dims } = inputOf(node, inputs, 0);
  return constantView(ints([dims.length], dims));
};

const tile: Operator = (node, inputs, graph) => {
  const x = inputOf(node, inputs, 0);
  const repeats = numbersOf(node, inputs, 1);
  const like = { ...x, dims: x.dims.map((dim, axis) => dim * repeats[axis]!) };
  return graph.view('Tile', [graph.operand(x), graph.indices(inMemory(repeats, x.axes))], like);
};

const fill: Operator = (node, inputs) => {
  const dims = numbersOf(node, inputs, 0);
  const { constant } = inputOf(node, inputs, 1);
  if (!constant) throw invalid(`Fill ${node.name}: its value must be a constant`);
  const value = valuesOf(constant)[0]!;
  const data = constant.dtype === 'float32' ? new Float32Array(sizeOf(dims)) : new Int32Array(sizeOf(dims));
  return constantView({ dtype: constant.dtype, dims, data: data.fill(value), encoding: 'plain' });
};

export const shapes: Operators = {
  Identity: passOn,
  StopGradient: passOn,
  Snapshot: passOn,
  Reshape: reshape,
  ExpandDims: expandDims,
  Squeeze: squeeze,
  Transpose: transpose,
  Shape: shape,
  Tile: tile,
  Fill: fill,
};
