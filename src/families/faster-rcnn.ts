import { z } from 'zod';
import type { Signature } from '../vision/signature.ts';
import { defineFamily, type Recognition } from './define.ts';
import { countOperators, findImageInput, imageInputSpec, unexpectedOutputs } from './graph.ts';
import { countHeadClasses } from './head-weights.ts';
import { normalizations } from './normalization.ts';
import {
  findSuppressed,
  PIXEL_CORNERS,
  readSuppressed,
  type SuppressedOutputs,
  selectSuppressed,
} from './suppressed.ts';

/** maskrcnn_benchmark/modeling/roi_heads/box_head/roi_box_predictors.py. */
const HEADS = [{ scores: /roi_heads\.box\.predictor\.cls_score\.(?:bias|weight)$/ }];

export const benchmarkParams = z.strictObject({
  /** Without the background. */
  classes: z.int().min(1).default(80),
});

export const BENCHMARK_CONVENTION = { ...PIXEL_CORNERS, firstLabel: 1 };

export const fasterRcnn = defineFamily({
  task: 'detection',
  title: 'Faster R-CNN of the ONNX Model Zoo (maskrcnn-benchmark)',
  reference:
    'onnx/models: validated/vision/object_detection_segmentation/faster-rcnn/README.md; facebookresearch/maskrcnn-benchmark',
  params: benchmarkParams,
  defaults: { scoreThreshold: 0.3, iouThreshold: 0.5, maxDetections: 100 },

  recognise: (signature) => recogniseBenchmark(signature, /^(6379|6381|6383)$/, ({ others }) => others.length === 0),
  input: benchmarkInput,
  classes: (_, { classes }) => classes,

  decode(outputs, { limits }) {
    const found = readSuppressed(outputs);
    if (!found) throw unexpectedOutputs(outputs, "Faster R-CNN's boxes [n,4], scores [n] and integer labels [n]");
    return selectSuppressed(found, BENCHMARK_CONVENTION, limits);
  },
});

/** @param zooNames how the zoo's files, whose outputs have numbers for names, call theirs. */
export function recogniseBenchmark(
  signature: Signature,
  zooNames: RegExp,
  expected: (outputs: SuppressedOutputs) => boolean,
): Recognition | undefined {
  const found = findSuppressed(signature.outputs);
  if (!found || found.batched || !expected(found)) return undefined;
  // One picture without a batch, which the graph neither scales nor normalises.
  if (findImageInput(signature)?.layout !== 'chw' || signature.inputs.length > 1) return undefined;
  const seen = 'boxes, scores and integer labels without a batch';
  const columns = countHeadClasses(signature, HEADS);
  const params = columns > 1 ? { classes: columns - 1 } : {};
  if (columns > 1) return { confidence: 0.95, evidence: [seen, 'weights named as maskrcnn-benchmark does'], params };
  if (signature.outputs.every(({ name }) => zooNames.test(name))) {
    return { confidence: 0.95, evidence: [seen, "the outputs' names in the ONNX Model Zoo's files"] };
  }
  if (countOperators(signature, 'RoiAlign') === 0) return undefined;
  return { confidence: 0.45, evidence: [seen, 'RoiAlign in the graph'] };
}

/** Caffe's pixels: BGR less the mean, the shorter side 800 and the longer at most 1333, zeros up to multiples of 32. */
export function benchmarkInput(signature: Signature) {
  return imageInputSpec(signature, {
    fit: 'top-left',
    defaultSize: { width: 800, height: 800 },
    dynamic: { mode: 'scale', shortest: 800, longest: 1333, multiple: 32, anchor: 'top-left', enlarge: true },
    color: 'bgr',
    ...normalizations.caffe,
    pad: 'mean',
  });
}
