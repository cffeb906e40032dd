import { isFixed, type Signature, type ValueInfo } from '../vision/signature.ts';
import { type Tensors, toFloats } from '../vision/tensor.ts';
import type { Size } from '../vision/types.ts';
import type { Recognition } from './define.ts';
import { countOperators, isFloat, isOne, unexpectedOutputs } from './graph.ts';

/** x, y, width, height and objectness, before the classes. */
export const BOX_COLUMNS = 5;
const STRIDES = [8, 16, 32, 64];

/** Anchors in input pixels: width and height in turn, for each head from the finest to the coarsest. */
type Anchors = readonly (readonly number[])[];

/** YOLOv2's are in cells of 32 pixels: cfg/yolov2-tiny-voc.cfg, yolov2-voc.cfg and yolov2.cfg of pjreddie/darknet. */
const ofCells = (anchors: readonly number[]): Anchors => [anchors.map((v) => v * 32)];
const V2_TINY_VOC = ofCells([1.08, 1.19, 3.42, 4.41, 6.63, 11.38, 9.42, 5.11, 16.62, 10.52]);
const V2_VOC = ofCells([1.3221, 1.73145, 3.19275, 4.00944, 5.05587, 8.09892, 9.47112, 4.84053, 11.2364, 10.0071]);
const V2_COCO = ofCells([0.57273, 0.677385, 1.87446, 2.06253, 3.33843, 5.47434, 7.88282, 3.52778, 9.77052, 9.16828]);
/** cfg/yolov3.cfg, yolov3-tiny.cfg, yolov4.cfg and yolov4-tiny.cfg. */
export const V3: Anchors = [
  [10, 13, 16, 30, 33, 23],
  [30, 61, 62, 45, 59, 119],
  [116, 90, 156, 198, 373, 326],
];
const V3_TINY: Anchors = [
  [10, 14, 23, 27, 37, 58],
  [81, 82, 135, 169, 344, 319],
];
export const V4: Anchors = [
  [12, 16, 19, 36, 40, 28],
  [36, 75, 76, 55, 72, 146],
  [142, 110, 192, 243, 459, 401],
];
const V4_TINY: Anchors = [
  [23, 27, 37, 58, 81, 82],
  [81, 82, 135, 169, 344, 319],
];

/** YOLOv3 has two, three with spatial pyramid pooling, Tiny YOLOv4 seven; YOLOv7-tiny has 14. */
export const MOST_CONCATS = 10;

/** An output over the grid of one stride. */
interface Grid extends Size {
  readonly name: string;
  readonly stride: number;
  /** Of all anchors together. */
  readonly channels: number;
  /** What comes first: all channels, the cells, or the anchors, whose cells hold their columns. */
  readonly order: 'channels' | 'cells' | 'anchors';
}

/** All outputs as grids, from the finest to the coarsest; undefined where one is none or two have the same stride. */
export function findGrids(values: readonly ValueInfo[], input: Size): Grid[] | undefined {
  const grids = values.flatMap((value) => asGrid(value, input) ?? []).sort((a, b) => a.stride - b.stride);
  const distinct = new Set(grids.map((grid) => grid.stride)).size;
  return grids.length > 0 && grids.length === values.length && distinct === grids.length ? grids : undefined;
}

function asGrid(value: ValueInfo, input: Size): Grid | undefined {
  const { name, dims } = value;
  if (!isFloat(value) || !isOne(dims[0]) || dims.length < 4 || dims.length > 5) return undefined;
  const stride = (width: unknown, height: unknown) =>
    STRIDES.find((s) => width === input.width / s && height === input.height / s);
  const [, a, b, c, d] = dims;
  const grid = (found: number, channels: number, order: Grid['order']) => ({
    name,
    stride: found,
    width: input.width / found,
    height: input.height / found,
    channels,
    order,
  });
  const first = stride(b, a);
  const last = stride(c, b);
  if (dims.length === 5) {
    if (!isFixed(d) || d <= BOX_COLUMNS) return undefined;
    if (first && isFixed(c)) return grid(first, c * d, 'cells');
    return last && isFixed(a) ? grid(last, a * d, 'anchors') : undefined;
  }
  if (last && isFixed(a)) return grid(last, a, 'channels');
  return first && isFixed(c) ? grid(first, c, 'cells') : undefined;
}

/** Numbers of one head: of anchor a in cell i, column k stands at i·cellStep + a·anchorStep + k·columnStep. */
export interface Head extends Size {
  readonly data: Float32Array;
  readonly anchors: readonly number[];
  readonly columns: number;
  readonly cellStep: number;
  readonly anchorStep: number;
  readonly columnStep: number;
}

/** @throws RangeError where the outputs are no heads for these anchors. */
export function readHeads(outputs: Tensors, input: Size, anchors: Anchors): Head[] {
  const values = Object.entries(outputs).map(([name, { dtype, dims }]) => ({ name, dtype, dims }));
  const grids = findGrids(values, input);
  const columns = columnsOf(grids ?? [], anchors);
  if (!grids || !columns) {
    throw unexpectedOutputs(outputs, `${anchors.length} grids of anchors · (5 + classes) channels`);
  }
  return grids.map(({ name, width, height, order, channels }, k) => ({
    data: toFloats(outputs[name]!),
    width,
    height,
    anchors: anchors[k]!,
    columns,
    cellStep: { channels: 1, cells: channels, anchors: columns }[order],
    anchorStep: order === 'cells' ? columns : columns * width * height,
    columnStep: order === 'channels' ? width * height : 1,
  }));
}

/** The columns of an anchor; 0 where the grids are not of these anchors. */
export function columnsOf(grids: readonly Grid[], anchors: Anchors): number {
  if (grids.length !== anchors.length) return 0;
  const [columns = 0, ...others] = grids.map(({ channels }, k) => channels / (anchors[k]!.length / 2));
  return Number.isInteger(columns) && columns > BOX_COLUMNS && others.every((c) => c === columns) ? columns : 0;
}

/** One head of five anchors at stride 32: YOLOv2. */
export function recogniseV2(signature: Signature, grid: Grid): Recognition | undefined {
  const classes = grid.channels / 5 - BOX_COLUMNS;
  if (grid.stride !== 32 || !Number.isInteger(classes) || classes < 1) return undefined;
  const seen = `one grid at stride 32 of five anchors, 5 + ${classes} numbers each`;
  // Tiny YOLOv2 of the ONNX Model Zoo, by Core ML's converter, divides by 255 in the graph.
  if (grid.name === 'grid' && classes === 20) {
    const params = { anchors: V2_TINY_VOC, softmax: true, normalization: 'none' };
    return { confidence: 0.95, evidence: [seen, 'named grid, as in the ONNX Model Zoo'], params };
  }
  if (classes === 80) {
    const params = { anchors: V2_COCO, softmax: true };
    return { confidence: 0.75, evidence: [seen, "COCO's classes: anchors of Darknet's yolov2.cfg"], params };
  }
  // Only the larger one passes features by.
  const anchors = countOperators(signature, 'Concat') > 0 ? V2_VOC : V2_TINY_VOC;
  const evidence = [seen, 'no graph tells its anchors'];
  // Darknet's layers multiply nothing: then pixels are scaled in the graph, by a factor that is not told.
  const isPlain = countOperators(signature, 'Mul', 'Div', 'Sub') === 0 && countOperators(signature, 'LeakyRelu') > 0;
  return { confidence: classes === 20 && isPlain ? 0.55 : 0.4, evidence, params: { anchors, softmax: true } };
}

/** Heads of three anchors each: YOLOv3 or YOLOv4, told apart by their activations. */
export function recogniseV3(signature: Signature, grids: readonly Grid[]): Recognition | undefined {
  const tiny = grids.length === 2;
  const strides = grids.map(({ stride }) => stride).join();
  if (strides !== (tiny ? '16,32' : '8,16,32')) return undefined;
  const columns = columnsOf(grids, tiny ? V3_TINY : V3);
  // An exponential decodes width and height in the graph.
  if (!columns || countOperators(signature, 'Exp') > 0) return undefined;
  const leaky = countOperators(signature, 'LeakyRelu') > 0;
  const mish = countOperators(signature, 'Softplus', 'Mish') > 0;
  const split = countOperators(signature, 'Split', 'Slice') > 0;
  const evidence = [`grids at strides ${strides} of three anchors, ${columns} numbers each`];
  // YOLOv5 and YOLOv7 have these shapes too, and another decoding. They know neither activation, but for YOLOv7-tiny, which
  // puts features together more often.
  if ((!leaky && !mish) || (!mish && countOperators(signature, 'Concat') > MOST_CONCATS)) return undefined;
  if (columns !== BOX_COLUMNS + 80) evidence.push('no graph tells its anchors');
  // Anchors first, as both generations of ultralytics/yolov3 have them, whose decoding is not the same.
  const anchorsFirst = grids.some(({ order }) => order === 'anchors');
  const sure = columns === BOX_COLUMNS + 80 && !anchorsFirst ? 0.8 : 0.4;
  if (tiny) {
    // Both sets of anchors are in use for Tiny YOLOv3's finer head; Tiny YOLOv4 splits its channels.
    if (!split) return { confidence: 0.4, evidence, params: { anchors: V3_TINY } };
    evidence.push('channels split: Tiny YOLOv4');
    return { confidence: sure, evidence, params: { anchors: V4_TINY, scaleXY: [1.05, 1.05] } };
  }
  evidence.push(mish ? 'Mish in the graph: YOLOv4' : 'LeakyReLU in the graph: YOLOv3');
  return { confidence: sure, evidence, params: mish ? { anchors: V4, scaleXY: [1.2, 1.1, 1.05] } : { anchors: V3 } };
}
