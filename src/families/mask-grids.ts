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

/**
 * The same with a ring of zeros around each grid, so that a mask fades out over half a cell beyond the box's edge as it
 * does where pasting samples zeros outside. @param boxes 4n, xyxy.
 */
export function ringedMasks(masks: MaskGrids, boxes: Float32Array): MaskGrids {
  const { width, height } = masks;
  const regions = boxes.map((edge, k) => {
    const low = k - (k % 4) + (k % 2);
    const cell = (boxes[low + 2]! - boxes[low]!) / (k % 2 === 0 ? width : height);
    return k % 4 < 2 ? edge - cell : edge + cell;
  });
  const grid = (i: number) => {
    const inner = masks.grid(i);
    const outer = new Float32Array((width + 2) * (height + 2));
    for (let y = 0; y < height; y++) {
      outer.set(inner.subarray(y * width, (y + 1) * width), (y + 1) * (width + 2) + 1);
    }
    return outer;
  };
  return { ...masks, width: width + 2, height: height + 2, regions, grid };
}
