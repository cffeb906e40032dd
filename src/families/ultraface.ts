import { z } from 'zod';
import { countPriors } from '../vision/priors.ts';
import { defineFamily } from './define.ts';
import { countOperators, fixedInputSize, imageInputSpec } from './graph.ts';
import { findScoredBoxes, readScoredBoxes } from './scored-boxes.ts';
import { decodeCorners, XYXY } from './ssd.ts';
import { decodeOffsets, priorSchema } from './ssd-raw.ts';

export const ultraface = defineFamily({
  task: 'detection',
  title: 'UltraFace (RFB and slim)',
  reference:
    'Linzaer/Ultra-Light-Fast-Generic-Face-Detector-1MB: vision/ssd/config/fd_config.py, vision/ssd/predictor.py',
  params: priorSchema.extend({
    /** Whether the graph itself turns offsets into boxes. */
    decoded: z.boolean().default(true),
  }),
  defaults: { scoreThreshold: 0.7, iouThreshold: 0.3, maxDetections: 200 },

  recognise(signature) {
    const found = findScoredBoxes(signature.outputs);
    const size = fixedInputSize(signature);
    // Background and face.
    if (!size || found?.columns !== 2) return undefined;
    if (found.anchors !== countPriors(size, priorSchema.parse({}).priors)) return undefined;
    const decoded = countOperators(signature, 'Exp') > 0;
    return {
      // Without its operators the graph does not tell boxes from offsets.
      confidence: Object.keys(signature.operators).length > 0 ? 0.9 : 0.4,
      evidence: [
        `boxes and two scores of ${found.anchors} anchors, as many as UltraFace has`,
        decoded ? 'Exp in the graph: boxes are decoded' : 'no Exp in the graph: boxes are offsets',
      ],
      params: { decoded },
    };
  },

  input: (signature) =>
    imageInputSpec(signature, {
      fit: 'stretch',
      defaultSize: { width: 320, height: 240 },
      mean: [127, 127, 127],
      std: [128, 128, 128],
    }),

  classes: () => ['face'],

  decode: (outputs, { params, input, limits }) =>
    params.decoded
      ? decodeCorners(readScoredBoxes(outputs, true), XYXY, input, limits)
      : decodeOffsets(outputs, { ...params, background: true, logits: false }, input, limits),
});
