import { z } from 'zod';
import { Candidates } from '../vision/candidates.ts';
import { countCells, pyramidLevels } from '../vision/levels.ts';
import { columnMaxima } from '../vision/scores.ts';
import { isFixed, type Signature } from '../vision/signature.ts';
import { toFloats } from '../vision/tensor.ts';
import { defineFamily, type Recognition } from './define.ts';
import { fixedInputSize, imageInputSpec, isFloat, isOne, soleOutput, unexpectedOutputs } from './graph.ts';
import { normalizations } from './normalization.ts';

/** cx, cy, w, h, before the classes. */
const BOX_ROWS = 4;
const STRIDES = [8, 16, 32];

export const yolov8 = defineFamily({
  task: 'detection',
  title: 'YOLOv8, YOLO11, YOLO12 and YOLOv9 detection',
  reference: 'ultralytics/ultralytics: ultralytics/nn/modules/head.py, ultralytics/utils/nms.py',
  params: z.strictObject({}),
  defaults: { scoreThreshold: 0.25, iouThreshold: 0.7, maxDetections: 300 },

  recognise(signature) {
    const output = soleOutput(signature);
    if (output?.dims.length !== 3 || !isFloat(output) || !isOne(output.dims[0])) return undefined;
    const [, rows, columns] = output.dims;
    if (isFixed(rows) && rows <= BOX_ROWS) return undefined;
    if (isFixed(rows) && isFixed(columns) && columns <= rows) return undefined;
    if ('task' in signature.metadata) return recogniseUltralytics(signature);
    const size = fixedInputSize(signature);
    if (!size || !isFixed(rows) || countCells(pyramidLevels(size, STRIDES)) !== columns) return undefined;
    const evidence = [`one output of ${columns} columns, one for each cell at strides ${STRIDES.join(', ')}`];
    // Pose and oriented heads append rows of their own; only COCO's number is telling.
    if (rows !== BOX_ROWS + 80) return { confidence: 0.4, evidence };
    return { confidence: 0.75, evidence: [...evidence, '4 rows of box and 80 of COCO classes'] };
  },

  input: (signature) =>
    imageInputSpec(signature, {
      fit: 'center',
      defaultSize: { width: 640, height: 640 },
      ...normalizations.unit,
      pad: 114,
    }),

  classes(signature) {
    const rows = soleOutput(signature)?.dims[1];
    return isFixed(rows) ? rows - BOX_ROWS : 0;
  },

  decode(outputs, { limits }) {
    const output = Object.values(outputs).find(({ dims }) => dims.length === 3 && dims[1]! > BOX_ROWS);
    if (!output) throw unexpectedOutputs(outputs, "YOLOv8's [1,4 + classes,anchors]");
    const [, rows, anchors] = output.dims as [number, number, number];
    const data = toFloats(output);
    const best = columnMaxima(data, BOX_ROWS * anchors, rows - BOX_ROWS, anchors);
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
  },
});

/** The exporter writes the task; heads that suppress in the graph give rows of six instead. */
function recogniseUltralytics({ metadata }: Signature): Recognition | undefined {
  if (metadata.task !== 'detect' || metadata.end2end === 'True') return undefined;
  return { confidence: 0.95, evidence: ['Ultralytics metadata: task detect'] };
}
