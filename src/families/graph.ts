import type { InputSpec, Resize } from '../vision/input-spec.ts';
import { formatValue, isFixed, type Probe, type Signature, type ValueInfo } from '../vision/signature.ts';
import type { Tensor, Tensors } from '../vision/tensor.ts';
import type { Size } from '../vision/types.ts';

type Dim = number | string | null;

/** The input of a graph that takes a picture. */
export interface ImageInput {
  readonly name: string;
  readonly layout: InputSpec['layout'];
  readonly dtype: InputSpec['dtype'];
  /** 1 for grey pictures. */
  readonly channels: 1 | 3;
  /** Undefined where the graph takes any size. */
  readonly width: number | undefined;
  readonly height: number | undefined;
}

const IMAGE_DTYPES: readonly string[] = ['float32', 'float16', 'uint8'] satisfies InputSpec['dtype'][];

/** The first input that can be a picture of three channels, or a batch of such; where there is none, of one channel. */
export function findImageInput(signature: Signature): ImageInput | undefined {
  for (const channels of [3, 1] as const) {
    for (const value of signature.inputs) {
      const input = asImageInput(value, channels);
      if (input) return input;
    }
  }
  return undefined;
}

function asImageInput({ name, dtype, dims }: ValueInfo, channels: 1 | 3): ImageInput | undefined {
  const batched = dims.length === 4;
  if (!IMAGE_DTYPES.includes(dtype) || !(batched ? isOne(dims[0]) : dims.length === 3)) return undefined;
  const [a, b, c] = dims.slice(-3);
  // A single channel without a batch might be a picture of any kind.
  const has = (dim: Dim | undefined) => dim === channels || (channels === 3 && isNamedChannels(dim));
  const planar = has(a);
  if ((!planar && !has(c)) || (channels === 1 && !batched)) return undefined;
  const [height, width] = planar ? [b, c] : [a, b];
  const layout = planar ? 'chw' : 'hwc';
  return {
    name,
    layout: batched ? `n${layout}` : layout,
    dtype: dtype as InputSpec['dtype'],
    channels,
    width: isFixed(width) ? width : undefined,
    height: isFixed(height) ? height : undefined,
  };
}

/** Hugging Face's exporter leaves even the channels open, under this name. */
function isNamedChannels(dim: Dim | undefined): boolean {
  return typeof dim === 'string' && /channel/i.test(dim);
}

/** The size of the graph's image input, where it is fixed; else the size that it was probed with. */
export function fixedInputSize(signature: Signature, probe?: Probe): Size | undefined {
  const input = findImageInput(signature);
  return input?.width && input.height ? { width: input.width, height: input.height } : probe?.input;
}

/** What a family knows of its pre-processing beyond the graph's input. */
export interface Preprocessing extends Partial<Pick<InputSpec, 'color' | 'mean' | 'std' | 'interpolation' | 'pad'>> {
  readonly fit: 'stretch' | 'center' | 'top-left' | { readonly crop: number };
  /** For graphs that take any size. */
  readonly defaultSize: Size;
  /** Instead of `fit` and `defaultSize`, where the graph takes any size. */
  readonly dynamic?: Resize;
}

/**
 * The input spec of a graph: name, layout, dtype and size from the graph, the rest from the family; RGB 0–255 unless
 * told.
 * @throws RangeError where the graph takes no picture.
 */
export function imageInputSpec(signature: Signature, { fit, defaultSize, dynamic, ...rest }: Preprocessing): InputSpec {
  const input = findImageInput(signature);
  if (!input) {
    const have = signature.inputs.map((value) => `${value.name} ${formatValue(value)}`);
    throw new RangeError(
      `the model takes no picture, such as [1,3,H,W] or [1,H,W,3]; its inputs are ${have.join(', ') || 'none'}`,
    );
  }
  const { name, layout, dtype, width = defaultSize.width, height = defaultSize.height } = input;
  const fixed = fixedResize(fit, { width, height });
  return {
    name,
    layout,
    dtype,
    batch: 1,
    mean: [0, 0, 0],
    std: [1, 1, 1],
    interpolation: 'linear',
    pad: 0,
    color: 'rgb',
    ...rest,
    // Bytes hold pixels as they are: such a graph normalises for itself.
    ...(dtype === 'uint8' && { mean: [0, 0, 0], std: [1, 1, 1] }),
    ...(input.channels === 1 && { color: 'gray' }),
    resize: dynamic && !input.width && !input.height ? dynamic : fixed,
  };
}

function fixedResize(fit: Preprocessing['fit'], { width, height }: Size): Resize {
  if (typeof fit === 'object') return { mode: 'crop', width, height, share: fit.crop };
  return fit === 'stretch' ? { mode: 'stretch', width, height } : { mode: 'letterbox', width, height, anchor: fit };
}

/** The only output of a graph, if it has one. */
export function soleOutput(signature: Signature): ValueInfo | undefined {
  return signature.outputs.length === 1 ? signature.outputs[0] : undefined;
}

/** Of outputs that are alike, the one that their names put first: `out`, or the least number after what all begin with. */
export function firstByName<V extends { readonly name: string }>(values: readonly V[]): V | undefined {
  if (values.length <= 1) return values[0];
  const numbered = values.map((value) => ({ value, parts: /^(.*?)(\d+)$/.exec(value.name) }));
  const prefix = numbered[0]?.parts?.[1];
  if (prefix === undefined || numbered.some(({ parts }) => parts?.[1] !== prefix)) {
    return values.find(({ name }) => name === 'out');
  }
  return numbered.reduce((a, b) => (Number(a.parts![2]) <= Number(b.parts![2]) ? a : b)).value;
}

/** Whether a batch dimension may be 1. */
export function isOne(dim: Dim | undefined): boolean {
  return dim === 1 || (dim !== undefined && !isFixed(dim));
}

/** Whether floats can be read from it. */
export function isFloat(value: { readonly dtype: string }): boolean {
  return value.dtype === 'float32' || value.dtype === 'float16';
}

/** Whether an output is what one of these operators computes, whatever changes its shape, size or type afterwards. */
export function endsIn({ lastOperators = {} }: Signature, { name }: ValueInfo, ...operators: string[]): boolean {
  return Object.hasOwn(lastOperators, name) && operators.includes(lastOperators[name]!);
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
