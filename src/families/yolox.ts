import { z } from 'zod';
import { Candidates } from '../vision/candidates.ts';
import { countCells, pyramidLevels } from '../vision/levels.ts';
import { argmax } from '../vision/scores.ts';
import { isFixed, type Probe, type ValueInfo } from '../vision/signature.ts';
import { toFloats } from '../vision/tensor.ts';
import { defineFamily } from './define.ts';
import {
  countOperators,
  fixedInputSize,
  imageInputSpec,
  isFloat,
  isOne,
  soleOutput,
  unexpectedOutputs,
} from './graph.ts';
import { leavesUnit } from './probe-columns.ts';

/** cx, cy, w, h, objectness, before the classes. */
const BOX_COLUMNS = 5;
const STRIDES = [8, 16, 32];
const STRIDES_P6 = [8, 16, 32, 64];

export const yolox = defineFamily({
  task: 'detection',
  title: 'YOLOX',
  reference:
    'Megvii-BaseDetection/YOLOX: yolox/models/yolo_head.py, yolox/utils/demo_utils.py, yolox/data/data_augment.py',
  params: z.strictObject({
    strides: z.array(z.int().min(1)).min(1).default(STRIDES),
    /** Whether the graph itself adds the grid (exported with --decode_in_inference). */
    decoded: z.boolean().default(false),
  }),
  defaults: { scoreThreshold: 0.25, iouThreshold: 0.45, maxDetections: 300 },

  recognise(signature, probe) {
    const output = soleOutput(signature);
    const size = fixedInputSize(signature, probe);
    if (!output || !size || output.dims.length !== 3 || !isFloat(output) || !isOne(output.dims[0])) return undefined;
    const [, rows, columns] = output.dims;
    if (!isFixed(columns) || columns <= BOX_COLUMNS || 'task' in signature.metadata) return undefined;
    const strides = [STRIDES, STRIDES_P6].find((s) => countCells(pyramidLevels(size, s)) === rows);
    if (!strides) return undefined;
    // A plain head ends in sigmoids and concatenations. Exp is the decoding of width and height; subtractions without it
    // decode distances, as YOLOv6 does, whose output has the same shape.
    const decoded = countOperators(signature, 'Exp') > 0;
    const evidence = [
      `one output of ${rows} rows, one for each cell at strides ${strides.join(', ')}`,
      decoded ? 'Exp in the graph: boxes are decoded' : 'boxes are not decoded by the graph',
    ];
    const params = { strides, decoded };
    if (probe) {
      if (!looksLikeObjects(output, columns, decoded, probe)) return undefined;
      return { confidence: 0.85, evidence: [...evidence, 'an objectness and scores between 0 and 1'], params };
    }
    if (decoded) return { confidence: 0.7, evidence, params };
    // Two sigmoids a level, beside those of SiLU. NanoDet has one, and other columns; at four levels, only COCO's number
    // of columns is telling.
    const sigmoids = countOperators(signature, 'Sigmoid') - countOperators(signature, 'Mul');
    const isPlain = countOperators(signature, 'Sub') === 0 && sigmoids >= 2 * strides.length;
    const isTold = strides === STRIDES || columns === BOX_COLUMNS + 80;
    return { confidence: isPlain && isTold ? 0.9 : 0.3, evidence, params };
  },

  // Trained on raw BGR since version 0.1.1, padded with grey 114 on the right and below.
  input: (signature, { strides }) =>
    imageInputSpec(signature, {
      fit: 'top-left',
      defaultSize: { width: 640, height: 640 },
      dynamic: { mode: 'scale', longest: 640, multiple: Math.max(...strides), anchor: 'top-left', enlarge: true },
      color: 'bgr',
      pad: 114,
    }),

  classes(signature) {
    const columns = soleOutput(signature)?.dims[2];
    return isFixed(columns) ? columns - BOX_COLUMNS : 0;
  },

  decode(outputs, { params, input, limits }) {
    const levels = pyramidLevels(input, params.strides);
    const rows = countCells(levels);
    const output = Object.values(outputs).find(
      ({ dims }) => dims.length === 3 && dims[1] === rows && dims[2]! > BOX_COLUMNS,
    );
    if (!output) throw unexpectedOutputs(outputs, `YOLOX's [1,${rows},5 + classes]`);
    const columns = output.dims[2]!;
    const data = toFloats(output);
    const candidates = new Candidates(limits);

    for (const level of levels) {
      const stride = params.decoded ? 1 : level.stride;
      for (let cell = 0; cell < level.width * level.height; cell++) {
        const row = level.start + cell;
        const at = row * columns;
        const objectness = data[at + 4]!;
        if (!candidates.wants(objectness)) continue;
        const classId = argmax(data, at + BOX_COLUMNS, columns - BOX_COLUMNS);
        const score = objectness * data[at + BOX_COLUMNS + classId]!;
        if (!candidates.wants(score)) continue;
        const gridX = params.decoded ? 0 : cell % level.width;
        const gridY = params.decoded ? 0 : Math.floor(cell / level.width);
        const x = (data[at]! + gridX) * stride;
        const y = (data[at + 1]! + gridY) * stride;
        const halfWidth = (params.decoded ? data[at + 2]! : Math.exp(data[at + 2]!) * stride) / 2;
        const halfHeight = (params.decoded ? data[at + 3]! : Math.exp(data[at + 3]!) * stride) / 2;
        candidates.add(x - halfWidth, y - halfHeight, x + halfWidth, y + halfHeight, score, classId, row);
      }
    }
    return candidates.suppress();
  },
});

/** Whether the numbers are boxes, decoded or not, an objectness and scores. YOLOv6's objectness is 1 everywhere. */
function looksLikeObjects({ name }: ValueInfo, columns: number, decoded: boolean, { input, outputs }: Probe): boolean {
  const seen = outputs[name];
  if (!seen) return false;
  const data = toFloats(seen);
  const column = (k: number) => data.filter((_, i) => i % columns === k);
  if (leavesUnit(data, columns).lastIndexOf(true) >= BOX_COLUMNS - 1) return false;
  if (column(4).every((objectness) => objectness === 1)) return false;
  // Decoded centres are all over the picture; the others are offsets of a few cells.
  const farthest = column(0).reduce((a, b) => Math.max(a, b));
  return decoded ? farthest > input.width / 2 && column(2).every((width) => width > 0) : farthest < input.width / 8;
}
