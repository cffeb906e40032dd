import { z } from 'zod';
import { Candidates, type Selection } from '../vision/candidates.ts';
import { RotatedCandidates } from '../vision/rotated-candidates.ts';
import { columnMaxima } from '../vision/scores.ts';
import { isFixed, type Probe, type Signature, type ValueInfo } from '../vision/signature.ts';
import { toFloats } from '../vision/tensor.ts';
import type { Detections, Limits } from '../vision/types.ts';
import { countNames } from './class-numbers.ts';
import { defineFamily, type Recognition } from './define.ts';
import { countOperators, fixedInputSize, isFloat, isOne, unexpectedOutputs } from './graph.ts';
import {
  countExtras,
  type Extras,
  extrasShape,
  readKeypoints,
  readMetadata,
  stridesOf,
  yoloInput,
} from './ultralytics.ts';

/** cx, cy, w, h, before the classes. */
const BOX_ROWS = 4;
const TASKS = ['detect', 'pose', 'obb'];

export const yolov8 = defineFamily({
  task: 'detection',
  title: 'YOLOv8, v9, 11, 12: boxes, poses, oriented boxes',
  reference: 'ultralytics/ultralytics: ultralytics/nn/modules/head.py, ultralytics/utils/nms.py',
  params: z.strictObject({
    ...extrasShape,
    /** The output to read, where the graph has several of this shape; absent: the last. */
    output: z.string().optional(),
  }),
  defaults: { scoreThreshold: 0.25, iouThreshold: 0.7, maxDetections: 300 },

  recognise(signature, probe) {
    const { outputs } = signature;
    // YOLOv9 gives its auxiliary head first and its own last (WongKinYiu/yolov9: detect_dual.py).
    const output = outputs.at(-1);
    if (!output || outputs.length > 2 || !outputs.every((other) => isHead(other) && sameShape(other, output))) {
      return undefined;
    }
    // Deformable attention: rows of an RT-DETR, turned around.
    if (countOperators(signature, 'GridSample') > 0) return undefined;
    const chosen = outputs.length === 2 ? { output: output.name } : {};
    const { task, endToEnd, extras } = readMetadata(signature);
    if (task === undefined) return recogniseBare(signature, output, chosen, probe);
    if (!TASKS.includes(task) || endToEnd || (task === 'pose' && !extras.keypoints)) return undefined;
    // RT-DETR's rows lie across, and look like this where it knows more classes than it has queries.
    const classes = countNames(signature);
    const rows = output.dims[1];
    if (classes > 0 && isFixed(rows) && rows !== BOX_ROWS + classes + countExtras(extras)) return undefined;
    return {
      // Where even the rows are left open, these might be those of a YOLO end to end.
      confidence: isFixed(rows) ? 0.95 : 0.45,
      evidence: [`Ultralytics metadata: task ${task}`],
      params: { ...chosen, ...extras },
    };
  },

  input: yoloInput,

  classes(signature, params) {
    const rows = signature.outputs.at(-1)?.dims[1];
    return isFixed(rows) ? Math.max(0, rows - BOX_ROWS - countExtras(params)) : 0;
  },

  decode(outputs, { params, limits }) {
    const others = BOX_ROWS + countExtras(params);
    const output = Object.entries(outputs).findLast(
      ([name, { dims }]) => (params.output ?? name) === name && dims.length === 3 && dims[1]! > others,
    )?.[1];
    if (!output) throw unexpectedOutputs(outputs, `YOLOv8's [1,${others} + classes,anchors]`);
    const [, rows, anchors] = output.dims as [number, number, number];
    const columns = { data: toFloats(output), anchors, classes: rows - others };
    if (params.oriented) return selectOriented(columns, rows - 1, limits);
    const selection = selectColumns(columns, limits);
    if (!params.keypoints) return selection;
    const first = BOX_ROWS + columns.classes;
    const at = (i: number, k: number) => columns.data[(first + k) * anchors + selection.sources[i]!]!;
    return { ...selection, keypoints: readKeypoints(params.keypoints, selection.scores.length, at) };
  },
});

/** A head's output: rows of cx, cy, w, h and of each class, with a column for each anchor. */
export interface Columns {
  readonly data: Float32Array;
  readonly anchors: number;
  readonly classes: number;
}

/** The boxes that stay, with the index of their anchors. */
export function selectColumns({ data, anchors, classes }: Columns, limits: Limits): Selection {
  const best = columnMaxima(data, BOX_ROWS * anchors, classes, anchors);
  const candidates = new Candidates(limits);
  for (let i = 0; i < anchors; i++) {
    const score = best.values[i]!;
    if (!candidates.wants(score)) continue;
    const x = data[i]!;
    const y = data[anchors + i]!;
    const halfWidth = data[2 * anchors + i]! / 2;
    const halfHeight = data[3 * anchors + i]! / 2;
    candidates.add(x - halfWidth, y - halfHeight, x + halfWidth, y + halfHeight, score, best.indices[i]!, i);
  }
  return candidates.suppress();
}

function selectOriented({ data, anchors, classes }: Columns, angleRow: number, limits: Limits): Detections {
  const best = columnMaxima(data, BOX_ROWS * anchors, classes, anchors);
  const candidates = new RotatedCandidates(limits);
  for (let i = 0; i < anchors; i++) {
    const score = best.values[i]!;
    if (!candidates.wants(score)) continue;
    const row = (r: number) => data[r * anchors + i]!;
    candidates.add(row(0), row(1), row(2), row(3), row(angleRow), score, best.indices[i]!);
  }
  return candidates.suppress();
}

function isHead(value: ValueInfo): boolean {
  const [, rows, columns] = value.dims;
  if (value.dims.length !== 3 || !isFloat(value) || !isOne(value.dims[0])) return false;
  if (isFixed(rows) && rows <= BOX_ROWS) return false;
  return !(isFixed(rows) && isFixed(columns) && columns <= rows);
}

function sameShape(a: ValueInfo, b: ValueInfo): boolean {
  return a.dims.every((dim, k) => dim === b.dims[k] || !isFixed(dim));
}

/** Without the exporter's word: shapes tell the head, and a probe what its rows are. */
function recogniseBare(
  signature: Signature,
  output: ValueInfo,
  chosen: { readonly output?: string },
  probe: Probe | undefined,
): Recognition | undefined {
  const [, rows, columns] = output.dims;
  const size = fixedInputSize(signature, probe);
  const strides = size && stridesOf(size, columns);
  // This head means distances by a softmax; an exponential is YOLOX's decoding.
  if (!strides || !isFixed(rows) || countOperators(signature, 'Exp') > 0) return undefined;
  const evidence = [`${columns} columns, one for each cell at strides ${strides.join(', ')}`];
  if (rows === BOX_ROWS + 80) {
    return { confidence: 0.75, evidence: [...evidence, '4 rows of box and 80 of COCO classes'], params: chosen };
  }
  const seen = probe?.outputs[output.name];
  const extras = seen && seeExtras(toFloats(seen), rows, Number(columns));
  // Pose and oriented heads append rows of their own: only a look at the numbers tells.
  if (!extras) return { confidence: 0.4, evidence, params: chosen };
  return { confidence: 0.75, evidence: [...evidence, extras.evidence], params: { ...chosen, ...extras.params } };
}

/** What the rows after the box are, by the values that a picture of no meaning gave; undefined where they fit nothing. */
function seeExtras(
  data: Float32Array,
  rows: number,
  anchors: number,
): { readonly params: Extras; readonly evidence: string } | undefined {
  const [, , width, height, ...ranges] = Array.from({ length: rows }, (_, k) => {
    const row = data.subarray(k * anchors, (k + 1) * anchors);
    return { min: row.reduce((a, b) => Math.min(a, b)), max: row.reduce((a, b) => Math.max(a, b)) };
  });
  // Rows and columns changed over: sizes that are logarithms are YOLOX's, a score that is 1 everywhere is YOLOv6's.
  if (!(width!.min >= 0 && height!.min >= 0) || ranges[0]!.min === 1) return undefined;
  // float16 may overshoot a little.
  const isScore = ({ min, max }: { min: number; max: number }) => min >= -1e-3 && max <= 1.001;
  const scores = ranges.findIndex((range) => !isScore(range));
  if (scores < 0) return { params: {}, evidence: 'all rows after the box are probabilities' };
  const rest = ranges.slice(scores);
  const [first] = rest;
  if (scores === 0 || !first) return undefined;
  if (rest.length === 1 && Math.abs(first.min) < 2 * Math.PI && Math.abs(first.max) < 2 * Math.PI) {
    return { params: { oriented: true }, evidence: 'the last row is an angle' };
  }
  const isTriple = rest.length % 3 === 0 && rest.every((range, k) => k % 3 !== 2 || isScore(range));
  const dimensions = isTriple ? 3 : 2;
  if (rest.length % dimensions !== 0) return undefined;
  const points = rest.length / dimensions;
  return { params: { keypoints: [points, dimensions] }, evidence: `the last rows are ${points} points` };
}
