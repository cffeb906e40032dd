import { defineFamily } from './define.ts';
import { BENCHMARK_CONVENTION, benchmarkInput, benchmarkParams, recogniseBenchmark } from './faster-rcnn.ts';
import { unexpectedOutputs } from './graph.ts';
import { fadingBoxMasks } from './mask-grids.ts';
import { readSuppressed, type SuppressedOutputs, selectSuppressed } from './suppressed.ts';

export const maskRcnn = defineFamily({
  task: 'instance-segmentation',
  title: 'Mask R-CNN of the ONNX Model Zoo (maskrcnn-benchmark)',
  reference:
    'onnx/models: validated/vision/object_detection_segmentation/mask-rcnn/README.md; facebookresearch/maskrcnn-benchmark: modeling/roi_heads/mask_head/inference.py',
  params: benchmarkParams,
  defaults: { scoreThreshold: 0.3, iouThreshold: 0.5, maxDetections: 100 },

  recognise: (signature) => recogniseBenchmark(signature, /^(6568|6570|6572|6887)$/, ({ others }) => isMasks(others)),
  input: benchmarkInput,
  classes: (_, { classes }) => classes,

  decode(outputs, { limits }) {
    const found = readSuppressed(outputs);
    const grids = found && isMasks(found.others) ? outputs[found.others[0]!.name]! : undefined;
    if (!found || grids?.dims[0] !== found.scores.length) {
      throw unexpectedOutputs(
        outputs,
        "Mask R-CNN's boxes [n,4], scores [n], integer labels [n] and masks [n,1,28,28]",
      );
    }
    const selection = selectSuppressed(found, BENCHMARK_CONVENTION, limits);
    const masks = fadingBoxMasks(grids, selection.sources, selection.boxes);
    // Masker stretches a grid with its border of zeros over whole pixels, from the first that it touches to the last.
    const regions = masks.regions!.map((edge, k) => Math.trunc(edge) + (k % 4 < 2 ? 0 : 1));
    return { ...selection, masks: { ...masks, regions, windows: regions } };
  },
});

/** A square grid for each box. */
function isMasks(others: SuppressedOutputs['others']): boolean {
  const [masks] = others;
  if (others.length !== 1 || masks?.dims.length !== 4) return false;
  const [, channels, height, width] = masks.dims;
  return channels === 1 && typeof width === 'number' && width > 1 && height === width;
}
