import { z } from 'zod';
import { defineFamily } from './define.ts';
import { findImageInput, imageInputSpec, unexpectedOutputs } from './graph.ts';
import { guessNormalization, normalizationSchema, normalizations } from './normalization.ts';
import { findSuppressed, PIXEL_CORNERS, readSuppressed, selectSuppressed } from './suppressed.ts';

export const ssdNms = defineFamily({
  task: 'detection',
  title: 'SSD, suppression in the graph (ONNX Model Zoo, MLPerf)',
  reference:
    'onnx/models: validated/vision/object_detection_segmentation/ssd/README.md; mlcommons/inference: vision/classification_and_detection/python/coco.py',
  checked: 'reading',
  params: z.strictObject({
    /** Boxes in 0–1 of the input, or in its pixels. */
    boxUnits: z.enum(['normalized', 'pixels']).default('normalized'),
    /** Without the background. */
    classes: z.int().min(1).default(80),
    normalization: normalizationSchema.default('imagenet'),
  }),
  defaults: { scoreThreshold: 0.3, iouThreshold: 0.5, maxDetections: 100 },

  recognise(signature) {
    const found = findSuppressed(signature.outputs);
    if (!found?.batched || found.others.length > 0 || signature.inputs.length > 1) return undefined;
    if (!findImageInput(signature)) return undefined;
    const { normalization, evidence } = guessNormalization(signature);
    const seen = ['boxes, scores and integer labels', evidence];
    // Nothing else in a graph tells the units of the boxes, nor what the labels begin with.
    if (found.boxes !== 'bboxes') return { confidence: 0.4, evidence: seen, params: { normalization } };
    return {
      confidence: 0.85,
      evidence: [...seen, "an output bboxes, as MLPerf's SSDs have"],
      params: { normalization },
    };
  },

  input: (signature, { normalization }) =>
    imageInputSpec(signature, {
      fit: 'stretch',
      defaultSize: { width: 1200, height: 1200 },
      ...normalizations[normalization],
    }),

  classes: (_, { classes }) => classes,

  decode(outputs, { params, input, limits }) {
    const found = readSuppressed(outputs);
    if (!found) throw unexpectedOutputs(outputs, "SSD's boxes [1,n,4], scores [1,n] and integer labels [1,n]");
    const unit = params.boxUnits === 'pixels' ? { width: 1, height: 1 } : input;
    const convention = { ...PIXEL_CORNERS, unitX: unit.width, unitY: unit.height, firstLabel: 1 };
    return selectSuppressed(found, convention, limits);
  },
});
