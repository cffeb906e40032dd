import { intOf, textOf } from '../attributes.ts';
import type { GraphBuilder } from '../graph-builder.ts';
import { invalid, type TfNode } from '../tfjs-model.ts';
import { identity, inMemory, memoryAxis, type View } from '../view.ts';
import { inputOf, numberOf, numbersOf, type Operator, type Operators } from './operator.ts';
import { positive } from './shape.ts';

function join(parts: readonly View[], axis: number, graph: GraphBuilder): View {
  const first = parts.find((part) => !part.constant) ?? parts[0]!;
  const along = parts.reduce((sum, part) => sum + part.dims[axis]!, 0);
  const operands = parts.map((part) => graph.operand(part, first.axes));
  const like = { ...first, dims: first.dims.with(axis, along) };
  return graph.view('Concat', operands, like, { axis: memoryAxis(first, axis) });
}

function split(x: View, axis: number, sizes: readonly number[], graph: GraphBuilder): View[] {
  const attributes = { axis: memoryAxis(x, axis) };
  const names = graph.emit('Split', [graph.operand(x), graph.indices(sizes)], attributes, sizes.length);
  return names.map((name, i) => ({ dtype: x.dtype, dims: x.dims.with(axis, sizes[i]!), axes: x.axes, name }));
}

/** @param begin, end, step per TensorFlow axis */
function cut(x: View, begin: number[], end: number[], step: number[], dims: number[], graph: GraphBuilder): View {
  const [starts = '', ends = '', steps = ''] = [begin, end, step].map((list) => graph.indices(inMemory(list, x.axes)));
  const axes = graph.indices(identity(x.dims.length));
  return graph.view('Slice', [graph.operand(x), starts, ends, axes, steps], { ...x, dims });
}

const concat: Operator = (node, inputs, graph) => {
  const parts = inputs.slice(0, -1);
  return join(parts, positive(numberOf(node, inputs, parts.length), inputOf(node, parts, 0).dims.length), graph);
};

const pack: Operator = (node, inputs, graph) => {
  const axis = positive(intOf(node, 'axis', 0), inputOf(node, inputs, 0).dims.length + 1);
  const parts = inputs.map((x) => graph.reshape(x, x.dims.toSpliced(axis, 0, 1)));
  return join(parts, axis, graph);
};

const unpack: Operator = (node, inputs, graph) => {
  const x = inputOf(node, inputs, 0);
  const axis = positive(intOf(node, 'axis', 0), x.dims.length);
  const parts = split(x, axis, new Array<number>(x.dims[axis]!).fill(1), graph);
  return parts.map((part) => graph.reshape(part, x.dims.toSpliced(axis, 1)));
};

/** Split takes its axis first; SplitV takes it last, after the sizes. */
const splitEvenly: Operator = (node, inputs, graph) => {
  const x = inputOf(node, inputs, 1);
  const axis = positive(numberOf(node, inputs, 0), x.dims.length);
  const parts = intOf(node, 'num_split', 1);
  return split(x, axis, new Array<number>(parts).fill(x.dims[axis]! / parts), graph);
};

const splitV: Operator = (node, inputs, graph) => {
  const x = inputOf(node, inputs, 0);
  const axis = positive(numberOf(node, inputs, 2), x.dims.length);
  const sizes = numbersOf(node, inputs, 1);
  const rest = x.dims[axis]! - sizes.reduce((sum, size) => sum + Math.max(size, 0), 0);
  return split(
    x,
    axis,
    sizes.map((size) => (size === -1 ? rest : size)),
    graph,
  );
};

const slice: Operator = (node, inputs, graph) => {
  const x = inputOf(node, inputs, 0);
  const begin = numbersOf(node, inputs, 1);
  const dims = numbersOf(node, inputs, 2).map((size, axis) => (size === -1 ? x.dims[axis]! - begin[axis]! : size));
  const end = begin.map((first, axis) => first + dims[axis]!);
  return cut(x, begin, end, new Array<number>(dims.length).fill(1), dims, graph);
};

/** The masks are bit fields over the entries of begin, end and strides. */
const masked = (node: TfNode, mask: string, entry: number): boolean =>
  ((intOf(node, `${mask}_mask`, 0) >> entry) & 1) === 1;

/** NumPy's x[begin:end:step, ..., new, i] (tensorflow/tensorflow: core/util/strided_slice_op.cc). */
const stridedSlice: Operator = (node, inputs, graph) => {
  const x = inputOf(node, inputs, 0);
  const [starts, ends, steps] = [1, 2, 3].map((index) => numbersOf(node, inputs, index)) as [
    number[],
    number[],
    number[],
  ];
  if (intOf(node, 'ellipsis_mask', 0) !== 0) throw invalid(`StridedSlice ${node.name}: ellipsis cannot be imported`);
  const [begin, end, step] = [x.dims.map(() => 0), [...x.dims], x.dims.map(() => 1)];
  const cutDims = [...x.dims];
  const dims: number[] = [];
  let axis = 0;
  for (let entry = 0; entry < starts.length; entry++) {
    if (masked(node, 'new_axis', entry)) {
      dims.push(1);
      continue;
    }
    const size = x.dims[axis]!;
    const stride = steps[entry]!;
    if (stride <= 0) throw invalid(`StridedSlice ${node.name}: a negative stride cannot be imported`);
    const shrink = masked(node, 'shrink_axis', entry);
    const clamp = (at: number) => Math.min(Math.max(positive(at, size), 0), size);
    begin[axis] = masked(node, 'begin', entry) ? 0 : clamp(starts[entry]!);
    end[axis] = shrink ? begin[axis]! + 1 : masked(node, 'end', entry) ? size : clamp(ends[entry]!);
    step[axis] = stride;
    cutDims[axis] = Math.max(Math.ceil((end[axis]! - begin[axis]!) / stride), 0);
    if (!shrink) dims.push(cutDims[axis]!);
    axis++;
  }
  return graph.reshape(cut(x, begin, end, step, cutDims, graph), [...dims, ...x.dims.slice(axis)]);
};

const gather: Operator = (node, inputs, graph) => {
  if (intOf(node, 'batch_dims', 0) !== 0) throw invalid(`${node.op} ${node.name}: batch_dims cannot be imported`);
  const x = graph.inOrder(inputOf(node, inputs, 0));
  const indices = graph.inOrder(inputOf(node, inputs, 1));
  const axis = positive(inputs.length > 2 ? numberOf(node, inputs, 2) : 0, x.dims.length);
  const dims = x.dims.toSpliced(axis, 1, ...indices.dims);
  const like = { dtype: x.dtype, dims, axes: identity(dims.length) };
  return graph.view('Gather', [graph.operand(x), graph.operand(indices)], like, { axis });
};

const pad: Operator = (node, inputs, graph) => {
  const x = inputOf(node, inputs, 0);
  const pairs = numbersOf(node, inputs, 1);
  const before = x.dims.map((_, axis) => pairs[2 * axis]!);
  const after = x.dims.map((_, axis) => pairs[2 * axis + 1]!);
  const like = { ...x, dims: x.dims.map((dim, axis) => dim + before[axis]! + after[axis]!) };
  const operands = [graph.operand(x), graph.indices([...inMemory(before, x.axes), ...inMemory(after, x.axes)])];
  if (node.op === 'MirrorPad') {
    if (textOf(node, 'mode', 'REFLECT') !== 'REFLECT') {
      throw invalid(`MirrorPad ${node.name}: only the mode REFLECT can be imported`);
    }
    return graph.view('Pad', operands, like, { mode: 'reflect' });
  }
  if (node.op === 'PadV2') operands.push(graph.scalar(numberOf(node, inputs, 2)));
  return graph.view('Pad', operands, like);
};

export const slicing: Operators = {
  ConcatV2: concat,
  Pack: pack,
  Unpack: unpack,
  Split: splitEvenly,
  SplitV: splitV,
  Slice: slice,
  StridedSlice: stridedSlice,
  GatherV2: gather,
  Pad: pad,
  PadV2: pad,
  MirrorPad: pad,
};
