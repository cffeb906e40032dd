import { float } from '../../onnx/model.ts';
import { floatOf, intsOf, textOf, textsOf } from '../attributes.ts';
import { type Constant, reshaped, sizeOf, transposed } from '../constant.ts';
import type { GraphBuilder } from '../graph-builder.ts';
import { invalid, type TfNode } from '../tfjs-model.ts';
import { inMemory, type View } from '../view.ts';
import { activate, isActivation } from './activation.ts';
import { align } from './arithmetic.ts';
import { inputOf, numbersOf, type Operator, type Operators } from './operator.ts';
import { imageLayout, type Padding, padding } from './window.ts';

const constantOf = (node: TfNode, inputs: readonly View[], index: number): Constant => {
  const { constant } = inputOf(node, inputs, index);
  if (!constant) throw invalid(`${node.op} ${node.name}: its filter must be a constant`);
  return constant;
};

interface Kernel {
  /** ONNX's order: [outputs, inputs per group, height, width]. */
  readonly filter: Constant;
  readonly groups: number;
}

/** TensorFlow's filter is [height, width, inputs per group, outputs]. */
function denseKernel(filter: Constant, channels: number): Kernel {
  return { filter: transposed(filter, [3, 2, 0, 1]), groups: channels / filter.dims[2]! };
}

/** TensorFlow's filter is [height, width, inputs, multiplier]; output c · multiplier + m comes from input c. */
function depthwiseKernel(filter: Constant, channels: number): Kernel {
  const [height, width, , multiplier] = filter.dims as [number, number, number, number];
  return {
    filter: reshaped(transposed(filter, [2, 3, 0, 1]), [channels * multiplier, 1, height, width]),
    groups: channels,
  };
}

const convolution =
  (kernelOf: (filter: Constant, channels: number) => Kernel): Operator =>
  (node, inputs, graph) => {
    const x = inputOf(node, inputs, 0);
    const layout = imageLayout(node);
    const { filter, groups } = kernelOf(constantOf(node, inputs, 1), x.dims[layout.channel]!);
    const strides = inMemory(intsOf(node, 'strides'), layout.axes).slice(2);
    const rates = intsOf(node, 'dilations');
    const dilations = rates.length > 0 ? inMemory(rates, layout.axes).slice(2) : [1, 1];
    const [outputs, , ...kernel] = filter.dims as [number, number, number, number];
    const { pads, sizes } = padding(node, inMemory(x.dims, layout.axes).slice(2), { kernel, strides, dilations });
    const dims = layout.place(x.dims[0]!, outputs, sizes);
    const tail = tailOf(node, inputs);
    const operands = [graph.operand(x, layout.axes), graph.constant(filter)];
    if (tail.bias) operands.push(graph.constant(tail.bias));
    const like = { dtype: x.dtype, dims, axes: layout.axes };
    const attributes = { kernel_shape: kernel, strides, dilations, pads, group: groups };
    return tail.apply(graph.view('Conv', operands, like, attributes), graph);
  };

/** The gradient of a convolution, that is a transposed convolution; its first input is the size of the result. */
const transposedConvolution: Operator = (node, inputs, graph) => {
  const dims = numbersOf(node, inputs, 0);
  const filter = constantOf(node, inputs, 1);
  const x = inputOf(node, inputs, 2);
  const layout = imageLayout(node);
  const strides = inMemory(intsOf(node, 'strides'), layout.axes).slice(2);
  const kernel = filter.dims.slice(0, 2);
  const [from, to] = [inMemory(x.dims, layout.axes).slice(2), inMemory(dims, layout.axes).slice(2)];
  // The padding is that of the forward convolution, which goes from the result to this operator's input.
  const forward: Padding = padding(node, to, { kernel, strides, dilations: [1, 1] });
  const pads = [...forward.pads];
  const output_padding = to.map(
    (size, i) => size - ((from[i]! - 1) * strides[i]! + kernel[i]! - pads[i]! - pads[i + 2]!),
  );
  // [height, width, outputs, inputs] to ONNX's [inputs, outputs, height, width].
  const operands = [graph.operand(x, layout.axes), graph.constant(transposed(filter, [3, 2, 0, 1]))];
  // The batch of a static size is that of the exporter's example.
  const like = { dtype: x.dtype, dims: [x.dims[0]!, ...dims.slice(1)], axes: layout.axes };
  return graph.view('ConvTranspose', operands, like, { kernel_shape: kernel, strides, pads, output_padding });
};

interface Tail {
  readonly bias?: Constant;
  readonly apply: (x: View, graph: GraphBuilder) => View;
}

/** What a fused operator does after its product: a bias, then activations. */
export function tailOf(node: TfNode, inputs: readonly View[]): Tail {
  const steps = textsOf(node, 'fused_ops');
  const bias = steps[0] === 'BiasAdd' ? constantOf(node, inputs, 2) : undefined;
  const rest = bias ? steps.slice(1) : steps;
  const unknown = rest.find((step) => !isActivation(step) && step !== 'Prelu');
  if (unknown) throw invalid(`${node.op} ${node.name} is fused with ${unknown}, which cannot be imported`);
  return {
    ...(bias ? { bias: reshaped(bias, [sizeOf(bias.dims)]) } : {}),
    apply: (product, graph) =>
      rest.reduce((x, step) => {
        if (step !== 'Prelu') return activate(step, x, graph, floatOf(node, 'leakyrelu_alpha', 0.2));
        const { names } = align(node, [x, inputOf(node, inputs, 3)], graph);
        return graph.view('PRelu', names, x);
      }, product),
  };
}

/** TensorFlow's default of FusedBatchNorm's epsilon. */
const defaultEpsilon = 1e-4;

const batchNorm: Operator = (node, inputs, graph) => {
  const x = inputOf(node, inputs, 0);
  const layout = imageLayout(node);
  const statistics = [1, 2, 3, 4].map((index) => graph.operand(inputOf(node, inputs, index)));
  const epsilon = float(floatOf(node, 'epsilon', defaultEpsilon));
  return graph.view(
    'BatchNormalization',
    [graph.operand(x, layout.axes), ...statistics],
    { ...x, axes: layout.axes },
    { epsilon },
  );
};

/** The bias runs along the channels, which are the last axis unless the layout says NCHW. */
const biasAdd: Operator = (node, inputs, graph) => {
  const x = inputOf(node, inputs, 0);
  const bias = inputOf(node, inputs, 1);
  const spread = textOf(node, 'data_format', 'NHWC') === 'NCHW' ? graph.reshape(bias, [sizeOf(bias.dims), 1, 1]) : bias;
  const { names, dims, axes } = align(node, [x, spread], graph);
  return graph.view('Add', names, { dtype: x.dtype, dims, axes });
};

export const convolutions: Operators = {
  Conv2D: convolution(denseKernel),
  _FusedConv2D: convolution(denseKernel),
  DepthwiseConv2dNative: convolution(depthwiseKernel),
  FusedDepthwiseConv2dNative: convolution(depthwiseKernel),
  Conv2DBackpropInput: transposedConvolution,
  FusedBatchNorm: batchNorm,
  FusedBatchNormV2: batchNorm,
  FusedBatchNormV3: batchNorm,
  BiasAdd: biasAdd,
};
