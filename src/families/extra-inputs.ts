import { slidingWindows } from '../vision/proposals.ts';
import { formatValue, isFixed, type Signature, type ValueInfo } from '../vision/signature.ts';
import { floatToHalf, type Tensor, type TensorArrays, type Tensors } from '../vision/tensor.ts';
import type { Size } from '../vision/types.ts';

/** The numbers of one input and its shape without the batch. */
interface Extra {
  readonly dims: readonly number[];
  readonly values: ArrayLike<number>;
}

/**
 * What graphs ask for beside the picture, by the input's name. Each is told that the picture is as large as the model's
 * input, and not scaled: so every graph answers in model-input pixels, and the one way back serves all.
 */
const extras: Readonly<Record<string, (input: Size, declared: ValueInfo['dims'], boxes: Float32Array) => Extra>> = {
  // RT-DETR and D-FINE (tools/export_onnx.py).
  orig_target_sizes: ({ width, height }) => ({ dims: [2], values: [width, height] }),
  // YOLOv3 of the ONNX Model Zoo (from qqwweee/keras-yolo3).
  image_shape: ({ width, height }) => ({ dims: [2], values: [height, width] }),
  // PaddleDetection (deploy/third_engine/onnx).
  im_shape: ({ width, height }) => ({ dims: [2], values: [height, width] }),
  scale_factor: () => ({ dims: [2], values: [1, 1] }),
  // Caffe's R-CNNs: height, width, scale.
  im_info: ({ width, height }) => ({ dims: [3], values: [height, width, 1] }),
  // Fast R-CNN: where to look. Graphs of a fixed number get empty boxes for the rest.
  rois: toRois,
  proposals: toRois,
  // RobustVideoMatting (documentation/inference.md; inference.py's auto_downsample_ratio): what it has seen before, at
  // the first picture of a film, and the scale that brings the longer side to 512 pixels.
  r1i: nothingSeen,
  r2i: nothingSeen,
  r3i: nothingSeen,
  r4i: nothingSeen,
  downsample_ratio: ({ width, height }) => ({ dims: [1], values: [Math.min(1, 512 / Math.max(width, height))] }),
  // Hugging Face's DETRs: where the batch is picture and not padding. Some exports fix it to 64×64: the graph resizes it.
  pixel_mask: (input, declared) => {
    const [rows, columns] = declared.slice(-2);
    const dims = [isFixed(rows) ? rows : input.height, isFixed(columns) ? columns : input.width] as const;
    return { dims, values: new Float32Array(dims[0] * dims[1]).fill(1) };
  },
};

/** Rows of xmin, ymin, xmax, ymax, after the number of the picture in the batch where the graph asks for five. */
function toRois(_input: Size, declared: ValueInfo['dims'], boxes: Float32Array): Extra {
  const columns = declared.at(-1) === 4 ? 4 : 5;
  const most = declared.at(-2);
  const rows = isFixed(most) ? most : boxes.length / 4;
  const values = new Float32Array(rows * columns);
  for (let i = 0; i < Math.min(rows, boxes.length / 4); i++) {
    values.set(boxes.subarray(4 * i, 4 * i + 4), i * columns + columns - 4);
  }
  return { dims: [rows, columns], values };
}

function nothingSeen(): Extra {
  return { dims: [1, 1, 1], values: [0] };
}

/** Inputs beside the picture that nothing is known of. */
export function unknownInputs(signature: Signature, image: string): string[] {
  return signature.inputs
    .filter(({ name, dtype }) => name !== image && !(Object.hasOwn(extras, name) && dtype in arrays))
    .map((value) => `${value.name} ${formatValue(value)}`);
}

/**
 * Tensors for every input beside the picture.
 * @param boxes where to look, 4n in model-input pixels, for graphs that ask
 * @throws RangeError for inputs that nothing is known of.
 */
export function extraInputs(
  signature: Signature,
  image: string,
  input: Size,
  batch: number,
  boxes = slidingWindows(input),
): Tensors {
  const [unknown] = unknownInputs(signature, image);
  if (unknown) throw new RangeError(`the graph asks for ${unknown}, which Miru does not know how to give`);
  const others = signature.inputs.filter(({ name }) => name !== image);
  return Object.fromEntries(
    others.map((value) => [value.name, toTensor(value, extras[value.name]!(input, value.dims, boxes), batch)]),
  );
}

const arrays = {
  float32: (values: ArrayLike<number>) => Float32Array.from(values),
  float16: (values: ArrayLike<number>) => Uint16Array.from(values, floatToHalf),
  bool: (values: ArrayLike<number>) => Uint8Array.from(values),
  int32: (values: ArrayLike<number>) => Int32Array.from(values),
  int64: (values: ArrayLike<number>) => BigInt64Array.from(values as number[], (value) => BigInt(Math.round(value))),
} satisfies Partial<{ [D in keyof TensorArrays]: (values: ArrayLike<number>) => TensorArrays[D] }>;

function toTensor({ dtype, dims }: ValueInfo, extra: Extra, batch: number): Tensor {
  const pictures = dims.length > extra.dims.length ? (isFixed(dims[0]) ? dims[0] : batch) : 1;
  const shape = dims.length > extra.dims.length ? [pictures, ...extra.dims] : extra.dims;
  const repeated = Array.from({ length: pictures }, () => Array.from(extra.values)).flat();
  return { dtype, dims: shape, data: arrays[dtype as keyof typeof arrays](repeated) } as Tensor;
}
