import { defineFamily } from './define.ts';
import { boxMasks } from './mask-grids.ts';
import { selectSuppressed } from './suppressed.ts';
import { readTf, readTfMasks, recogniseTf, tfConvention, tfInput, tfParams } from './tf-graph.ts';

export const tfMask = defineFamily({
  task: 'instance-segmentation',
  title: 'TensorFlow Object Detection API, Mask R-CNN',
  reference:
    'tensorflow/models: research/object_detection/exporter.py; research/object_detection/utils/ops.py, reframe_box_masks_to_image_masks',
  params: tfParams,
  defaults: { scoreThreshold: 0.3, iouThreshold: 0.6, maxDetections: 100 },
  recognise: (signature) => recogniseTf(signature, true),
  input: tfInput,
  classes: (_, { classes }) => classes,

  decode(outputs, { input, limits }) {
    const found = readTf(outputs);
    const masks = readTfMasks(outputs, found.scores.length);
    const selection = selectSuppressed(found, tfConvention(input), limits);
    const grids = boxMasks(masks, selection.sources);
    // crop_and_resize aligns corners: the middles of the first and the last cell lie on the edges of the box, and the
    // middles of the first and the last pixel on the edges of the picture. It is empty past the box.
    const pixels = selection.boxes.map((edge, k) => edge * (1 - 1 / (k % 2 === 0 ? input.width : input.height)));
    const regions = pixels.map((edge, k) => {
      const low = k - (k % 4) + (k % 2);
      const halfCell = (pixels[low + 2]! - pixels[low]!) / ((k % 2 === 0 ? grids.width : grids.height) - 1) / 2;
      return 0.5 + edge + (k % 4 < 2 ? -halfCell : halfCell);
    });
    const windows = pixels.map((edge, k) =>
      k % 4 < 2 ? Math.min(Math.ceil(edge), Math.floor(pixels[k + 2]!)) : Math.floor(edge) + 1,
    );
    return { ...selection, masks: { ...grids, regions, windows } };
  },
});
