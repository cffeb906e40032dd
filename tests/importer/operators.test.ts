import { describe, expect, test } from 'vitest';
import { importTfjs, type TfjsOptions } from '../../src/importer/import-model.ts';
import { operators } from '../../src/importer/ops/index.ts';
import { attr, TfGraph } from './tf-graph.ts';

/** Every operator in use, by its result in TensorFlow.js; `x` is [1, 8, 10, 6], `flat` [2, 12]. */
type Case = (graph: TfGraph, x: string, flat: string) => unknown;

const { ints, int, float, text, texts, flag, type } = attr;
const same = { strides: ints(1, 1, 1, 1), padding: text('SAME'), dilations: ints(1, 1, 1, 1) };
const valid = { ...same, padding: text('VALID') };
const strided = { ...same, strides: ints(1, 2, 2, 1) };
const toNchw = (g: TfGraph, x: string) => g.node('Transpose', [x, g.list(0, 3, 1, 2)]);
const toNhwc = (g: TfGraph, x: string) => g.node('Transpose', [x, g.list(0, 2, 3, 1)]);
const conv = (g: TfGraph, x: string, channels = 6, outputs = 6) =>
  g.node('Conv2D', [x, g.floats([3, 3, channels, outputs])], same);
/** Values that are positive and away from zero, for divisions, roots and logarithms. */
const positive = (g: TfGraph, x: string) => g.node('AddV2', [g.node('Abs', [x]), g.floats([], [0.5])]);
const spread = (g: TfGraph, x: string) => g.node('Sub', [g.node('Mul', [x, g.floats([], [8])]), g.floats([], [4])]);
const integers = (g: TfGraph, x: string) =>
  g.node('Cast', [spread(g, x)], { SrcT: type('DT_FLOAT'), DstT: type('DT_INT32') });
const toFloat = (g: TfGraph, x: string) => g.node('Cast', [x], { SrcT: type('DT_INT32'), DstT: type('DT_FLOAT') });
const boolToFloat = (g: TfGraph, x: string) => g.node('Cast', [x], { SrcT: type('DT_BOOL'), DstT: type('DT_FLOAT') });

const cases: Record<string, Case> = {
  'Conv2D SAME': (g, x) => conv(g, x),
  'Conv2D VALID': (g, x) => g.node('Conv2D', [x, g.floats([3, 2, 6, 4])], valid),
  'Conv2D SAME, stride 2 on an even size pads at the end': (g, x) =>
    g.node('Conv2D', [x, g.floats([3, 3, 6, 4])], strided),
  'Conv2D with dilations': (g, x) =>
    g.node('Conv2D', [x, g.floats([3, 3, 6, 4])], { ...same, dilations: ints(1, 2, 2, 1) }),
  'Conv2D with explicit padding': (g, x) =>
    g.node('Conv2D', [x, g.floats([3, 3, 6, 4])], {
      ...same,
      padding: text('EXPLICIT'),
      explicit_paddings: ints(0, 0, 1, 2, 0, 1, 0, 0),
    }),
  '_FusedConv2D with bias and Relu6': (g, x) =>
    g.node('_FusedConv2D', [x, g.floats([1, 1, 6, 5]), g.floats([5])], {
      ...same,
      fused_ops: texts('BiasAdd', 'Relu6'),
      num_args: int(1),
    }),
  '_FusedConv2D with bias and Prelu': (g, x) =>
    g.node('_FusedConv2D', [x, g.floats([1, 1, 6, 5]), g.floats([5]), g.floats([1, 1, 5])], {
      ...same,
      fused_ops: texts('BiasAdd', 'Prelu'),
      num_args: int(2),
    }),
  '_FusedConv2D with bias and LeakyRelu': (g, x) =>
    g.node('_FusedConv2D', [x, g.floats([1, 1, 6, 5]), g.floats([5])], {
      ...same,
      fused_ops: texts('BiasAdd', 'LeakyRelu'),
      leakyrelu_alpha: float(0.3),
      num_args: int(1),
    }),
  'DepthwiseConv2dNative with a multiplier of 2': (g, x) =>
    g.node('DepthwiseConv2dNative', [x, g.floats([3, 3, 6, 2])], strided),
  FusedDepthwiseConv2dNative: (g, x) =>
    g.node('FusedDepthwiseConv2dNative', [x, g.floats([3, 3, 6, 1]), g.floats([6])], {
      ...same,
      fused_ops: texts('BiasAdd', 'Relu'),
      num_args: int(1),
    }),
  'Conv2DBackpropInput SAME, kernel 2, stride 2': (g, x) =>
    g.node('Conv2DBackpropInput', [g.list(1, 16, 20, 4), g.floats([2, 2, 4, 6]), x], strided),
  'Conv2DBackpropInput SAME, kernel 3, stride 2': (g, x) =>
    g.node('Conv2DBackpropInput', [g.list(1, 15, 20, 4), g.floats([3, 3, 4, 6]), x], strided),
  'Conv2DBackpropInput VALID': (g, x) =>
    g.node('Conv2DBackpropInput', [g.list(1, 18, 22, 4), g.floats([4, 4, 4, 6]), x], {
      ...strided,
      padding: text('VALID'),
    }),
  FusedBatchNorm: (g, x) =>
    g.node('FusedBatchNorm', [x, g.floats([6]), g.floats([6]), g.floats([6]), g.floats([6], [1, 2, 3, 4, 5, 6])], {
      epsilon: float(0.01),
    }),
  FusedBatchNormV2: (g, x) =>
    g.node('FusedBatchNormV2', [x, g.floats([6]), g.floats([6]), g.floats([6]), g.floats([6], [1, 2, 3, 4, 5, 6])], {
      epsilon: float(0.01),
    }),
  FusedBatchNormV3: (g, x) =>
    g.node('FusedBatchNormV3', [x, g.floats([6]), g.floats([6]), g.floats([6]), g.floats([6], [1, 2, 3, 4, 5, 6])], {
      epsilon: float(0.01),
    }),
  'BiasAdd after a convolution': (g, x) => g.node('BiasAdd', [conv(g, x), g.floats([6])]),
  'MatMul with a transposed right side': (g, _, flat) =>
    g.node('MatMul', [flat, g.floats([5, 12])], { transpose_b: flag(true), transpose_a: flag(false) }),
  'MatMul of a transposed input': (g, _, flat) =>
    g.node('MatMul', [flat, g.floats([2, 5])], { transpose_a: flag(true), transpose_b: flag(false) }),
  '_FusedMatMul with bias and Relu': (g, _, flat) =>
    g.node('_FusedMatMul', [flat, g.floats([12, 5]), g.floats([5])], {
      fused_ops: texts('BiasAdd', 'Relu'),
      num_args: int(1),
      transpose_a: flag(false),
      transpose_b: flag(false),
    }),
  BatchMatMul: (g, x) =>
    g.node('BatchMatMul', [conv(g, x), g.floats([1, 8, 6, 3])], { adj_x: flag(false), adj_y: flag(false) }),
  BatchMatMulV2: (g, x) =>
    g.node('BatchMatMulV2', [conv(g, x), g.floats([1, 8, 3, 6])], { adj_x: flag(false), adj_y: flag(true) }),
  ...Object.fromEntries(
    [
      'Relu',
      'Relu6',
      'Elu',
      'Sigmoid',
      'Tanh',
      'Abs',
      'Ceil',
      'Exp',
      'Floor',
      'Neg',
      'Round',
      'Selu',
      'Softplus',
      'Square',
    ].map((op) => [op, ((g, x) => g.node(op, [spread(g, x)])) satisfies Case]),
  ),
  ...Object.fromEntries(
    ['Log', 'Reciprocal', 'Rsqrt', 'Sqrt'].map((op) => [op, ((g, x) => g.node(op, [positive(g, x)])) satisfies Case]),
  ),
  LeakyRelu: (g, x) => g.node('LeakyRelu', [spread(g, x)], { alpha: float(0.3) }),
  'Prelu over the channels of a convolution': (g, x) => g.node('Prelu', [conv(g, x), g.floats([1, 1, 6])]),
  'Softmax over the channels of a convolution': (g, x) => g.node('Softmax', [conv(g, x)]),
  LogSoftmax: (g, _, flat) => g.node('LogSoftmax', [flat]),
  ...Object.fromEntries(
    ['Add', 'AddV2', 'Sub', 'Mul', 'Maximum', 'Minimum', 'SquaredDifference'].flatMap((op) => [
      [`${op} of two layouts`, ((g, x) => g.node(op, [conv(g, x), x])) satisfies Case],
      [`${op} of a vector per channel`, ((g, x) => g.node(op, [g.floats([6]), conv(g, x)])) satisfies Case],
    ]),
  ),
  'Mul of [1, H, W, C] and [1, 1, 1, C]': (g, x) => {
    const pooled = g.node('Mean', [conv(g, x), g.list(1, 2)], { keep_dims: flag(true) });
    return g.node('Mul', [conv(g, x), g.node('Sigmoid', [pooled])]);
  },
  'Mul of a picture and a computed row of lower rank': (g, x) => {
    const row = g.node('Mean', [conv(g, x), g.list(0, 1)], { keep_dims: flag(false) });
    return g.node('Mul', [conv(g, x), row]);
  },
  'AddN of three': (g, x) => g.node('AddN', [conv(g, x), x, conv(g, x)], { N: int(3) }),
  Div: (g, x) => g.node('Div', [conv(g, x), positive(g, x)]),
  RealDiv: (g, x) => g.node('RealDiv', [g.floats([6]), positive(g, x)]),
  Pow: (g, x) => g.node('Pow', [positive(g, x), g.floats([], [1.7])]),
  'FloorDiv of floats of both signs': (g, x) => g.node('FloorDiv', [spread(g, x), g.floats([], [1.5])]),
  'FloorMod of floats of both signs': (g, x) => g.node('FloorMod', [spread(g, x), g.floats([], [-1.5])]),
  'FloorDiv of integers of both signs': (g, x) => toFloat(g, g.node('FloorDiv', [integers(g, x), g.scalar(3)])),
  'FloorMod of integers of both signs': (g, x) => toFloat(g, g.node('FloorMod', [integers(g, x), g.scalar(3)])),
  ...Object.fromEntries(
    ['Equal', 'Greater', 'GreaterEqual', 'Less', 'LessEqual'].map((op) => [
      op,
      ((g, x) => boolToFloat(g, g.node(op, [g.node('Round', [spread(g, x)]), g.floats([], [1])]))) satisfies Case,
    ]),
  ),
  ...Object.fromEntries(
    ['LogicalAnd', 'LogicalOr'].map((op) => [
      op,
      ((g, x) => {
        const above = g.node('Greater', [x, g.floats([], [0.3])]);
        return boolToFloat(g, g.node(op, [above, g.node('Less', [x, g.floats([], [0.6])])]));
      }) satisfies Case,
    ]),
  ),
  LogicalNot: (g, x) => boolToFloat(g, g.node('LogicalNot', [g.node('Greater', [x, g.floats([], [0.5])])])),
  Select: (g, x) => g.node('Select', [g.node('Greater', [x, g.floats([], [0.5])]), x, conv(g, x)]),
  SelectV2: (g, x) => g.node('SelectV2', [g.node('Greater', [x, g.floats([], [0.5])]), conv(g, x), g.floats([], [-1])]),
  'Cast truncates towards zero': (g, x) => toFloat(g, integers(g, x)),
  'MaxPool SAME': (g, x) =>
    g.node('MaxPool', [x], { ksize: ints(1, 3, 3, 1), strides: ints(1, 2, 2, 1), padding: text('SAME') }),
  'AvgPool SAME leaves the padding out of the mean': (g, x) =>
    g.node('AvgPool', [x], { ksize: ints(1, 3, 3, 1), strides: ints(1, 2, 2, 1), padding: text('SAME') }),
  'AvgPool over everything': (g, x) =>
    g.node('AvgPool', [x], { ksize: ints(1, 8, 10, 1), strides: ints(1, 8, 10, 1), padding: text('VALID') }),
  'Mean of height and width': (g, x) => g.node('Mean', [conv(g, x), g.list(1, 2)], { keep_dims: flag(true) }),
  'Mean of channels, dropped': (g, x) => g.node('Mean', [conv(g, x), g.list(-1)], { keep_dims: flag(false) }),
  'Sum of the middle axis, dropped': (g, x) => g.node('Sum', [conv(g, x), g.list(1)], { keep_dims: flag(false) }),
  Max: (g, x) => g.node('Max', [conv(g, x), g.list(3)], { keep_dims: flag(true) }),
  Min: (g, x) => g.node('Min', [conv(g, x), g.list(2)], { keep_dims: flag(false) }),
  Prod: (g, x) => g.node('Prod', [positive(g, x), g.list(3)], { keep_dims: flag(false) }),
  'ArgMax over channels': (g, x) => toFloat(g, g.node('ArgMax', [conv(g, x), g.scalar(-1)])),
  'ArgMin over rows': (g, x) => toFloat(g, g.node('ArgMin', [conv(g, x), g.scalar(1)])),
  ...Object.fromEntries(
    ['ResizeBilinear', 'ResizeNearestNeighbor'].flatMap((op) =>
      [
        [false, false],
        [true, false],
        [false, true],
      ].map(([corners, half]) => [
        `${op} with align_corners ${corners}, half_pixel_centers ${half}`,
        ((g, x) => {
          const attributes = { align_corners: flag(corners!), half_pixel_centers: flag(half!) };
          g.node(op, [x, g.list(19, 13)], attributes);
          return g.node(op, [x, g.list(5, 20)], attributes);
        }) satisfies Case,
      ]),
    ),
  ),
  DepthToSpace: (g, x) => g.node('DepthToSpace', [conv(g, x, 6, 8)], { block_size: int(2), data_format: text('NHWC') }),
  TopKV2: (g, _, flat) => {
    const top = g.node('TopKV2', [flat, g.scalar(4)], { sorted: flag(true) });
    g.node('Identity', [top]);
    return toFloat(g, `${top}:1`);
  },
  'Reshape of a convolution, one size left open': (g, x) => g.node('Reshape', [conv(g, x), g.list(1, -1, 3)]),
  'ExpandDims at the end and within': (g, x) =>
    g.node('ExpandDims', [g.node('ExpandDims', [conv(g, x), g.scalar(-1)]), g.scalar(1)]),
  'Squeeze of all ones': (g, x) => g.node('Squeeze', [conv(g, x)]),
  'Squeeze of one axis': (g, x) =>
    g.node('Squeeze', [g.node('ExpandDims', [x, g.scalar(1)])], { squeeze_dims: ints(-5, 1) }),
  'Transpose, forth and back': (g, x) => toNhwc(g, g.node('Relu', [toNchw(g, conv(g, x))])),
  'Transpose that is no layout': (g, x) => g.node('Transpose', [conv(g, x), g.list(2, 0, 3, 1)]),
  'Shape, folded into a Reshape': (g, x) =>
    g.node('Reshape', [g.node('Reshape', [x, g.list(-1)]), g.node('Shape', [x])]),
  Tile: (g, x) => g.node('Tile', [conv(g, x), g.list(1, 2, 1, 3)]),
  Fill: (g, x) => g.node('AddV2', [conv(g, x), g.node('Fill', [g.list(1, 1, 10, 6), g.floats([], [0.75])])]),
  'Identity, StopGradient and Snapshot': (g, x) =>
    g.node('Identity', [g.node('StopGradient', [g.node('Snapshot', [conv(g, x)])])]),
  'ConcatV2 of channels, two layouts': (g, x) => g.node('ConcatV2', [conv(g, x), x, g.scalar(-1)], { N: int(2) }),
  'ConcatV2 of rows in NCHW': (g, x) =>
    g.node('ConcatV2', [toNchw(g, conv(g, x)), toNchw(g, x), g.scalar(2)], { N: int(2) }),
  'Pack of a new axis': (g, x) => g.node('Pack', [conv(g, x), x], { axis: int(1), N: int(2) }),
  Unpack: (g, x) => {
    const parts = g.node('Unpack', [conv(g, x)], { axis: int(-1), num: int(6) });
    return g.node('AddV2', [parts, `${parts}:5`]);
  },
  Split: (g, x) => {
    const parts = g.node('Split', [g.scalar(3), conv(g, x)], { num_split: int(3) });
    return g.node('Sub', [`${parts}:2`, parts]);
  },
  'SplitV with a size left open': (g, x) => {
    const parts = g.node('SplitV', [conv(g, x), g.list(2, -1), g.scalar(3)], { num_split: int(2) });
    g.node('Neg', [parts]);
    return g.node('Abs', [`${parts}:1`]);
  },
  Slice: (g, x) => g.node('Slice', [conv(g, x), g.list(0, 1, 2, 3), g.list(1, 4, -1, 2)]),
  'StridedSlice with masks and steps': (g, x) =>
    g.node('StridedSlice', [conv(g, x), g.list(0, -6, 0, 1), g.list(1, 0, 9, 3), g.list(1, 2, 3, 1)], {
      begin_mask: int(1),
      end_mask: int(3),
    }),
  // Not with steps as well: TensorFlow.js 4.22 then reads the wrong elements (StridedSlice_impl.ts walks the shape
  // without the dropped axis).
  'StridedSlice that drops and adds axes': (g, x) =>
    g.node('StridedSlice', [conv(g, x), g.list(0, 0, -6, 2, 4), g.list(0, 0, 0, 3, 6), g.list(1, 1, 1, 1, 1)], {
      end_mask: int(4 | 1),
      begin_mask: int(1),
      shrink_axis_mask: int(8),
      new_axis_mask: int(2),
    }),
  'GatherV2 of channels': (g, x) =>
    g.node('GatherV2', [conv(g, x), g.list(4, 0, 4), g.scalar(3)], { batch_dims: int(0) }),
  Pad: (g, x) => conv(g, g.node('Pad', [x, g.ints([4, 2], [0, 0, 1, 2, 3, 0, 0, 0])])),
  PadV2: (g, x) => g.node('PadV2', [conv(g, x), g.ints([4, 2], [0, 0, 1, 2, 3, 0, 0, 1]), g.floats([], [7])]),
  MirrorPad: (g, x) =>
    g.node('MirrorPad', [conv(g, x), g.ints([4, 2], [0, 0, 1, 2, 3, 0, 0, 0])], { mode: text('REFLECT') }),
  'SparseToDense and arithmetic of shapes, folded': (g, x) => {
    const dense = g.node('SparseToDense', [g.ints([1, 1], [1]), g.list(3), g.list(-20), g.scalar(0)]);
    const sum = g.node('AddV2', [g.list(1, 40, 20), dense]);
    return g.node('Reshape', [conv(g, x), g.node('Maximum', [sum, g.list(1, 24, 20)])]);
  },
  'Pack, Mul, FloorDiv and ConcatV2 of shapes, folded': (g, x) => {
    const half = g.node('FloorDiv', [g.scalar(17), g.scalar(2)]);
    const packed = g.node('Pack', [g.scalar(1), g.node('Mul', [half, g.scalar(5)])], { axis: int(0), N: int(2) });
    return g.node('Reshape', [conv(g, x), g.node('ConcatV2', [packed, g.list(12), g.scalar(0)], { N: int(2) })]);
  },
};

describe('every operator gives what TensorFlow.js gives', () => {
  test.each(Object.entries(cases))('%s', async (_, build) => {
    const graph = new TfGraph();
    // Small enough that nothing leaves its range, large enough that no border is the whole picture.
    build(graph, graph.input('x', [1, 8, 10, 6]), graph.input('flat', [2, 12]));
    const { report } = await graph.withFiles((path) => importTfjs(path, used(graph)));
    const { verification } = report;
    if (!verification.verified) throw new Error(verification.reason);
    expect(verification.outputs.length).toBeGreaterThan(0);
    for (const { name, maxDifference, maxMagnitude } of verification.outputs) {
      expect(maxMagnitude, `${name} is all zeros`).toBeGreaterThan(0);
      expect(maxDifference / maxMagnitude, name).toBeLessThan(1e-5);
    }
  });

  test('no operator is left out above', async () => {
    const seen = new Set<string>();
    for (const build of Object.values(cases)) {
      const graph = new TfGraph();
      build(graph, graph.input('x', [1, 8, 10, 6]), graph.input('flat', [2, 12]));
      for (const op of graph.operators()) seen.add(op);
    }
    expect(Object.keys(operators).filter((op) => !seen.has(op))).toEqual(
      // TensorFlow.js itself has no SpaceToDepth to compare with.
      ['SpaceToDepth'],
    );
  });
});

/** An input that a case does not use is an output of its graph, by TensorFlow.js's rule; it is not wanted. */
function used(graph: TfGraph): TfjsOptions {
  return { outputs: graph.ends().filter((name) => name !== 'x' && name !== 'flat') };
}
