import { z } from 'zod';
import type { Signature } from '../vision/signature.ts';
import type { Recognition } from './define.ts';
import { countOperators, findImageInput, imageInputSpec } from './graph.ts';
import { normalizations } from './normalization.ts';
import { findSuppressed, PIXEL_CORNERS, type SuppressedOutputs } from './suppressed.ts';

export const torchvisionParams = z.strictObject({
  /** How a picture is brought to the size of graphs that take only one. torchvision's SSD stretches. */
  fit: z.enum(['stretch', 'top-left']).default('top-left'),
  /** Whether label 0 is the background, as torchvision counts classes. */
  background: z.boolean().default(true),
});

type Params = z.output<typeof torchvisionParams>;

/** The layers that give scores and boxes, as torchvision/models/detection names them. */
const HEADS = [
  // faster_rcnn.py: as many rows as classes.
  { scores: /roi_heads\.box_predictor\.cls_score\.(?:bias|weight)$/, boxes: undefined },
  // retinanet.py, fcos.py: the same number of anchors in both.
  {
    scores: /head\.classification_head\.cls_logits\.weight$/,
    boxes: /head\.regression_head\.bbox_reg\.weight$/,
  },
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
  const classes = countClasses(signature);
  if (classes > 0) {
    const stretches = Object.keys(signature.weights ?? {}).some((name) => /_head\.module_list\.0/.test(name));
    return {
      confidence: 0.95,
      evidence: [seen, `heads named as torchvision names them, for ${classes} classes with the background`],
      params: { fit: stretches ? 'stretch' : 'top-left' },
    };
  }
  // GeneralizedRCNNTransform brings the picture to its size inside the graph; others leave that to the caller.
  const resizes = countOperators(signature, 'Resize') > 0 && countOperators(signature, 'ReduceMin') > 0;
  if (resizes) return { confidence: 0.75, evidence: [seen, 'the graph resizes the picture itself'] };
  return { confidence: 0.4, evidence: [seen] };
}

/** 0 where the graph does not tell. */
export function countTorchvisionClasses(signature: Signature, { background }: Params): number {
  return Math.max(0, countClasses(signature) - (background ? 1 : 0));
}

function countClasses({ weights = {} }: Signature): number {
  for (const head of HEADS) {
    const rows = rowsOf(weights, head.scores);
    const boxRows = head.boxes ? rowsOf(weights, head.boxes) : 4;
    const columns = rows && boxRows ? (4 * rows) / boxRows : 0;
    if (Number.isInteger(columns) && columns > 1) return columns;
  }
  return 0;
}

function rowsOf(weights: Readonly<Record<string, readonly number[]>>, name: RegExp): number | undefined {
  return Object.entries(weights).find(([key]) => name.test(key))?.[1][0];
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
