import type { InputSpec } from '../vision/input-spec.ts';
import { formatValue, isFixed, type Signature, type ValueInfo } from '../vision/signature.ts';
import type { Tensor, Tensors } from '../vision/tensor.ts';
import type { Size } from '../vision/types.ts';

type Dim = number | string | null;

/** The input of a graph that takes a colour picture. */
export interface ImageInput {
  readonly name: string;
  readonly layout: InputSpec['layout'];
  readonly dtype: InputSpec['dtype'];
  /** Undefined where the graph takes any size. */
  readonly width: number | undefined;
  readonly height: number | undefined;
}

const IMAGE_DTYPES: readonly string[] = ['float32', 'float16', 'uint8'] satisfies InputSpec['dtype'][];

/** The first input that can be a batch of three-channel pictures. */
export function findImageInput(signature: Signature): ImageInput | undefined {
  for (const { name, dtype, dims } of signature.inputs) {
    if (dims.length !== 4 || !IMAGE_DTYPES.includes(dtype) || !isOne(dims[0])) continue;
    const planar = dims[1] === 3;
    if (!planar && dims[3] !== 3) continue;
    const [height, width] = planar ? [dims[2], dims[3]] : [dims[1], dims[2]];
    return {
      name,
      layout: planar ? 'nchw' : 'nhwc',
      dtype: dtype as InputSpec['dtype'],
      width: isFixed(width) ? width : undefined,
      height: isFixed(height) ? height : undefined,
    };
  }
  return undefined;
}

/** The size of the graph's image input, where it is fixed. */
export function fixedInputSize(signature: Signature): Size | undefined {
  const input = findImageInput(signature);
  return input?.width && input.height ? { width: input.width, height: input.height } : undefined;
}

/** What a family knows of its pre-processing beyond the graph's input. */
export interface Preprocessing extends Partial<Pick<InputSpec, 'color' | 'mean' | 'std' | 'interpolation' | 'pad'>> {
  readonly fit: 'stretch' | 'center' | 'top-left';
  /** For graphs that take any size. */
  readonly defaultSize: Size;
}

/**
 * The input spec of a graph: name, layout, dtype and size from the graph, the rest from the family; RGB 0–255 unless
 * told.
 * @throws RangeError where the graph takes no picture.
 */
export function imageInputSpec(signature: Signature, { fit, defaultSize, ...rest }: Preprocessing): InputSpec {
  const input = findImageInput(signature);
  if (!input) {
    const have = signature.inputs.map((value) => `${value.name} ${formatValue(value)}`);
    throw new RangeError(
      `the model takes no picture [1,3,H,W] or [1,H,W,3]; its inputs are ${have.join(', ') || 'none'}`,
    );
  }
  const { name, layout, dtype, width = defaultSize.width, height = defaultSize.height } = input;
  return {
    name,
    layout,
    dtype,
    color: 'rgb',
    mean: [0, 0, 0],
    std: [1, 1, 1],
    interpolation: 'linear',
    pad: 0,
    ...rest,
    resize: fit === 'stretch' ? { mode: 'stretch', width, height } : { mode: 'letterbox', width, height, anchor: fit },
  };
}

/** The only output of a graph, if it has one. */
export function soleOutput(signature: Signature): ValueInfo | undefined {
  return signature.outputs.length === 1 ? signature.outputs[0] : undefined;
}

/** Whether a batch dimension may be 1. */
export function isOne(dim: Dim | undefined): boolean {
  return dim === 1 || (dim !== undefined && !isFixed(dim));
}

/** Whether floats can be read from it. */
export function isFloat(value: { readonly dtype: string }): boolean {
  return value.dtype === 'float32' || value.dtype === 'float16';
}

/** How often the main graph uses any of these operators. */
export function countOperators(signature: Signature, ...names: readonly string[]): number {
  return names.reduce((sum, name) => sum + (signature.operators[name] ?? 0), 0);
}

/** @throws RangeError naming what was expected and every output that came. */
export function unexpectedOutputs(outputs: Tensors, expected: string): RangeError {
  const have = Object.entries(outputs).map(([name, t]) => `${name} ${describe(t)}`);
  return new RangeError(`expected ${expected}; the model gave ${have.join(', ') || 'nothing'}`);
}

function describe(tensor: Tensor): string {
  return `${tensor.dtype}[${tensor.dims.join(',')}]`;
}
