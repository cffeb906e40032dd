import { intsOf, textOf } from '../attributes.ts';
import { invalid, type TfNode } from '../tfjs-model.ts';

interface ImageLayout {
  /** The order in memory that ONNX wants: batch, channels, height, width. */
  readonly axes: readonly number[];
  /** TensorFlow's axis of the channels. */
  readonly channel: number;
  /** Sizes in TensorFlow's order. */
  readonly place: (batch: number, channels: number, sizes: readonly number[]) => number[];
}

const nhwc: ImageLayout = {
  axes: [0, 3, 1, 2],
  channel: 3,
  place: (batch, channels, sizes) => [batch, ...sizes, channels],
};

const nchw: ImageLayout = {
  axes: [0, 1, 2, 3],
  channel: 1,
  place: (batch, channels, sizes) => [batch, channels, ...sizes],
};

export function imageLayout(node: TfNode): ImageLayout {
  return textOf(node, 'data_format', 'NHWC') === 'NCHW' ? nchw : nhwc;
}

/** The order in memory of an NHWC image that lies as NCHW. */
export const channelsFirst = nhwc.axes;

export interface Window {
  readonly kernel: readonly number[];
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
}

export interface Padding {
  /** ONNX's order: all beginnings, then all ends. */
  readonly pads: readonly number[];
  readonly sizes: readonly number[];
}

/**
 * The padding and result of a sliding window over height and width. SAME puts the odd pixel at the end
 * (tensorflow/tensorflow: core/framework/common_shape_fns.cc).
 */
export function padding(node: TfNode, input: readonly number[], { kernel, strides, dilations }: Window): Padding {
  const mode = textOf(node, 'padding', 'VALID');
  const extents = kernel.map((size, i) => (size - 1) * dilations[i]! + 1);
  const around = (pads: readonly number[]): Padding => {
    const [top, left, bottom, right] = pads as [number, number, number, number];
    const padded = [input[0]! + top + bottom, input[1]! + left + right];
    return { pads, sizes: padded.map((size, i) => Math.floor((size - extents[i]!) / strides[i]!) + 1) };
  };
  if (mode === 'VALID') return around([0, 0, 0, 0]);
  if (mode === 'EXPLICIT') {
    const pairs = intsOf(node, 'explicit_paddings');
    const first = textOf(node, 'data_format', 'NHWC') === 'NCHW' ? 4 : 2;
    return around([pairs[first] ?? 0, pairs[first + 2] ?? 0, pairs[first + 1] ?? 0, pairs[first + 3] ?? 0]);
  }
  if (mode !== 'SAME') throw invalid(`${node.op} ${node.name} has padding ${mode}, which cannot be imported`);
  const totals = input.map((size, i) =>
    Math.max((Math.ceil(size / strides[i]!) - 1) * strides[i]! + extents[i]! - size, 0),
  );
  const before = totals.map((total) => Math.floor(total / 2));
  return around([...before, ...totals.map((total, i) => total - before[i]!)]);
}
