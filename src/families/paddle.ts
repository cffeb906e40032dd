import { z } from 'zod';
import { Candidates, type Selection } from '../vision/candidates.ts';
import { isFixed, type Signature, type ValueInfo } from '../vision/signature.ts';
import { type Tensors, toFloats } from '../vision/tensor.ts';
import type { Limits } from '../vision/types.ts';
import { findCellBoxes, selectCellBoxes, valuesOf } from './cell-boxes.ts';
import { classCount, countNames, isClass } from './class-numbers.ts';
import { defineFamily } from './define.ts';
import { countOperators, findImageInput, fixedInputSize, imageInputSpec, isFloat, unexpectedOutputs } from './graph.ts';
import { type Normalization, normalizationSchema, normalizations } from './normalization.ts';

/** Class, score, xmin, ymin, xmax, ymax. */
const COLUMNS = 6;

export const paddle = defineFamily({
  task: 'detection',
  title: 'PP-YOLOE, PicoDet and other detectors of PaddleDetection, suppression in the graph or not',
  reference:
    'PaddlePaddle/PaddleDetection: deploy/third_engine/onnx/infer.py, preprocess.py; ppdet/modeling/heads/ppyoloe_head.py (exclude_nms); configs/*/_base_/*_reader.yml',
  params: z.strictObject({ normalization: normalizationSchema.default('imagenet'), classes: classCount }),
  // draw_threshold of the exported infer_cfg.yml.
  defaults: { scoreThreshold: 0.5, iouThreshold: 0.7, maxDetections: 300 },

  recognise(signature, probe) {
    if (!signature.inputs.some(({ name }) => name === 'scale_factor') || signature.outputs.length !== 2)
      return undefined;
    const size = fixedInputSize(signature, probe);
    const cells = size && findCellBoxes(signature.outputs, size);
    if (!cells?.classesFirst && !signature.outputs.some(isRows)) return undefined;
    const outputs = cells
      ? `boxes and scores of ${cells.cells} cells at strides ${cells.strides.join(', ')}`
      : `rows of ${COLUMNS}: class, score, box`;
    const { normalization, evidence } = readNormalization(signature);
    return {
      confidence: normalization ? 0.9 : 0.45,
      evidence: ['an input named scale_factor', outputs, evidence],
      params: { ...(normalization && { normalization }), classes: cells?.classes ?? countNames(signature) },
    };
  },

  // Resize with interp: 2, keep_ratio: False.
  input: (signature, { normalization }) =>
    imageInputSpec(signature, {
      fit: 'stretch',
      defaultSize: { width: 640, height: 640 },
      interpolation: 'cubic',
      ...normalizations[normalization],
    }),

  classes(signature, { classes }) {
    const size = fixedInputSize(signature);
    return (size && findCellBoxes(signature.outputs, size)?.classes) ?? classes;
  },

  decode(outputs, { params, input, limits }) {
    const cells = findCellBoxes(valuesOf(outputs), input);
    return cells?.classesFirst ? selectCellBoxes(cells, outputs, limits) : readRows(outputs, params.classes, limits);
  },
});

/** What the graph's own suppression left. */
function readRows(outputs: Tensors, classes: number, limits: Limits): Selection {
  const output = Object.entries(outputs).find(([name, { dtype, dims }]) => isRows({ name, dtype, dims }))?.[1];
  if (!output) {
    throw unexpectedOutputs(
      outputs,
      `rows [n,${COLUMNS}] of class, score and box, or boxes [1,cells,4] and scores [1,classes,cells]`,
    );
  }
  const data = toFloats(output);
  const candidates = new Candidates(limits);
  // The rows of a batch follow each other; the other output counts each picture's.
  const counts = Object.values(outputs).find(({ dtype }) => dtype === 'int32' || dtype === 'int64');
  const rows = Math.min(output.dims[0]!, counts?.data.length ? Number(counts.data[0]) : Number.POSITIVE_INFINITY);
  for (let row = 0, at = 0; row < rows; row++, at += COLUMNS) {
    // −1 where there is none.
    const classId = data[at]!;
    if (!isClass(classId, classes)) continue;
    candidates.add(data[at + 2]!, data[at + 3]!, data[at + 4]!, data[at + 5]!, data[at + 1]!, classId, row);
  }
  return candidates.top();
}

function isRows(value: ValueInfo): boolean {
  const columns = value.dims.at(-1);
  return isFloat(value) && value.dims.length === 2 && (columns === COLUMNS || !isFixed(columns));
}

/** After the readers of configs/, as far as operators tell the detectors apart. */
function readNormalization(signature: Signature): { normalization?: Normalization; evidence: string } {
  if (countOperators(signature, 'GridSample') > 0 && findImageInput(signature)?.width) {
    return {
      normalization: 'unit',
      evidence: 'deformable attention, pictures of one size: RT-DETR, pixels from 0 to 1',
    };
  }
  if (countOperators(signature, 'HardSwish') > 0) {
    return { normalization: 'imagenet', evidence: 'hard swish: PicoDet, ImageNet statistics' };
  }
  const evidence =
    'no graph tells whether pixels go from 0 to 1 (PP-YOLOE+: params.normalization unit) or are normalised with ' +
    'ImageNet statistics (PP-YOLOE: imagenet)';
  return { evidence };
}
