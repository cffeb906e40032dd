import { z } from 'zod';
import { Candidates } from '../vision/candidates.ts';
import { countCells, pyramidLevels } from '../vision/levels.ts';
import { argmax } from '../vision/scores.ts';
import { isFixed } from '../vision/signature.ts';
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

/** cx, cy, w, h, objectness, before the classes. */
const BOX_COLUMNS = 5;
const STRIDES = [8, 16, 32];
const STRIDES_P6 = [8, 16, 32, 64];

export const yolox = defineFamily({
  task: 'detection',
  title: 'YOLOX',
  reference:
    'Megvii-BaseDetection/YOLOX: yolox/models/yolo_head.py, yolox/utils/demo_utils.py, yolox/data/data_augment.py',
  checked: 'reading',
  params: z.strictObject({
    strides: z.array(z.int().min(1)).min(1).default(STRIDES),
    /** Whether the graph itself adds the grid (exported with --decode_in_inference). */
    decoded: z.boolean().default(false),
  }),
  defaults: { scoreThreshold: 0.25, iouThreshold: 0.45, maxDetections: 300 },

  recognise(signature) {
    const output = soleOutput(signature);
    const size = fixedInputSize(signature);
    if (!output || !size || output.dims.length !== 3 || !isFloat(output) || !isOne(output.dims[0])) return undefined;
    const [, rows, columns] = output.dims;
    if (!isFixed(columns) || columns <= BOX_COLUMNS) return undefined;
    const strides = [STRIDES, STRIDES_P6].find((s) => countCells(pyramidLevels(size, s)) === rows);
    if (!strides) return undefined;
    const evidence = [`one output of ${rows} rows, one for each cell at strides ${strides.join(', ')}`];
    // A plain head ends in sigmoids and concatenations. Exp is the decoding of width and height; subtractions without it
    // decode distances, as YOLOv6 does, whose output has the same shape.
    if (countOperators(signature, 'Exp') > 0) {
      return {
        confidence: 0.7,
        evidence: [...evidence, 'Exp in the graph: boxes are decoded'],
        params: { strides, decoded: true },
      };
    }
    const isPlain = countOperators(signature, 'Sub') === 0 && countOperators(signature, 'Sigmoid') > 0;
    // NanoDet-Plus has the four levels too, and other columns; only COCO's number is telling.
    if (!isPlain || (strides === STRIDES_P6 && columns !== BOX_COLUMNS + 80)) {
      return { confidence: 0.3, evidence, params: { strides } };
    }
    return { confidence: 0.9, evidence: [...evidence, 'boxes are not decoded by the graph'], params: { strides } };
  },

  // Trained on raw BGR since version 0.1.1, padded with grey 114 on the right and below.
  input: (signature) =>
    imageInputSpec(signature, { fit: 'top-left', defaultSize: { width: 640, height: 640 }, color: 'bgr', pad: 114 }),

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
