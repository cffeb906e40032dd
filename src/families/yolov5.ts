import { z } from 'zod';
import { Candidates, type Selection } from '../vision/candidates.ts';
import { argmax } from '../vision/scores.ts';
import { isFixed, type Probe, type ValueInfo } from '../vision/signature.ts';
import { toFloats } from '../vision/tensor.ts';
import type { Limits } from '../vision/types.ts';
import { countNames } from './class-numbers.ts';
import { defineFamily } from './define.ts';
import { fixedInputSize, isFloat, isOne, unexpectedOutputs } from './graph.ts';
import { stridesOf, yoloInput } from './ultralytics.ts';

/** cx, cy, w, h, objectness, before the classes. */
const BOX_COLUMNS = 5;
/** Anchors of each cell. */
const ANCHORS = 3;

export const yolov5 = defineFamily({
  task: 'detection',
  title: 'YOLOv5, YOLOv6, YOLOv7 with decoded boxes',
  reference:
    'ultralytics/yolov5: models/yolo.py, utils/general.py; WongKinYiu/yolov7: models/yolo.py, utils/general.py; meituan/YOLOv6: yolov6/models/effidehead.py, yolov6/utils/nms.py',
  params: z.strictObject({
    /** Whether the objectness alone is the score: YOLOv7 leaves the only class untrained. */
    objectnessOnly: z.boolean().default(false),
  }),
  defaults: { scoreThreshold: 0.25, iouThreshold: 0.45, maxDetections: 300 },

  recognise(signature, probe) {
    const output = signature.outputs.find(isRows);
    const size = fixedInputSize(signature, probe);
    if (!output || !size || 'task' in signature.metadata) return undefined;
    const [, rows, columns] = output.dims;
    // With coefficients of masks, whose prototypes are not there, rows are wider than the names.
    const names = countNames(signature);
    if (names > 0 && columns !== BOX_COLUMNS + names) return undefined;
    // Older exporters of YOLOv5 give the raw maps beside the decoded rows.
    if (!signature.outputs.every((other) => other === output || isRawMap(other, columns))) return undefined;
    const strides = stridesOf(size, rows, ANCHORS);
    if (strides) {
      return {
        confidence: 0.85,
        evidence: [`${rows} rows, ${ANCHORS} for each cell at strides ${strides.join(', ')}`],
        params: { objectnessOnly: columns === BOX_COLUMNS + 1 && !('stride' in signature.metadata) },
      };
    }
    if (!stridesOf(size, rows)) return undefined;
    const evidence = [`${rows} rows, one for each cell`];
    if (!probe) return { confidence: 0.3, evidence };
    // YOLOX has this shape too, and an objectness that says something.
    if (!isSureOfAll(output, probe)) return undefined;
    return { confidence: 0.9, evidence: [...evidence, 'the objectness is 1 everywhere: YOLOv6'] };
  },

  input: yoloInput,

  classes(signature) {
    const columns = signature.outputs.find(isRows)?.dims[2];
    return isFixed(columns) ? columns - BOX_COLUMNS : 0;
  },

  decode(outputs, { params, limits }) {
    const output = Object.values(outputs).find(({ dims }) => dims.length === 3 && dims[2]! > BOX_COLUMNS);
    if (!output) throw unexpectedOutputs(outputs, "YOLOv5's [1,boxes,5 + classes]");
    const [, rows, columns] = output.dims as [number, number, number];
    const classes = params.objectnessOnly ? 0 : columns - BOX_COLUMNS;
    return selectObjects({ data: toFloats(output), rows, columns, classes }, limits);
  },
});

export interface ObjectRows {
  /** rows·columns: cx, cy, w, h, objectness, classes, anything else. */
  readonly data: Float32Array;
  readonly rows: number;
  readonly columns: number;
  /** 0: the objectness is the score of class 0. */
  readonly classes: number;
}

/** The boxes that stay, with the index of their rows; score = objectness · class. */
export function selectObjects({ data, rows, columns, classes }: ObjectRows, limits: Limits): Selection {
  const candidates = new Candidates(limits);
  for (let row = 0, at = 0; row < rows; row++, at += columns) {
    const objectness = data[at + 4]!;
    if (!candidates.wants(objectness)) continue;
    const classId = argmax(data, at + BOX_COLUMNS, classes);
    const score = classes ? objectness * data[at + BOX_COLUMNS + classId]! : objectness;
    const halfWidth = data[at + 2]! / 2;
    const halfHeight = data[at + 3]! / 2;
    const [x, y] = [data[at]!, data[at + 1]!];
    candidates.add(x - halfWidth, y - halfHeight, x + halfWidth, y + halfHeight, score, classId, row);
  }
  return candidates.suppress();
}

function isRows(value: ValueInfo): boolean {
  const [batch, , columns] = value.dims;
  const isWide = isFixed(columns) && columns > BOX_COLUMNS;
  return value.dims.length === 3 && isFloat(value) && isOne(batch) && isWide;
}

/** [1,anchors,rows,columns,5 + classes]. */
function isRawMap({ dims }: ValueInfo, columns: unknown): boolean {
  return dims.length === 5 && dims[1] === ANCHORS && dims[4] === columns;
}

function isSureOfAll({ name }: ValueInfo, { outputs }: Probe): boolean {
  const seen = outputs[name];
  if (!seen) return false;
  const data = toFloats(seen);
  for (let at = 4; at < data.length; at += seen.dims[2]!) if (data[at] !== 1) return false;
  return true;
}
