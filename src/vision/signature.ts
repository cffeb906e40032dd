import type { DType, Tensors } from './tensor.ts';
import type { Size } from './types.ts';

/** A named tensor of a graph. A dimension is a number, a symbol (dynamic, named) or null (dynamic, unnamed). */
export interface ValueInfo {
  readonly name: string;
  readonly dtype: DType | 'string' | 'unknown';
  readonly dims: readonly (number | string | null)[];
}

/** What an ONNX file says about itself, without its weights. */
export interface Signature {
  /** Graph inputs that are not initializers. */
  readonly inputs: readonly ValueInfo[];
  readonly outputs: readonly ValueInfo[];
  /** metadata_props, as written by the exporter. */
  readonly metadata: Readonly<Record<string, string>>;
  readonly producer: string;
  readonly irVersion: number;
  /** Opset version per domain; '' is the ONNX domain. */
  readonly opsets: Readonly<Record<string, number>>;
  /**
   * How often each operator occurs in the main graph, e.g. `{ Conv: 60, NonMaxSuppression: 1 }`. `Concat:0` are those
   * along the first axis: they put shapes together, not features.
   */
  readonly operators: Readonly<Record<string, number>>;
  /** Shapes of the weights by name: exporters keep the names that the model's own code gives them. */
  readonly weights?: Readonly<Record<string, readonly number[]>>;
  /** The operator that computes each output, less those after it that change shape, size or type alone. */
  readonly lastOperators?: Readonly<Record<string, string>>;
}

/** What a graph gave for a picture of no meaning: the shapes that its signature leaves open, and a look at its numbers. */
export interface Probe {
  /** Of the picture, in pixels. */
  readonly input: Size;
  readonly outputs: Tensors;
  /** Of graphs of any size that give maps: what sides must be multiples of, as far as was tried. */
  readonly multiple?: number;
}

/** Whether a dimension of the signature is fixed. */
export function isFixed(dim: number | string | null | undefined): dim is number {
  return typeof dim === 'number' && dim > 0;
}

/** `float32[1,3,640,640]`, `?` for unnamed dynamic dimensions. */
export function formatValue(value: ValueInfo): string {
  return `${value.dtype}[${value.dims.map((d) => d ?? '?').join(',')}]`;
}
