import { z } from 'zod';
import { Candidates, type Selection } from '../vision/candidates.ts';
import { decodeDelta, squarePriors } from '../vision/priors.ts';
import type { Tensors } from '../vision/tensor.ts';
import type { Limits, Size } from '../vision/types.ts';
import { defineFamily } from './define.ts';
import { countOperators, fixedInputSize, imageInputSpec, unexpectedOutputs } from './graph.ts';
import { guessNormalization, normalizationSchema, normalizations } from './normalization.ts';
import { countClasses, findScoredBoxes, readScoredBoxes } from './scored-boxes.ts';

export const priorSchema = z.strictObject({
  /** Square priors of each stride, sizes in input pixels. */
  priors: z
    .array(z.strictObject({ stride: z.int().min(1), sizes: z.array(z.number().positive()).min(1) }))
    .min(1)
    // UltraFace's: vision/ssd/config/fd_config.py.
    .default([
      { stride: 8, sizes: [10, 16, 24] },
      { stride: 16, sizes: [32, 48] },
      { stride: 32, sizes: [64, 96] },
      { stride: 64, sizes: [128, 192, 256] },
    ]),
  /** Multiply the offsets of centre and size. SSD's own are 0.1 and 0.2. */
  centerVariance: z.number().positive().default(0.1),
  sizeVariance: z.number().positive().default(0.2),
});

type PriorParams = z.output<typeof priorSchema>;

export const ssdRaw = defineFamily({
  task: 'detection',
  title: 'SSD, offsets from square priors',
  reference: 'arXiv:1512.02325 §2.2; weiliu89/caffe: src/caffe/layers/prior_box_layer.cpp',
  checked: 'reading',
  params: priorSchema.extend({
    /** Whether the first column of scores is the background. */
    background: z.boolean().default(true),
    normalization: normalizationSchema.default('symmetric'),
  }),
  defaults: { scoreThreshold: 0.3, iouThreshold: 0.45, maxDetections: 100 },

  recognise(signature) {
    const found = findScoredBoxes(signature.outputs);
    if (!found || !fixedInputSize(signature) || countOperators(signature, 'Exp') > 0) return undefined;
    const { normalization, evidence } = guessNormalization(signature);
    return {
      // The sizes of the priors are nowhere in the graph.
      confidence: 0.3,
      evidence: [`boxes and scores of ${found.anchors} anchors`, 'no Exp in the graph: boxes are offsets', evidence],
      params: { background: countOperators(signature, 'Softmax') > 0, normalization },
    };
  },

  input: (signature, params) =>
    imageInputSpec(signature, {
      fit: 'stretch',
      defaultSize: { width: 320, height: 320 },
      ...normalizations[params.normalization],
    }),

  classes: (signature, params) => countClasses(signature, params.background),

  decode: (outputs, { params, input, limits }) => decodeOffsets(outputs, params.background, params, input, limits),
});

/**
 * Suppressed boxes from offsets relative to the priors.
 * @throws RangeError where there are not as many as the params describe.
 */
export function decodeOffsets(
  outputs: Tensors,
  background: boolean,
  { priors: levels, centerVariance, sizeVariance }: PriorParams,
  input: Size,
  limits: Limits,
): Selection {
  const found = readScoredBoxes(outputs, background);
  const priors = squarePriors(input, levels);
  if (priors.length !== 4 * found.anchors) {
    throw unexpectedOutputs(outputs, `offsets of the ${priors.length / 4} priors that the params describe`);
  }
  const { scores, columns, firstClass } = found;
  const candidates = new Candidates(limits);
  const box = new Float64Array(4);
  for (let i = 0; i < found.anchors; i++) {
    for (let column = firstClass; column < columns; column++) {
      const score = scores[i * columns + column]!;
      if (!candidates.wants(score)) continue;
      decodeDelta(priors, found.boxes, i, centerVariance, sizeVariance, box);
      candidates.add(box[0]!, box[1]!, box[2]!, box[3]!, score, column - firstClass, i);
    }
  }
  return candidates.suppress();
}
