import { z } from 'zod';
import { logit } from '../vision/scores.ts';
import { isFixed, type ValueInfo } from '../vision/signature.ts';
import { toFloats } from '../vision/tensor.ts';
import { defineFamily } from './define.ts';
import {
  countOperators,
  fixedInputSize,
  imageInputSpec,
  isFloat,
  isOne,
  soleOutput,
  unexpectedOutputs,
} from './graph.ts';
import { normalizationSchema, normalizations } from './normalization.ts';

export const binaryMask = defineFamily({
  task: 'semantic-segmentation',
  title: 'One mask: foreground or background',
  reference: 'google-ai-edge/mediapipe: mediapipe/modules/selfie_segmentation; milesial/Pytorch-UNet: predict.py',
  params: z.strictObject({
    /** Whether the map holds logits. */
    logits: z.boolean().default(false),
    /** Least probability of the foreground. */
    threshold: z.number().gt(0).lt(1).default(0.5),
    /** Name of the class that the map scores. */
    foreground: z.string().min(1).default('foreground'),
    normalization: normalizationSchema.default('unit'),
  }),
  defaults: { scoreThreshold: 0, iouThreshold: 1, maxDetections: 1 },

  recognise(signature) {
    const output = soleOutput(signature);
    const size = fixedInputSize(signature);
    if (!size || !output || !isOneChannel(output)) return undefined;
    const [, a, b, c] = output.dims;
    const [height, width] = a === 1 ? [b, c] : [a, b];
    if (!isFixed(height) || !isFixed(width)) return undefined;
    const evidence = [`one map of one channel, ${width}×${height}`];
    // Depth and other regressions have this shape too, and end without a sigmoid.
    if (countOperators(signature, 'Sigmoid') === 0) return { confidence: 0.4, evidence, params: { logits: true } };
    return { confidence: 0.6, evidence: [...evidence, 'Sigmoid in the graph'] };
  },

  input: (signature, { normalization }) =>
    imageInputSpec(signature, {
      fit: 'stretch',
      defaultSize: { width: 256, height: 256 },
      ...normalizations[normalization],
    }),

  classes: (_signature, { foreground }) => ['background', foreground],

  decode(outputs, { params }) {
    const output = Object.values(outputs).find(isOneChannel);
    if (!output) throw unexpectedOutputs(outputs, 'a mask [1,1,H,W] or [1,H,W,1]');
    const [, a, b, c] = output.dims as [number, number, number, number];
    const [height, width] = a === 1 ? [b, c] : [a, b];
    return {
      kind: 'binary',
      width,
      height,
      data: toFloats(output).subarray(0, width * height),
      threshold: params.logits ? logit(params.threshold) : params.threshold,
    };
  },
});

function isOneChannel(value: Pick<ValueInfo, 'dtype' | 'dims'>): boolean {
  const { dims } = value;
  return isFloat(value) && dims.length === 4 && isOne(dims[0]) && (dims[1] === 1 || dims[3] === 1);
}
