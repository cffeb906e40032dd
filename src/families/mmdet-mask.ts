import { defineFamily } from './define.ts';
import { fadingBoxMasks, inputMasks } from './mask-grids.ts';
import { MMDET_CONVENTION, mmdetInput, mmdetParams, readMmdet, recogniseMmdet } from './mmdet-graph.ts';
import { selectSuppressed } from './suppressed.ts';

export const mmdetMask = defineFamily({
  task: 'instance-segmentation',
  title: 'MMDetection’s Mask R-CNN, RTMDet-Ins and others, exported by MMDeploy',
  reference:
    'open-mmlab/mmdeploy: mmdeploy/codebase/mmdet/deploy/object_detection_model.py, mmdeploy/codebase/mmdet/models/roi_heads/fcn_mask_head.py',
  params: mmdetParams,
  defaults: { scoreThreshold: 0.3, iouThreshold: 0.5, maxDetections: 100 },
  recognise: (signature) => recogniseMmdet(signature, true),
  input: mmdetInput,
  classes: (_, { classes }) => classes,

  decode(outputs, { input, limits }) {
    const { masks, ...found } = readMmdet(outputs, true);
    const selection = selectSuppressed(found, MMDET_CONVENTION, limits);
    const { boxes, sources } = selection;
    const [height, width] = masks!.dims.slice(-2);
    // Pasted by the graph with `export_postprocess_mask`, and by heads of whole masks, as RTMDet-Ins has them.
    const pasted = width === input.width && height === input.height;
    return {
      ...selection,
      masks: pasted ? inputMasks(masks!, sources, boxes) : fadingBoxMasks(masks!, sources, boxes),
    };
  },
});
