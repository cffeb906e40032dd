import { z } from 'zod';
import { Candidates, type Selection } from '../vision/candidates.ts';
import type { Limits, Size } from '../vision/types.ts';
import { defineFamily } from './define.ts';
import { countOperators, fixedInputSize, imageInputSpec } from './graph.ts';
import { guessNormalization, normalizationSchema, normalizations } from './normalization.ts';
import { countClasses, findScoredBoxes, readScoredBoxes, type ScoredBoxes } from './scored-boxes.ts';

/** Anchors of the TensorFlow Object Detection API's MobileNet SSDs of 300 pixels, and classes of its COCO label map. */
const TENSORFLOW_ANCHORS = 1917;
const TENSORFLOW_CLASSES = [90, 91];

export const ssd = defineFamily({
  task: 'detection',
  title: 'SSD, boxes decoded, suppression outside the graph',
  reference: 'tensorflow/models: research/object_detection/exporter.py; qfgaohao/pytorch-ssd: vision/ssd/predictor.py',
  params: z.strictObject({
    boxOrder: z.enum(['xyxy', 'yxyx']).default('xyxy'),
    /** Boxes in 0–1 of the input, or in its pixels. */
    boxUnits: z.enum(['normalized', 'pixels']).default('normalized'),
    /** Whether the first column of scores is the background. */
    background: z.boolean().default(true),
    normalization: normalizationSchema.default('symmetric'),
  }),
  // The Object Detection API's pipeline configurations of SSD.
  defaults: { scoreThreshold: 0.3, iouThreshold: 0.6, maxDetections: 100 },

  recognise(signature) {
    const found = findScoredBoxes(signature.outputs);
    const size = fixedInputSize(signature);
    if (!found || !size) return undefined;
    const { normalization, evidence } = guessNormalization(signature);
    const seen = [`boxes and scores of ${found.anchors} anchors`, evidence];
    // Decoding takes an exponential of width and height; without one these are offsets.
    if (countOperators(signature, 'Exp') === 0) return undefined;
    const background = countOperators(signature, 'Softmax') > 0 || found.columns === 91;
    if (found.anchors === TENSORFLOW_ANCHORS && TENSORFLOW_CLASSES.includes(found.columns)) {
      return {
        confidence: 0.6,
        evidence: [...seen, "TensorFlow's anchors and label map: boxes are ymin, xmin, ymax, xmax"],
        params: { boxOrder: 'yxyx', background, normalization },
      };
    }
    // Nothing in a graph tells the order of the coordinates.
    return { confidence: 0.4, evidence: seen, params: { background, normalization } };
  },

  input: (signature, params) =>
    imageInputSpec(signature, {
      fit: 'stretch',
      defaultSize: { width: 300, height: 300 },
      ...normalizations[params.normalization],
    }),

  classes: (signature, params) => countClasses(signature, params.background),

  decode(outputs, { params, input, limits }) {
    const units = params.boxUnits === 'pixels' ? { width: 1, height: 1 } : input;
    const order = params.boxOrder === 'xyxy' ? XYXY : YXYX;
    return decodeCorners(readScoredBoxes(outputs, params.background), order, units, limits);
  },
});

/** Where xmin, ymin, xmax, ymax stand in a row. */
type BoxOrder = readonly [number, number, number, number];
export const XYXY: BoxOrder = [0, 1, 2, 3];
export const YXYX: BoxOrder = [1, 0, 3, 2];

/** Suppressed boxes from corners in units of `units` input pixels. */
export function decodeCorners(
  found: ScoredBoxes,
  [xmin, ymin, xmax, ymax]: BoxOrder,
  { width, height }: Size,
  limits: Limits,
): Selection {
  const { boxes, scores, columns, firstClass } = found;
  const candidates = new Candidates(limits);
  // An anchor may propose a box for several classes: SSD suppresses each class for itself.
  for (let i = 0; i < found.anchors; i++) {
    for (let column = firstClass; column < columns; column++) {
      const score = scores[i * columns + column]!;
      if (!candidates.wants(score)) continue;
      const at = 4 * i;
      const [left, right] = [boxes[at + xmin]! * width, boxes[at + xmax]! * width];
      const [top, bottom] = [boxes[at + ymin]! * height, boxes[at + ymax]! * height];
      candidates.add(left, top, right, bottom, score, column - firstClass, i);
    }
  }
  return candidates.suppress();
}
