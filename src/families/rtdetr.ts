import { z } from 'zod';
import { Candidates } from '../vision/candidates.ts';
import { isFixed, type Signature, type ValueInfo } from '../vision/signature.ts';
import { type Tensors, toFloats } from '../vision/tensor.ts';
import { classCount, countNames, isClass } from './class-numbers.ts';
import { defineFamily } from './define.ts';
import { findImageInput, imageInputSpec, isFloat, isOne, unexpectedOutputs } from './graph.ts';
import { countHeadClasses, hasWeight } from './head-weights.ts';
import { normalizationSchema, normalizations } from './normalization.ts';
import { isVisionTransformer, namedOutputs } from './queries.ts';

/** The input by which these graphs scale their boxes (tools/export_onnx.py). */
const SIZE_INPUT = 'orig_target_sizes';
/** Sums a row of scores for each class (src/zoo/rtdetr/rtdetr_decoder.py, src/zoo/dfine/dfine_decoder.py). */
const SCORE_HEAD = /score_head(\.\d+)?\.bias$/;

export const rtdetr = defineFamily({
  task: 'detection',
  title: 'RT-DETR, D-FINE, DEIM, exported with their post-processing',
  reference:
    'lyuwenyu/RT-DETR: rtdetrv2_pytorch/tools/export_onnx.py, src/zoo/rtdetr/rtdetr_postprocessor.py; Peterande/D-FINE: tools/deployment/export_onnx.py; Intellindust-AI-Lab/DEIMv2: tools/inference/onnx_inf.py',
  params: z.strictObject({ normalization: normalizationSchema.default('unit'), classes: classCount }),
  // D-FINE's tools/inference/onnx_inf.py shows what scores 0.4, RT-DETR's 0.6.
  defaults: { scoreThreshold: 0.5, iouThreshold: 0.7, maxDetections: 300 },

  recognise(signature) {
    if (!findImageInput(signature) || !findRows(signature.outputs)) return undefined;
    const evidence = ['class numbers, boxes and scores of a fixed number of queries'];
    // Without the size nothing tells what boxes are measured in.
    if (!signature.inputs.some(({ name }) => name === SIZE_INPUT)) return { confidence: 0.3, evidence };
    const imagenet = isVisionTransformer(signature) || hasWeight(signature, /dinov3/);
    const pixels = imagenet
      ? 'a vision transformer: DEIMv2, pixels normalised with ImageNet statistics'
      : 'a convolutional backbone: pixels from 0 to 1';
    return {
      confidence: 0.95,
      evidence: [...evidence, `an input named ${SIZE_INPUT}`, pixels],
      params: { normalization: imagenet ? 'imagenet' : 'unit', classes: readClasses(signature) },
    };
  },

  input: (signature, { normalization }) =>
    imageInputSpec(signature, {
      fit: 'stretch',
      defaultSize: { width: 640, height: 640 },
      ...normalizations[normalization],
    }),

  classes: (_signature, { classes }) => classes,

  decode(outputs, { params, limits }) {
    const found = findRows(namedOutputs(outputs));
    if (!found)
      throw unexpectedOutputs(outputs, 'class numbers [1,queries], boxes [1,queries,4] and scores [1,queries]');
    const [labels, boxes, scores] = readRows(outputs, found);
    const candidates = new Candidates(limits);
    for (let i = 0, at = 0; i < scores.length; i++, at += 4) {
      const classId = labels[i]!;
      if (!isClass(classId, params.classes)) continue;
      candidates.add(boxes[at]!, boxes[at + 1]!, boxes[at + 2]!, boxes[at + 3]!, scores[i]!, classId, i);
    }
    return candidates.top();
  },
});

interface Rows {
  readonly labels: string;
  readonly boxes: string;
  readonly scores: string;
}

function findRows(outputs: readonly Pick<ValueInfo, 'name' | 'dtype' | 'dims'>[]): Rows | undefined {
  if (outputs.length !== 3 || !outputs.every(({ dims }) => isOne(dims[0]))) return undefined;
  const labels = outputs.find(({ dtype, dims }) => dims.length === 2 && (dtype === 'int64' || dtype === 'int32'));
  const scores = outputs.find((v) => v.dims.length === 2 && isFloat(v));
  const boxes = outputs.find((v) => v.dims.length === 3 && isFloat(v) && (v.dims[2] === 4 || !isFixed(v.dims[2])));
  if (!labels || !scores || !boxes) return undefined;
  const counts = new Set([labels, scores, boxes].flatMap(({ dims }) => (isFixed(dims[1]) ? dims[1] : [])));
  return counts.size <= 1 ? { labels: labels.name, boxes: boxes.name, scores: scores.name } : undefined;
}

function readRows(outputs: Tensors, { labels, boxes, scores }: Rows) {
  return [toFloats(outputs[labels]!), toFloats(outputs[boxes]!), toFloats(outputs[scores]!)] as const;
}

function readClasses(signature: Signature): number {
  return countNames(signature) || countHeadClasses(signature, [{ scores: SCORE_HEAD }]);
}
