import { z } from 'zod';
import { Candidates, type Selection } from '../vision/candidates.ts';
import { isFixed, type Probe, type Signature, type ValueInfo } from '../vision/signature.ts';
import { type Tensor, type Tensors, toFloats } from '../vision/tensor.ts';
import type { Limits } from '../vision/types.ts';
import { classCount, countNames, isClass } from './class-numbers.ts';
import { defineFamily, type Recognition } from './define.ts';
import { countOperators, findImageInput, isFloat, soleOutput, unexpectedOutputs } from './graph.ts';
import { normalizations } from './normalization.ts';
import { findSuppressed } from './suppressed.ts';
import { yoloInput } from './ultralytics.ts';

/** Picture, xmin, ymin, xmax, ymax, then score and class in either order. */
const COLUMNS = 7;
type Order = 'score-class' | 'class-score';

export const yoloNms = defineFamily({
  task: 'detection',
  title: 'YOLO-NAS, YOLOv6, YOLOv7 and others, suppression in the graph',
  reference:
    'Deci-AI/super-gradients: src/super_gradients/conversion/onnx/nms.py; WongKinYiu/yolov7: models/experimental.py (ONNX_ORT); meituan/YOLOv6: yolov6/models/end2end.py (ONNX_ORT)',
  params: z.strictObject({
    /** How a row of seven ends: `score-class` (YOLO-NAS) or `class-score` (YOLOv7). */
    order: z.enum(['score-class', 'class-score']).default('score-class'),
    /** `none` where the graph divides by 255 itself. */
    normalization: z.enum(['none', 'unit']).default('unit'),
    classes: classCount,
  }),
  defaults: { scoreThreshold: 0.25, iouThreshold: 0.45, maxDetections: 300 },

  recognise(signature, probe): Recognition | undefined {
    const input = findImageInput(signature);
    if (!input) return undefined;
    const params = { normalization: input.dtype === 'uint8' ? 'none' : 'unit', classes: countNames(signature) };
    if (findLists(signature.outputs)) {
      // TensorFlow's detectors have such outputs too, and boxes of another order: names tell.
      const names = signature.outputs.map(({ name }) => name).join(' ');
      const isNamed = /num_(dets|predictions)/.test(names) && /(det|pred)_boxes/.test(names);
      return {
        confidence: isNamed ? 0.9 : 0.4,
        evidence: ['lists of boxes, scores and classes, and their number'],
        params,
      };
    }
    const output = soleOutput(signature);
    if (!output || !isRows(output)) return undefined;
    const evidence = [`rows of ${COLUMNS}: picture, box, score and class`];
    const order = readOrder(signature, output, probe);
    if (!order) return output.dims[1] === COLUMNS ? { confidence: 0.4, evidence, params } : undefined;
    return { confidence: 0.85, evidence: [...evidence, order.evidence], params: { ...params, order: order.order } };
  },

  input: (signature, { normalization }) => ({ ...yoloInput(signature), ...normalizations[normalization] }),

  classes: (_signature, { classes }) => classes,

  decode(outputs, { params, limits }) {
    const lists = findLists(Object.entries(outputs).map(([name, { dtype, dims }]) => ({ name, dtype, dims })));
    if (lists) return readLists(outputs, lists, params.classes, limits);
    const rows = Object.values(outputs).find(({ dims }) => dims.length === 2 && dims[1] === COLUMNS);
    if (!rows) {
      throw unexpectedOutputs(outputs, `rows [n,${COLUMNS}], or boxes [1,n,4], scores, classes and their number`);
    }
    return readRows(rows, params.order, params.classes, limits);
  },
});

interface Lists {
  readonly count: string;
  readonly boxes: string;
  readonly scores: string;
  readonly labels: string;
}

/** A whole number, and boxes [1,n,4], scores [1,n] and whole numbers [1,n]. */
function findLists(values: readonly ValueInfo[]): Lists | undefined {
  if (values.length !== 4) return undefined;
  const whole = values.filter(({ dtype, dims }) => /^int(32|64)$/.test(dtype) && dims.length <= 2);
  const isCount = ({ name, dims }: ValueInfo) => /(^|_)num_/.test(name) || dims.length < 2;
  const count = whole.find(isCount) ?? whole.find(({ dims }) => dims[1] === 1);
  const found = count && findSuppressed(values.filter((value) => value !== count));
  if (!count || !found?.batched || found.others.length > 0) return undefined;
  return { count: count.name, boxes: found.boxes, scores: found.scores, labels: found.labels };
}

function readLists(outputs: Tensors, found: Lists, classes: number, limits: Limits): Selection {
  const [boxes, scores, labels] = [found.boxes, found.scores, found.labels].map((name) => toFloats(outputs[name]!));
  const count = outputs[found.count]!.data;
  const n = Math.min(scores!.length, boxes!.length / 4, labels!.length, count.length ? Number(count[0]) : 0);
  const candidates = new Candidates(limits);
  for (let i = 0, at = 0; i < n; i++, at += 4) {
    // −1 fills the rest.
    if (!isClass(labels![i]!, classes)) continue;
    candidates.add(boxes![at]!, boxes![at + 1]!, boxes![at + 2]!, boxes![at + 3]!, scores![i]!, labels![i]!, i);
  }
  return candidates.top();
}

function readRows(rows: Tensor, order: Order, classes: number, limits: Limits): Selection {
  const data = toFloats(rows);
  const [scoreColumn, classColumn] = order === 'score-class' ? [5, 6] : [6, 5];
  const candidates = new Candidates(limits);
  for (let i = 0, at = 0; at < data.length; i++, at += COLUMNS) {
    const classId = data[at + classColumn]!;
    // Rows of other pictures of the batch follow.
    if (data[at] !== 0 || !isClass(classId, classes)) continue;
    candidates.add(data[at + 1]!, data[at + 2]!, data[at + 3]!, data[at + 4]!, data[at + scoreColumn]!, classId, i);
  }
  return candidates.top();
}

function isRows(value: ValueInfo): boolean {
  const [, columns] = value.dims;
  return isFloat(value) && value.dims.length === 2 && (columns === COLUMNS || !isFixed(columns));
}

/** Which of the last two columns is the class: the numbers tell, else the name that super-gradients gives. */
function readOrder(
  signature: Signature,
  { name, dims }: ValueInfo,
  probe: Probe | undefined,
): { readonly order: Order; readonly evidence: string } | undefined {
  if (dims[1] !== COLUMNS) return undefined;
  const seen = probe?.outputs[name];
  const data = seen ? toFloats(seen) : new Float32Array();
  const isWhole = (column: number) => data.every((value, i) => i % COLUMNS !== column || Number.isInteger(value));
  const [fifth, sixth] = [isWhole(5), isWhole(6)];
  if (data.length > 0 && (!isWhole(0) || fifth === sixth)) return undefined;
  if (data.length > 0) {
    return fifth
      ? { order: 'class-score', evidence: 'whole numbers before the last column' }
      : { order: 'score-class', evidence: 'whole numbers in the last column' };
  }
  if (countOperators(signature, 'NonMaxSuppression') !== 1) return undefined;
  if (/flat_predictions/.test(name))
    return { order: 'score-class', evidence: "named as super-gradients' exporter does" };
  // YOLOv7 turns centres into corners with a matrix and takes the best class of each box before it suppresses.
  const best = countOperators(signature, 'ReduceMax', 'ArgMax', 'TopK') > 0;
  if (best && countOperators(signature, 'MatMul') > 0) {
    return { order: 'class-score', evidence: 'corners by a matrix, one class for each box: YOLOv7' };
  }
  return undefined;
}
