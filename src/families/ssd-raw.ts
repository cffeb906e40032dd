import { z } from 'zod';
import { Candidates, type Selection } from '../vision/candidates.ts';
import { countPriors, decodeDelta, priorBoxes } from '../vision/priors.ts';
import { softmax } from '../vision/scores.ts';
import type { Tensors } from '../vision/tensor.ts';
import type { Limits, Size } from '../vision/types.ts';
import { defineFamily } from './define.ts';
import { countOperators, fixedInputSize, imageInputSpec, unexpectedOutputs } from './graph.ts';
import { guessNormalization, normalizationSchema, normalizations } from './normalization.ts';
import { countClasses, findScoredBoxes, readScoredBoxes } from './scored-boxes.ts';
import { knownPriors, ssdNormalizations } from './ssd-priors.ts';

export const priorSchema = z.strictObject({
  /** Priors of each stride, sizes in input pixels. */
  priors: z
    .array(
      z.strictObject({
        stride: z.int().min(1),
        sizes: z.array(z.number().positive()).min(1),
        ratios: z.array(z.number().positive()).optional(),
        even: z.boolean().optional(),
      }),
    )
    .min(1)
    // UltraFace's: vision/ssd/config/fd_config.py.
    .default([
      { stride: 8, sizes: [10, 16, 24], even: true },
      { stride: 16, sizes: [32, 48], even: true },
      { stride: 32, sizes: [64, 96], even: true },
      { stride: 64, sizes: [128, 192, 256], even: true },
    ]),
  /** Multiply the offsets of centre and size. SSD's own are 0.1 and 0.2. */
  centerVariance: z.number().positive().default(0.1),
  sizeVariance: z.number().positive().default(0.2),
});

interface OffsetParams extends z.output<typeof priorSchema> {
  readonly background: boolean;
  readonly logits: boolean;
}

export const ssdRaw = defineFamily({
  task: 'detection',
  title: 'SSD, offsets from priors',
  reference:
    'amdegroot/ssd.pytorch: data/config.py, layers; qfgaohao/pytorch-ssd: vision/ssd/config; arXiv:1512.02325 §2.2',
  params: priorSchema.extend({
    /** Whether the first column of scores is the background. */
    background: z.boolean().default(true),
    /** Whether scores are logits of classes that exclude each other. */
    logits: z.boolean().default(false),
    normalization: z.enum([...normalizationSchema.options, 'vgg', 'mobilenet']).default('symmetric'),
  }),
  defaults: { scoreThreshold: 0.3, iouThreshold: 0.45, maxDetections: 100 },

  recognise(signature) {
    const found = findScoredBoxes(signature.outputs);
    const size = fixedInputSize(signature);
    if (!found || !size || countOperators(signature, 'Exp') > 0) return undefined;
    const logits = countOperators(signature, 'Softmax', 'Sigmoid') === 0;
    const seen = [`boxes and scores of ${found.anchors} anchors`, 'no Exp in the graph: boxes are offsets'];
    const known = knownPriors.filter(({ side, priors }) => {
      return size.width === side && size.height === side && found.anchors === countPriors(size, priors);
    });
    const sure = known.find(({ columns = found.columns }) => columns === found.columns);
    const likely = sure ?? known[0];
    if (likely) {
      const { title, priors, normalization } = likely;
      return {
        // Without its operators the graph does not tell boxes from offsets.
        confidence: sure && Object.keys(signature.operators).length > 0 ? 0.8 : 0.4,
        evidence: [...seen, `as many as ${title} has`],
        params: { priors, logits, normalization },
      };
    }
    const { normalization, evidence } = guessNormalization(signature);
    return {
      // The sizes of the priors are nowhere in the graph.
      confidence: 0.3,
      evidence: [...seen, evidence],
      params: { background: countOperators(signature, 'Softmax') > 0, normalization },
    };
  },

  input: (signature, params) =>
    imageInputSpec(signature, {
      fit: 'stretch',
      defaultSize: { width: 320, height: 320 },
      ...{ ...normalizations, ...ssdNormalizations }[params.normalization],
    }),

  classes: (signature, params) => countClasses(signature, params.background),

  decode: (outputs, { params, input, limits }) => decodeOffsets(outputs, params, input, limits),
});

/**
 * Suppressed boxes from offsets relative to the priors.
 * @throws RangeError where there are not as many as the params describe.
 */
export function decodeOffsets(
  outputs: Tensors,
  { priors: levels, centerVariance, sizeVariance, background, logits }: OffsetParams,
  input: Size,
  limits: Limits,
): Selection {
  const found = readScoredBoxes(outputs, background);
  const priors = priorBoxes(input, levels);
  if (priors.length !== 4 * found.anchors) {
    throw unexpectedOutputs(outputs, `offsets of the ${priors.length / 4} priors that the params describe`);
  }
  const { columns, firstClass } = found;
  const scores = logits ? softmaxRows(found.scores, columns) : found.scores;
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

function softmaxRows(scores: Float32Array, columns: number): Float32Array {
  const result = new Float32Array(scores.length);
  for (let at = 0; at < scores.length; at += columns) result.set(softmax(scores.subarray(at, at + columns)), at);
  return result;
}
