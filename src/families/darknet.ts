import { z } from 'zod';
import { Candidates } from '../vision/candidates.ts';
import { logit, sigmoid, softmax } from '../vision/scores.ts';
import {
  BOX_COLUMNS,
  columnsOf,
  findGrids,
  type Head,
  readHeads,
  recogniseV2,
  recogniseV3,
  V3,
} from './darknet-heads.ts';
import { defineFamily } from './define.ts';
import { fixedInputSize, imageInputSpec } from './graph.ts';
import { normalizationSchema, normalizations } from './normalization.ts';

const OBJECTNESS = 4;

export const darknet = defineFamily({
  task: 'detection',
  title: 'YOLOv2, YOLOv3 and YOLOv4, raw heads with anchors (Darknet)',
  reference:
    'pjreddie/darknet: src/region_layer.c, src/yolo_layer.c; Tianxiaomo/pytorch-YOLOv4: tool/yolo_layer.py; onnx/models: tiny-yolov2, yolov2-coco, yolov4',
  params: z.strictObject({
    /** Width and height of each anchor in input pixels, head by head from the finest to the coarsest. */
    anchors: z
      .array(z.array(z.number().positive()).min(2))
      .min(1)
      .default(V3.map((head) => [...head])),
    /** Whether classes exclude each other (softmax: YOLOv2) or not (sigmoids). */
    softmax: z.boolean().default(false),
    /** How far centres may leave their cells (scale_x_y), for each head: YOLOv4 stretches the sigmoid by it. */
    scaleXY: z.array(z.number().min(1).max(4)).default([]),
    normalization: normalizationSchema.default('unit'),
  }),
  defaults: { scoreThreshold: 0.25, iouThreshold: 0.45, maxDetections: 300 },

  recognise(signature, probe) {
    const size = fixedInputSize(signature, probe);
    const grids = size && findGrids(signature.outputs, size);
    return grids && (grids.length === 1 ? recogniseV2(signature, grids[0]!) : recogniseV3(signature, grids));
  },

  // Darknet keeps the aspect ratio and fills up with grey (letterbox_image).
  input: (signature, { normalization }) =>
    imageInputSpec(signature, {
      fit: 'center',
      defaultSize: { width: 416, height: 416 },
      pad: 128,
      ...normalizations[normalization],
    }),

  classes(signature, { anchors }) {
    const size = fixedInputSize(signature);
    const columns = columnsOf((size && findGrids(signature.outputs, size)) ?? [], anchors);
    return Math.max(0, columns - BOX_COLUMNS);
  },

  decode(outputs, { params, input, limits }) {
    const candidates = new Candidates(limits);
    readHeads(outputs, input, params.anchors).forEach((head, k) => {
      const { data, width, height, anchors, cellStep, anchorStep, columnStep } = head;
      const scale = params.scaleXY[k] ?? 1;
      const logits = holdsLogits(head);
      const toScore = logits ? sigmoid : (score: number) => score;
      const least = logits ? logit(limits.scoreThreshold) : limits.scoreThreshold;
      const classes = new Float32Array(head.columns - BOX_COLUMNS);
      for (let i = 0; i < width * height * (anchors.length / 2); i++) {
        const [cell, anchor] = [i % (width * height), Math.floor(i / (width * height))];
        const at = cell * cellStep + anchor * anchorStep;
        const value = (column: number) => data[at + column * columnStep]!;
        if (!(value(OBJECTNESS) >= least)) continue;
        const objectness = toScore(value(OBJECTNESS));
        const inCell = (column: number) => sigmoid(value(column)) * scale - (scale - 1) / 2;
        const x = ((inCell(0) + (cell % width)) * input.width) / width;
        const y = ((inCell(1) + Math.floor(cell / width)) * input.height) / height;
        const halfWidth = (Math.exp(value(2)) * anchors[2 * anchor]!) / 2;
        const halfHeight = (Math.exp(value(3)) * anchors[2 * anchor + 1]!) / 2;
        for (let c = 0; c < classes.length; c++) classes[c] = value(BOX_COLUMNS + c);
        const scores = params.softmax ? softmax(classes) : classes.map(toScore);
        // Darknet takes every class of a box that is likely enough.
        scores.forEach((score, c) => {
          const [left, top, right, bottom] = [x - halfWidth, y - halfHeight, x + halfWidth, y + halfHeight];
          candidates.add(left, top, right, bottom, objectness * score, c);
        });
      }
    });
    return candidates.suppress();
  },
});

/** Whether objectness is still to go through a sigmoid. The YOLOv4 of the ONNX Model Zoo has done it for scores alone. */
function holdsLogits({ data, width, height, anchors, cellStep, anchorStep, columnStep }: Head): boolean {
  for (let anchor = 0; anchor < anchors.length / 2; anchor++) {
    for (let cell = 0; cell < width * height; cell++) {
      const value = data[cell * cellStep + anchor * anchorStep + OBJECTNESS * columnStep]!;
      if (value < 0 || value > 1) return true;
    }
  }
  return false;
}
