import { flagOf } from '../attributes.ts';
import { transposed } from '../constant.ts';
import { broadcastDims } from '../fold.ts';
import { constantView, identity, relabelled, type View } from '../view.ts';
import { tailOf } from './convolution.ts';
import { inputOf, type Operator, type Operators } from './operator.ts';

const matMul: Operator = (node, inputs, graph) => {
  const left = maybeSwapped(inputOf(node, inputs, 0), flagOf(node, 'transpose_a') || flagOf(node, 'adj_x'));
  const right = maybeSwapped(inputOf(node, inputs, 1), flagOf(node, 'transpose_b') || flagOf(node, 'adj_y'));
  const batch = broadcastDims(node, left.dims.slice(0, -2), right.dims.slice(0, -2));
  const dims = [...batch, left.dims.at(-2)!, right.dims.at(-1)!];
  const like = { dtype: left.dtype, dims, axes: identity(dims.length) };
  const operands = [left, right].map((view) => graph.operand(view, identity(view.dims.length)));
  const product = graph.view('MatMul', operands, like);
  const tail = tailOf(node, inputs);
  const sum = tail.bias ? graph.view('Add', [product.name, graph.constant(tail.bias)], like) : product;
  return tail.apply(sum, graph);
};

function maybeSwapped(view: View, swap: boolean): View {
  if (!swap) return view;
  const order = identity(view.dims.length);
  const permutation = [...order.slice(0, -2), order.length - 1, order.length - 2];
  return view.constant ? constantView(transposed(view.constant, permutation)) : relabelled(view, permutation);
}

export const matMuls: Operators = {
  MatMul: matMul,
  _FusedMatMul: matMul,
  BatchMatMul: matMul,
  BatchMatMulV2: matMul,
};
