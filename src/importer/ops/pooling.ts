import { flagOf, intsOf, textOf } from '../attributes.ts';
import { invalid, type TfNode } from '../tfjs-model.ts';
import { identity, inMemory, memoryAxis, type View, withoutAxes } from '../view.ts';
import { inputOf, numbersOf, type Operator, type Operators } from './operator.ts';
import { channelsFirst, imageLayout, padding } from './window.ts';

/** TensorFlow's average leaves padding out of its count, as ONNX does by default. */
const pool =
  (op: 'MaxPool' | 'AveragePool'): Operator =>
  (node, inputs, graph) => {
    const x = inputOf(node, inputs, 0);
    const layout = imageLayout(node);
    const kernel = inMemory(intsOf(node, 'ksize'), layout.axes).slice(2);
    const strides = inMemory(intsOf(node, 'strides'), layout.axes).slice(2);
    const input = inMemory(x.dims, layout.axes).slice(2);
    const { pads, sizes } = padding(node, input, { kernel, strides, dilations: [1, 1] });
    const like = { dtype: x.dtype, dims: layout.place(x.dims[0]!, x.dims[layout.channel]!, sizes), axes: layout.axes };
    const operand = graph.operand(x, layout.axes);
    const global = kernel.every((size, i) => size === input[i] && sizes[i] === 1) && pads.every((pad) => pad === 0);
    return global
      ? graph.view(`Global${op}`, [operand], like)
      : graph.view(op, [operand], like, { kernel_shape: kernel, strides, pads });
  };

const reduction =
  (op: string): Operator =>
  (node, inputs, graph) => {
    const x = inputOf(node, inputs, 0);
    const rank = x.dims.length;
    const keep = flagOf(node, 'keep_dims');
    const removed = new Set(numbersOf(node, inputs, 1).map((axis) => (axis < 0 ? axis + rank : axis)));
    const like: Omit<View, 'name'> = keep
      ? { ...x, dims: x.dims.map((dim, axis) => (removed.has(axis) ? 1 : dim)) }
      : { ...x, dims: x.dims.filter((_, axis) => !removed.has(axis)), axes: withoutAxes(x.axes, removed) };
    const axes = [...removed].map((axis) => memoryAxis(x, axis)).sort((a, b) => a - b);
    // The form that onnxruntime keeps in its blocked layout for convolutions.
    if (op === 'ReduceMean' && keep && rank === 4 && axes.join() === '2,3') {
      return graph.view('GlobalAveragePool', [graph.operand(x)], like);
    }
    const keepdims = Number(keep);
    // Since opset 13 ReduceSum takes its axes as an input; the others follow only in opset 18.
    return op === 'ReduceSum'
      ? graph.view(op, [graph.operand(x), graph.indices(axes)], like, { keepdims })
      : graph.view(op, [graph.operand(x)], like, { axes, keepdims });
  };

const arg =
  (op: string): Operator =>
  (node, inputs, graph) => {
    const x = inputOf(node, inputs, 0);
    const axis = numbersOf(node, inputs, 1)[0] ?? 0;
    const logical = axis < 0 ? axis + x.dims.length : axis;
    const removed = new Set([logical]);
    const [found = ''] = graph.emit(op, [graph.operand(x)], { axis: memoryAxis(x, logical), keepdims: 0 });
    return {
      dtype: 'int32',
      dims: x.dims.filter((_, i) => i !== logical),
      axes: withoutAxes(x.axes, removed),
      name: graph.cast(found, 'int32'),
    };
  };

/**
 * Coordinates as TensorFlow.js computes them (tfjs-backend-cpu: kernels/ResizeBilinear.ts and
 * ResizeNearestNeighbor.ts), in ONNX's words.
 */
function coordinates(node: TfNode): string {
  if (flagOf(node, 'align_corners')) return 'align_corners';
  return flagOf(node, 'half_pixel_centers') ? 'half_pixel' : 'asymmetric';
}

const resize =
  (mode: 'linear' | 'nearest'): Operator =>
  (node, inputs, graph) => {
    const x = inputOf(node, inputs, 0);
    const [batch, , , channels] = x.dims as [number, number, number, number];
    const [height, width] = numbersOf(node, inputs, 1) as [number, number];
    const coordinate_transformation_mode = coordinates(node);
    // Half-pixel neighbours are ⌊(i + ½) s⌋, which is (i + ½) s − ½ rounded with halves up.
    const nearest_mode = coordinate_transformation_mode === 'asymmetric' ? 'floor' : 'round_prefer_ceil';
    const operands = [graph.operand(x, channelsFirst), '', '', graph.indices([batch, channels, height, width])];
    const like = { dtype: x.dtype, dims: [batch, height, width, channels], axes: channelsFirst };
    const rounding = mode === 'nearest' ? { nearest_mode } : {};
    return graph.view('Resize', operands, like, { mode, coordinate_transformation_mode, ...rounding });
  };

const depthSpace =
  (op: 'DepthToSpace' | 'SpaceToDepth'): Operator =>
  (node, inputs, graph) => {
    const x = inputOf(node, inputs, 0);
    if (textOf(node, 'data_format', 'NHWC') !== 'NHWC') throw invalid(`${op} ${node.name}: only NHWC can be imported`);
    const block = node.attr.block_size?.i ?? 0;
    const [batch, height, width, channels] = x.dims as [number, number, number, number];
    const grow = op === 'DepthToSpace' ? block : 1 / block;
    const dims = [batch, height * grow, width * grow, channels / (grow * grow)];
    // TensorFlow orders the channels as (row, column, depth), ONNX's DCR and its SpaceToDepth.
    return graph.view(op, [graph.operand(x, channelsFirst)], { ...x, dims, axes: channelsFirst }, { blocksize: block });
  };

const topK: Operator = (node, inputs, graph) => {
  const x = graph.inOrder(inputOf(node, inputs, 0));
  const k = numbersOf(node, inputs, 1)[0] ?? 1;
  const dims = [...x.dims.slice(0, -1), k];
  const axes = identity(dims.length);
  const [values = '', indices = ''] = graph.emit('TopK', [graph.operand(x), graph.indices([k])], {}, 2);
  return [
    { dtype: x.dtype, dims, axes, name: values },
    { dtype: 'int32', dims, axes, name: graph.cast(indices, 'int32') },
  ];
};

export const pooling: Operators = {
  MaxPool: pool('MaxPool'),
  AvgPool: pool('AveragePool'),
  Mean: reduction('ReduceMean'),
  Sum: reduction('ReduceSum'),
  Max: reduction('ReduceMax'),
  Min: reduction('ReduceMin'),
  Prod: reduction('ReduceProd'),
  ArgMax: arg('ArgMax'),
  ArgMin: arg('ArgMin'),
  ResizeBilinear: resize('linear'),
  ResizeNearestNeighbor: resize('nearest'),
  DepthToSpace: depthSpace('DepthToSpace'),
  SpaceToDepth: depthSpace('SpaceToDepth'),
  TopKV2: topK,
};
