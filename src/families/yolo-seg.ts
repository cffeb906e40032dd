import { z } from 'zod';
import { Candidates, type Selection } from '../vision/candidates.ts';
import { prototypeMasks } from '../vision/prototypes.ts';
import { isFixed, type Signature, type ValueInfo } from '../vision/signature.ts';
import { type Tensor, toFloats } from '../vision/tensor.ts';
import type { Limits } from '../vision/types.ts';
import { classCount, countNames } from './class-numbers.ts';
import { defineFamily, type Recognition } from './define.ts';
import { fixedInputSize, isFloat, isOne, unexpectedOutputs } from './graph.ts';
import { readMetadata, stridesOf, yoloInput } from './ultralytics.ts';
import { collectRows } from './yolo-end2end.ts';
import { selectObjects } from './yolov5.ts';
import { selectColumns } from './yolov8.ts';

/** What precedes the mask coefficients of a box: numbers beside the classes, or with them where the class is a number. */
const BEFORE = {
  /** YOLOv8: a column for each anchor, cx, cy, w, h, classes. */
  columns: 4,
  /** YOLOv5: a row for each anchor, cx, cy, w, h, objectness, classes. */
  objectness: 5,
  /** Exports with nms=True and YOLO26: rows of xmin, ymin, xmax, ymax, score, class. */
  end2end: 6,
} as const;
type Layout = keyof typeof BEFORE;

/** Rows that end-to-end graphs give at most. */
const MAX_ROWS = 4096;
/** YOLOv5's anchors of each cell. */
const ANCHORS = 3;

export const yoloSeg = defineFamily({
  task: 'instance-segmentation',
  title: 'YOLOv5-seg, YOLOv8-seg, YOLO11-seg, YOLO26-seg',
  reference:
    'ultralytics/yolov5: models/yolo.py (Segment), utils/segment/general.py; ultralytics/ultralytics: ultralytics/nn/modules/head.py (Segment), ultralytics/utils/ops.py (process_mask_native)',
  params: z.strictObject({
    layout: z.enum(['columns', 'objectness', 'end2end']).default('columns'),
    classes: classCount,
  }),
  defaults: { scoreThreshold: 0.25, iouThreshold: 0.7, maxDetections: 300 },

  recognise(signature, probe): Recognition | undefined {
    const found = findOutputs(signature);
    if (!found) return undefined;
    const { task, endToEnd } = readMetadata(signature);
    if (task !== undefined && task !== 'segment') return undefined;
    const [, a, b] = found.head.dims;
    const isEnd2end = b === BEFORE.end2end + found.prototypes && !(isFixed(a) && a > MAX_ROWS);
    if (task === 'segment' && (endToEnd || isEnd2end)) {
      if (isFixed(b) && !isEnd2end) return undefined;
      const params = { layout: 'end2end', classes: countNames(signature) };
      return { confidence: 0.95, evidence: ['Ultralytics metadata: task segment, end to end'], params };
    }
    const size = fixedInputSize(signature, probe);
    if (task === 'segment') {
      // Turned around, or of a graph with suppression: not as wide as its names say, or fewer columns than cells.
      const names = countNames(signature);
      if (names > 0 && isFixed(a) && a !== BEFORE.columns + names + found.prototypes) return undefined;
      if (size && isFixed(b) && b <= MAX_ROWS && !stridesOf(size, b)) return undefined;
      return { confidence: 0.95, evidence: ['Ultralytics metadata: task segment'] };
    }
    if (!size) return undefined;
    const evidence = [`boxes and ${found.prototypes} prototypes of masks`];
    const strides = stridesOf(size, b);
    if (strides && isFixed(a) && a > BEFORE.columns + found.prototypes) {
      const seen = `${b} columns, one for each cell at strides ${strides.join(', ')}`;
      return { confidence: 0.8, evidence: [...evidence, seen] };
    }
    if (stridesOf(size, a, ANCHORS) && isFixed(b) && b > BEFORE.objectness + found.prototypes) {
      return {
        confidence: 0.85,
        evidence: [...evidence, `${a} rows, ${ANCHORS} for each cell`],
        params: { layout: 'objectness' },
      };
    }
    if (!isEnd2end) return undefined;
    const params = { layout: 'end2end', classes: countNames(signature) };
    return { confidence: 0.6, evidence: [...evidence, `rows of 6 + ${found.prototypes} columns`], params };
  },

  input: yoloInput,

  classes(signature, { layout, classes }) {
    const found = findOutputs(signature);
    const numbers = found?.head.dims[layout === 'columns' ? 1 : 2];
    if (layout === 'end2end' || !isFixed(numbers)) return classes;
    return Math.max(0, numbers - BEFORE[layout] - found!.prototypes);
  },

  decode(outputs, { params: { layout, classes }, input, limits }) {
    const prototypes = Object.values(outputs).find(({ dims }) => dims.length === 4);
    const channels = prototypes?.dims[1] ?? 0;
    const before = BEFORE[layout] + channels + (layout === 'end2end' ? 0 : 1);
    const numbers = layout === 'columns' ? 1 : 2;
    const head = Object.values(outputs).find(({ dims }) => dims.length === 3 && dims[numbers]! >= before);
    if (!prototypes || !head) throw unexpectedOutputs(outputs, 'boxes with mask coefficients and prototypes [1,n,H,W]');
    const length = head.dims[numbers]!;
    const selection = select(head, { layout, classes, channels }, limits);
    const data = toFloats(head);
    const anchors = head.dims[2]!;
    const coefficient = (i: number, k: number) => {
      const source = selection.sources[i]!;
      return layout === 'columns'
        ? data[(length - channels + k) * anchors + source]!
        : data[source * length + length - channels + k]!;
    };
    const [, , height, width] = prototypes.dims as [number, number, number, number];
    const shared = { data: toFloats(prototypes), channels, width, height };
    return { ...selection, masks: prototypeMasks(shared, selection.boxes, input, coefficient) };
  },
});

interface Head {
  readonly layout: Layout;
  readonly classes: number;
  /** Mask coefficients of each box. */
  readonly channels: number;
}

function select(tensor: Tensor, { layout, classes, channels }: Head, limits: Limits): Selection {
  const [, a, b] = tensor.dims as [number, number, number];
  const data = toFloats(tensor);
  switch (layout) {
    case 'columns':
      return selectColumns({ data, anchors: b, classes: a - BEFORE.columns - channels }, limits);
    case 'objectness':
      return selectObjects({ data, rows: a, columns: b, classes: b - BEFORE.objectness - channels }, limits);
    case 'end2end':
      return collectRows(new Candidates(limits), { data, rows: a, columns: b }, classes).top();
  }
}

/** The only two outputs: [1,a,b] and prototypes [1,n,H,W]. */
function findOutputs({ outputs }: Signature): { head: ValueInfo; prototypes: number } | undefined {
  const head = outputs.find(({ dims }) => dims.length === 3);
  const prototypes = outputs.find(({ dims }) => dims.length === 4);
  const channels = prototypes?.dims[1];
  if (outputs.length !== 2 || !head || !prototypes || !isFixed(channels)) return undefined;
  if (!outputs.every((value) => isFloat(value) && isOne(value.dims[0]))) return undefined;
  return { head, prototypes: channels };
}
