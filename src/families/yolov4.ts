import { z } from 'zod';
import { Candidates } from '../vision/candidates.ts';
import { argmax } from '../vision/scores.ts';
import { isFixed, type ValueInfo } from '../vision/signature.ts';
import { toFloats } from '../vision/tensor.ts';
import { defineFamily } from './define.ts';
import { imageInputSpec, isFloat, isOne, unexpectedOutputs } from './graph.ts';
import { normalizations } from './normalization.ts';

export const yolov4 = defineFamily({
  task: 'detection',
  title: 'YOLOv4 and YOLOv3, boxes decoded (pytorch-YOLOv4)',
  reference: 'Tianxiaomo/pytorch-YOLOv4: tool/darknet2onnx.py, tool/yolo_layer.py, tool/utils.py',
  params: z.strictObject({}),
  defaults: { scoreThreshold: 0.4, iouThreshold: 0.6, maxDetections: 300 },

  recognise(signature) {
    const found = findOutputs(signature.outputs);
    if (!found) return undefined;
    return { confidence: 0.9, evidence: ['boxes [1,n,1,4] and as many rows of class scores'] };
  },

  // Its detector stretches: tool/torch_utils.py takes what cv2.resize gives.
  input: (signature) =>
    imageInputSpec(signature, {
      fit: 'stretch',
      defaultSize: { width: 416, height: 416 },
      ...normalizations.unit,
    }),

  classes: (signature) => findOutputs(signature.outputs)?.classes ?? 0,

  decode(outputs, { input, limits }) {
    const found = findOutputs(Object.entries(outputs).map(([name, { dtype, dims }]) => ({ name, dtype, dims })));
    if (!found) throw unexpectedOutputs(outputs, 'boxes [1,n,1,4] and scores [1,n,classes]');
    const { classes } = found;
    const boxes = toFloats(outputs[found.boxes]!);
    const scores = toFloats(outputs[found.scores]!);
    const candidates = new Candidates(limits);
    for (let i = 0; i < boxes.length / 4; i++) {
      const classId = argmax(scores, i * classes, classes);
      const score = scores[i * classes + classId]!;
      if (!candidates.wants(score)) continue;
      const [left, right] = [boxes[4 * i]! * input.width, boxes[4 * i + 2]! * input.width];
      const [top, bottom] = [boxes[4 * i + 1]! * input.height, boxes[4 * i + 3]! * input.height];
      candidates.add(left, top, right, bottom, score, classId, i);
    }
    return candidates.suppress();
  },
});

/** Boxes [1,n,1,4] in 0–1 and scores [1,n,classes]. */
function findOutputs(values: readonly ValueInfo[]) {
  if (values.length !== 2 || !values.every((v) => isFloat(v) && isOne(v.dims[0]))) return undefined;
  const boxes = values.find(({ dims }) => dims.length === 4 && dims[2] === 1 && dims[3] === 4);
  const scores = values.find(({ dims }) => dims.length === 3);
  const classes = scores?.dims[2];
  if (!boxes || !scores || !isFixed(classes) || scores.dims[1] !== boxes.dims[1]) return undefined;
  return { boxes: boxes.name, scores: scores.name, classes };
}
