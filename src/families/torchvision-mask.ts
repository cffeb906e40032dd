import { toFloats } from '../vision/tensor.ts';
import { defineFamily } from './define.ts';
import { unexpectedOutputs } from './graph.ts';
import { readSuppressed, type SuppressedOutputs, selectSuppressed } from './suppressed.ts';
import {
  countTorchvisionClasses,
  recogniseTorchvision,
  torchvisionConvention,
  torchvisionInput,
  torchvisionParams,
} from './torchvision-graph.ts';

export const torchvisionMask = defineFamily({
  task: 'instance-segmentation',
  title: 'torchvision Mask R-CNN',
  reference: 'pytorch/vision: torchvision/models/detection/mask_rcnn.py, roi_heads.py',
  params: torchvisionParams,
  defaults: { scoreThreshold: 0.3, iouThreshold: 0.5, maxDetections: 100 },

  recognise: (signature) => recogniseTorchvision(signature, ({ others }) => isMasks(others)),
  input: torchvisionInput,
  classes: countTorchvisionClasses,

  decode(outputs, { params, input, limits }) {
    const found = readSuppressed(outputs);
    if (!found || !isMasks(found.others)) throw expectation();
    const masks = outputs[found.others[0]!.name]!;
    const [n, , height, width] = masks.dims as [number, number, number, number];
    if (n !== found.scores.length || height !== input.height || width !== input.width) throw expectation();
    const selection = selectSuppressed(found, torchvisionConvention(params), limits);
    const scores = toFloats(masks);
    const area = width * height;
    return {
      ...selection,
      masks: {
        width,
        height,
        region: 'input',
        windows: selection.boxes.map(
          (edge, k) => edge + (k % 4 < 2 ? -reach(selection.boxes, k) : reach(selection.boxes, k)),
        ),
        threshold: 0.5,
        grid: (i) => scores.subarray(selection.sources[i]! * area, (selection.sources[i]! + 1) * area),
      },
    };

    function expectation(): RangeError {
      const size = `${input.height},${input.width}`;
      return unexpectedOutputs(
        outputs,
        `torchvision's boxes [n,4], scores [n], integer labels [n], masks [n,1,${size}]`,
      );
    }
  },
});

/**
 * How far a mask may reach past its box: roi_heads.py pastes grids of 28 cells with one more around them, on whole pixels.
 * @param k index of an edge.
 */
function reach(boxes: Float32Array, k: number): number {
  const low = k - (k % 4) + (k % 2);
  return (boxes[low + 2]! - boxes[low]!) / 28 + 1;
}

/** One for each box, in its place in the picture. */
function isMasks(others: SuppressedOutputs['others']): boolean {
  const [masks] = others;
  return others.length === 1 && masks?.dims.length === 4 && masks.dims[1] === 1;
}
