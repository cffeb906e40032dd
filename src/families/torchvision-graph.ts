import { z } from 'zod';
import type { Signature } from '../vision/signature.ts';
import type { Recognition } from './define.ts';
import { countOperators, findImageInput, imageInputSpec } from './graph.ts';
import { countHeadClasses, type Head, hasWeight } from './head-weights.ts';
import { normalizations } from './normalization.ts';
import { findSuppressed, PIXEL_CORNERS, type SuppressedOutputs } from './suppressed.ts';

export const torchvisionParams = z.strictObject({
  /** How a picture is brought to the size of graphs that take only one. torchvision's SSD stretches. */
  fit: z.enum(['stretch', 'top-left']).default('top-left'),
  /** Whether label 0 is the background, as torchvision counts classes. */
  background: z.boolean().default(true),
});

type Params = z.output<typeof torchvisionParams>;

/** As torchvision/models/detection names them. */
const HEADS: readonly Head[] = [
  // faster_rcnn.py.
  { scores: /roi_heads\.box_predictor\.cls_score\.(?:bias|weight)$/ },
  // retinanet.py, fcos.py.
  { scores: /head\.classification_head\.cls_logits\.weight$/, boxes: /head\.regression_head\.bbox_reg\.weight$/ },
  // ssd.py, and ssdlite.py, whose layers are a depthwise and a pointwise convolution.
  {
    scores: /head\.classification_head\.module_list\.0(?:\.1)?\.weight$/,
    boxes: /head\.regression_head\.module_list\.0(?:\.1)?\.weight$/,
  },
];

/** How sure it is that a graph is one of torchvision's detectors; `outputs` tells boxes alone from masks. */
export function recogniseTorchvision(
  signature: Signature,
  expected: (outputs: SuppressedOutputs) => boolean,
): Recognition | undefined {
  const input = findImageInput(signature);
  const outputs = findSuppressed(signature.outputs);
  if (!outputs || outputs.batched || !expected(outputs) || !input || signature.inputs.length > 1) return undefined;
  if (input.dtype === 'uint8' || (input.layout !== 'chw' && input.layout !== 'nchw')) return undefined;
  const seen = 'boxes, scores and integer labels without a batch';
  const classes = countHeadClasses(signature, HEADS);
  if (classes > 1) {
    const stretches = hasWeight(signature, /_head\.module_list\.0/);
    return {
      confidence: 0.95,
      evidence: [seen, `heads named as torchvision names them, for ${classes} classes with the background`],
      params: { fit: stretches ? 'stretch' : 'top-left' },
    };
  }
  // GeneralizedRCNNTransform scales and pads the picture inside the graph; others leave that to the caller.
  const resizes = ['Resize', 'Pad', 'ReduceMin'].every((operator) => countOperators(signature, operator) > 0);
  if (resizes) return { confidence: 0.75, evidence: [seen, 'the graph resizes the picture itself'] };
  return { confidence: 0.4, evidence: [seen] };
}

/** 0 where the graph does not tell. */
export function countTorchvisionClasses(signature: Signature, { background }: Params): number {
  return Math.max(0, countHeadClasses(signature, HEADS) - (background ? 1 : 0));
}

/** The graph scales and normalises by itself; pictures larger than torchvision's largest size only cost memory. */
export function torchvisionInput(signature: Signature, { fit }: Params) {
  return imageInputSpec(signature, {
    fit,
    defaultSize: { width: 800, height: 800 },
    dynamic: { mode: 'scale', longest: 1333, multiple: 1, anchor: 'top-left', enlarge: false },
    ...normalizations.unit,
    // The mean, which is what torchvision pads with.
    pad: 116,
  });
}

export function torchvisionConvention({ background }: Params) {
  return { ...PIXEL_CORNERS, firstLabel: background ? 1 : 0 };
}
