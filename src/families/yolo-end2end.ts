import { z } from 'zod';
import { Candidates } from '../vision/candidates.ts';
import { RotatedCandidates } from '../vision/rotated-candidates.ts';
import { isFixed, type ValueInfo } from '../vision/signature.ts';
import { toFloats } from '../vision/tensor.ts';
import { classCount, countNames, isClass } from './class-numbers.ts';
import { defineFamily, type Recognition } from './define.ts';
import { countOperators, findImageInput, isFloat, isOne, soleOutput, unexpectedOutputs } from './graph.ts';
import { countExtras, extrasShape, readKeypoints, readMetadata, yoloInput } from './ultralytics.ts';

/** xmin, ymin, xmax, ymax (oriented: cx, cy, w, h), score, class, before the extras. */
const COLUMNS = 6;
/** More rows than any exporter's max_det. */
const MAX_ROWS = 4096;
/** Ultralytics' default max_det. */
const PUBLISHED_ROWS = 300;
const TASKS = ['detect', 'pose', 'obb'];

export const yoloEnd2end = defineFamily({
  task: 'detection',
  title: 'YOLOv10, YOLO26 and YOLO exports with nms=True',
  reference:
    'THU-MIG/yolov10: ultralytics/utils/ops.py (v10postprocess); ultralytics/ultralytics: ultralytics/nn/modules/head.py (postprocess), ultralytics/engine/exporter.py (NMSModel)',
  params: z.strictObject({ ...extrasShape, classes: classCount }),
  defaults: { scoreThreshold: 0.25, iouThreshold: 0.7, maxDetections: 300 },

  recognise(signature, probe): Recognition | undefined {
    const output = soleOutput(signature);
    if (!output || !findImageInput(signature) || !isRows(output)) return undefined;
    const { task, endToEnd, extras } = readMetadata(signature);
    const columns = COLUMNS + countExtras(extras);
    const [, , width] = output.dims;
    if (isFixed(width) && width !== columns) return undefined;
    const params = { ...extras, classes: countNames(signature) };
    // Rows of RT-DETR, deformable attention, are as wide where it knows two classes: then the numbers tell.
    const maybeRtdetr = params.classes === 2 && countOperators(signature, 'GridSample') > 0;
    if (task !== undefined && !maybeRtdetr) {
      if (!TASKS.includes(task) || (task === 'pose' && !extras.keypoints)) return undefined;
      // YOLOv10's exporter names the task alone; its shape is telling.
      if (!endToEnd && !isFixed(width)) return undefined;
      return { confidence: 0.95, evidence: [`Ultralytics metadata: task ${task}, boxes end to end`], params };
    }
    const seen = probe?.outputs[output.name];
    if (seen && areRows(toFloats(seen), columns)) {
      // Other detectors give such rows too, of pictures normalised in other ways: their number is telling.
      const confidence = seen.dims[1] === PUBLISHED_ROWS ? 0.8 : 0.4;
      return { confidence, evidence: [`${seen.dims[1]} rows of ${columns}: box, descending score, class`], params };
    }
    return width === columns ? { confidence: 0.4, evidence: [`rows of ${columns} columns`], params } : undefined;
  },

  input: yoloInput,

  classes: (_signature, { classes }) => classes,

  decode(outputs, { params, limits }) {
    const columns = COLUMNS + countExtras(params);
    const output = Object.values(outputs).find(({ dims }) => dims.length === 3 && dims[2] === columns);
    if (!output) throw unexpectedOutputs(outputs, `rows of ${columns}: [1,boxes,${columns}]`);
    const data = toFloats(output);
    const rows = output.dims[1]!;
    if (params.oriented) {
      const candidates = new RotatedCandidates(limits);
      for (let at = 0; at < rows * columns; at += columns) {
        const [x, y, width, height, score, classId, angle] = data.subarray(at, at + columns) as unknown as number[];
        if (isClass(classId!, params.classes)) candidates.add(x!, y!, width!, height!, angle!, score!, classId!);
      }
      return candidates.top();
    }
    const selection = collectRows(new Candidates(limits), { data, rows, columns }, params.classes).top();
    const { keypoints } = params;
    if (!keypoints) return selection;
    const at = (i: number, k: number) => data[selection.sources[i]! * columns + COLUMNS + k]!;
    return { ...selection, keypoints: readKeypoints(keypoints, selection.scores.length, at) };
  },
});

export interface Rows {
  readonly data: Float32Array;
  readonly rows: number;
  readonly columns: number;
}

/** Collects rows of xmin, ymin, xmax, ymax, score, class; their sources are the rows. */
export function collectRows(candidates: Candidates, { data, rows, columns }: Rows, classes: number): Candidates {
  for (let i = 0, at = 0; i < rows; i++, at += columns) {
    const classId = data[at + 5]!;
    if (!isClass(classId, classes)) continue;
    candidates.add(data[at]!, data[at + 1]!, data[at + 2]!, data[at + 3]!, data[at + 4]!, classId, i);
  }
  return candidates;
}

function isRows(value: ValueInfo): boolean {
  const { dims } = value;
  if (dims.length !== 3 || !isFloat(value) || !isOne(dims[0])) return false;
  return !(isFixed(dims[1]) && dims[1] > MAX_ROWS);
}

/** Whether there are rows, and they are boxes in pixels by descending score, each with a class. */
function areRows(data: Float32Array, columns: number): boolean {
  let last = 1.001;
  for (let at = 0; at < data.length; at += columns) {
    const [xmin, ymin, xmax, ymax, score, classId] = data.subarray(at, at + columns) as unknown as number[];
    if (!(score! >= 0 && score! <= last && isClass(classId!, 0) && xmax! >= xmin! && ymax! >= ymin!)) return false;
    last = score!;
  }
  // All zeros are padding, which tells nothing; corners of a unit square are no pixels.
  return last <= 1 && data[4]! > 0 && data.some((value, i) => i % columns < 4 && value > 2);
}
