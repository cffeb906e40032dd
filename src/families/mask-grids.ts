import { type Tensor, toFloats } from '../vision/tensor.ts';
import type { MaskGrids } from '../vision/types.ts';

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
