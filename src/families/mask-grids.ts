import { type Tensor, toFloats } from '../vision/tensor.ts';
import type { MaskGrids, Size } from '../vision/types.ts';

/**
 * Masks of probabilities on the object's box, from a tensor […,n,height,width] or […,n,1,height,width].
 * @param sources the tensor's row for each object.
 */
export function boxMasks(tensor: Tensor, sources: Int32Array): MaskGrids {
  const [height, width] = tensor.dims.slice(-2) as [number, number];
  const data = toFloats(tensor);
  const area = width * height;
  const grid = (i: number) => data.subarray(sources[i]! * area, (sources[i]! + 1) * area);
  return { width, height, region: 'box', threshold: 0.5, grid };
}

/**
 * The same with zeros around each grid, as PyTorch's grid_sample sees it: towards the edge of its box a mask fades from
 * the middle of its last cell on.
 * @param boxes 4n, xyxy.
 */
export function fadingBoxMasks(tensor: Tensor, sources: Int32Array, boxes: Float32Array): MaskGrids {
  const inner = boxMasks(tensor, sources);
  const [width, height] = [inner.width + 2, inner.height + 2];
  const regions = boxes.map((edge, k) => {
    const low = k - (k % 4) + (k % 2);
    const cell = (boxes[low + 2]! - boxes[low]!) / (k % 2 === 0 ? inner.width : inner.height);
    return k % 4 < 2 ? edge - cell : edge + cell;
  });
  return { ...inner, width, height, regions, grid: (i) => surround(inner.grid(i), inner) };
}

function surround(grid: Float32Array, { width, height }: Size): Float32Array {
  const result = new Float32Array((width + 2) * (height + 2));
  for (let y = 0; y < height; y++) {
    result.set(grid.subarray(y * width, (y + 1) * width), (y + 1) * (width + 2) + 1);
  }
  return result;
}

/**
 * Masks that lie in the model's input already, […,n,height,width], each as far as it reaches: a head need not keep to its
 * boxes.
 * @param boxes 4n, xyxy: where a mask is empty.
 */
export function inputMasks(tensor: Tensor, sources: Int32Array, boxes: Float32Array): MaskGrids {
  const [height, width] = tensor.dims.slice(-2) as [number, number];
  const area = width * height;
  const threshold = 0.5;
  const grid = (i: number) => {
    const data = tensor.data.subarray(sources[i]! * area, (sources[i]! + 1) * area);
    return toFloats({ ...tensor, dims: [height, width], data } as Tensor);
  };
  const windows = boxes.slice();
  sources.forEach((_, i) => {
    const extent = extentAbove(grid(i), { width, height }, threshold);
    if (extent) windows.set(extent, 4 * i);
  });
  return { width, height, region: 'input', windows, threshold, grid };
}

/** xyxy of the cells above a threshold and of one more around them, between which a finer grid is interpolated. */
function extentAbove(grid: Float32Array, { width, height }: Size, threshold: number): number[] | undefined {
  let [left, top, right, bottom] = [width, height, -1, -1];
  for (let y = 0, at = 0; y < height; y++) {
    for (let x = 0; x < width; x++, at++) {
      if (!(grid[at]! > threshold)) continue;
      if (x < left) left = x;
      if (x > right) right = x;
      if (y < top) top = y;
      bottom = y;
    }
  }
  return bottom < 0 ? undefined : [left - 1, top - 1, right + 2, bottom + 2];
}
