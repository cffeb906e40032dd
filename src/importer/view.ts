import type { Constant, TfType } from './constant.ts';

/**
 * A TensorFlow tensor as the ONNX graph holds it. TensorFlow's order of axes (`dims`) is kept apart from the order in
 * memory: axis i in memory is TensorFlow's axis `axes[i]`. A Transpose then only relabels axes, and a convolution of an
 * NHWC tensor that is already NCHW in memory needs nothing at all.
 */
export interface View {
  readonly dtype: TfType;
  readonly dims: readonly number[];
  readonly axes: readonly number[];
  /** The ONNX value; unused for a constant, which becomes an initializer where it is used. */
  readonly name: string;
  readonly constant?: Constant;
}

export const identity = (rank: number): number[] => Array.from({ length: rank }, (_, axis) => axis);

export function constantView(constant: Constant): View {
  return { dtype: constant.dtype, dims: constant.dims, axes: identity(constant.dims.length), name: '', constant };
}

/** The sizes as they lie in memory. */
export const memoryDims = (view: Pick<View, 'dims' | 'axes'>): number[] => view.axes.map((axis) => view.dims[axis]!);

/** Something given per TensorFlow axis, in memory order. */
export const inMemory = <T>(perAxis: readonly T[], axes: readonly number[]): T[] => axes.map((axis) => perAxis[axis]!);

/** Where TensorFlow's `axis` (negative counts from the end) lies in memory. */
export function memoryAxis(view: Pick<View, 'dims' | 'axes'>, axis: number): number {
  return view.axes.indexOf(axis < 0 ? axis + view.dims.length : axis);
}

/** The view after TensorFlow's Transpose: axis j of the result is axis `permutation[j]`. Nothing moves in memory. */
export function relabelled(view: View, permutation: readonly number[]): View {
  return {
    ...view,
    dims: permutation.map((axis) => view.dims[axis]!),
    axes: view.axes.map((axis) => permutation.indexOf(axis)),
  };
}

/** The order of the remaining axes in memory after the axes in `removed` have gone. */
export function withoutAxes(axes: readonly number[], removed: ReadonlySet<number>): number[] {
  return axes
    .filter((axis) => !removed.has(axis))
    .map((axis) => axis - [...removed].filter((gone) => gone < axis).length);
}
