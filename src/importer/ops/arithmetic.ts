import { typeOf } from '../attributes.ts';
import type { TfType } from '../constant.ts';
import { broadcastDims } from '../fold.ts';
import type { GraphBuilder } from '../graph-builder.ts';
import { invalid, type TfNode } from '../tfjs-model.ts';
import { identity, type View } from '../view.ts';
import { inputOf, type Operator, type Operators } from './operator.ts';

interface Aligned {
  readonly names: readonly string[];
  readonly dims: readonly number[];
  readonly axes: readonly number[];
}

/**
 * Brings operands to one rank and one order in memory, so that ONNX broadcasts them as TensorFlow does. The largest
 * operand stays where it is.
 */
export function align(node: TfNode, views: readonly View[], graph: GraphBuilder): Aligned {
  const dims = views.map((view) => view.dims).reduce((a, b) => broadcastDims(node, a, b));
  const leader = views
    .filter((view) => !view.constant && view.dims.length === dims.length)
    .sort((a, b) => sizeOf(b) - sizeOf(a))[0];
  const axes = leader?.axes ?? identity(dims.length);
  const names = views.map((view) => {
    if (view.constant && sizeOf(view) === 1) return graph.operand(graph.reshape(view, []));
    const missing = dims.length - view.dims.length;
    const full = missing === 0 ? view : graph.reshape(view, [...new Array<number>(missing).fill(1), ...view.dims]);
    return graph.operand(full, axes);
  });
  return { names, dims, axes };
}

const sizeOf = (view: View): number => view.dims.reduce((product, dim) => product * dim, 1);

/** @param result the element type of the result, where it is not that of the operands */
const elementwise =
  (op: string, result?: TfType): Operator =>
  (node, inputs, graph) => {
    const { names, dims, axes } = align(node, inputs, graph);
    const dtype = result ?? inputOf(node, inputs, 0).dtype;
    return graph.view(op, names, { dtype, dims, axes });
  };

/** ⌊a / b⌋. ONNX divides integers towards zero, but its Mod is TensorFlow's, and (a − mod) divides without rest. */
const floorDiv: Operator = (node, inputs, graph) => {
  const { names, dims, axes } = align(node, inputs, graph);
  const [a = '', b = ''] = names;
  const { dtype } = inputOf(node, inputs, 0);
  if (dtype !== 'int32') return graph.view('Floor', graph.emit('Div', [a, b]), { dtype, dims, axes });
  const [whole = ''] = graph.emit('Sub', [a, graph.emit('Mod', [a, b])[0]!]);
  return graph.view('Div', [whole, b], { dtype, dims, axes });
};

/** a − ⌊a / b⌋ b, of the sign of b. ONNX's Mod does that for integers only. */
const floorMod: Operator = (node, inputs, graph) => {
  const { names, dims, axes } = align(node, inputs, graph);
  const [a = '', b = ''] = names;
  const { dtype } = inputOf(node, inputs, 0);
  if (dtype === 'int32') return graph.view('Mod', [a, b], { dtype, dims, axes });
  const [floor = ''] = graph.emit('Floor', graph.emit('Div', [a, b]));
  return graph.view('Sub', [a, graph.emit('Mul', [floor, b])[0]!], { dtype, dims, axes });
};

const squaredDifference: Operator = (node, inputs, graph) => {
  const { names, dims, axes } = align(node, inputs, graph);
  const [difference = ''] = graph.emit('Sub', names);
  return graph.view('Mul', [difference, difference], { dtype: inputOf(node, inputs, 0).dtype, dims, axes });
};

const cast: Operator = (node, inputs, graph) => {
  const x = inputOf(node, inputs, 0);
  const dtype = typeOf(node, 'DstT');
  if (dtype === x.dtype) return x;
  return { dtype, dims: x.dims, axes: x.axes, name: graph.cast(graph.operand(x), dtype) };
};

/** condition ? a : b. SelectV2 broadcasts; Select lets a vector condition choose whole rows, which is not converted. */
const select: Operator = (node, inputs, graph) => {
  const [condition, a] = [inputOf(node, inputs, 0), inputOf(node, inputs, 1)];
  if (node.op === 'Select' && condition.dims.length !== a.dims.length) {
    throw invalid(`Select ${node.name} chooses whole rows, which cannot be imported`);
  }
  const { names, dims, axes } = align(node, inputs, graph);
  return graph.view('Where', names, { dtype: a.dtype, dims, axes });
};

const prelu: Operator = (node, inputs, graph) => {
  const x = inputOf(node, inputs, 0);
  const { names } = align(node, inputs, graph);
  return graph.view('PRelu', names, x);
};

export const arithmetic: Operators = {
  Add: elementwise('Add'),
  AddV2: elementwise('Add'),
  AddN: elementwise('Sum'),
  Sub: elementwise('Sub'),
  Mul: elementwise('Mul'),
  Div: elementwise('Div'),
  RealDiv: elementwise('Div'),
  Maximum: elementwise('Max'),
  Minimum: elementwise('Min'),
  Pow: elementwise('Pow'),
  Equal: elementwise('Equal', 'bool'),
  Greater: elementwise('Greater', 'bool'),
  GreaterEqual: elementwise('GreaterOrEqual', 'bool'),
  Less: elementwise('Less', 'bool'),
  LessEqual: elementwise('LessOrEqual', 'bool'),
  LogicalAnd: elementwise('And', 'bool'),
  LogicalOr: elementwise('Or', 'bool'),
  FloorDiv: floorDiv,
  FloorMod: floorMod,
  SquaredDifference: squaredDifference,
  Cast: cast,
  Select: select,
  SelectV2: select,
  Prelu: prelu,
};
