import { z } from 'zod';
import { Candidates } from '../vision/candidates.ts';
import { isFixed, type ValueInfo } from '../vision/signature.ts';
import { toFloats } from '../vision/tensor.ts';
import { defineFamily } from './define.ts';
import { countOperators, imageInputSpec, isFloat, isOne, unexpectedOutputs } from './graph.ts';
import { normalizations } from './normalization.ts';

export const yolov3 = defineFamily({
  task: 'detection',
  title: 'YOLOv3 and Tiny YOLOv3, suppression in the graph (ONNX Model Zoo)',
  reference: 'qqwweee/keras-yolo3: yolo3/model.py; onnx/models: yolov3, tiny-yolov3',
  params: z.strictObject({}),
  // keras-yolo3's yolo.py, whose suppression is in the graph: asking for less finds no more.
  defaults: { scoreThreshold: 0.3, iouThreshold: 0.45, maxDetections: 100 },

  recognise(signature) {
    const found = findOutputs(signature.outputs);
    if (!found || countOperators(signature, 'NonMaxSuppression') === 0) return undefined;
    const evidence = [`boxes, scores of ${found.classes} classes and picked indices`, 'suppression in the graph'];
    // Asks for the picture's size, and so gives its pixels.
    if (!signature.inputs.some(({ name }) => name === 'image_shape')) return undefined;
    return { confidence: 0.95, evidence: [...evidence, 'an input named image_shape'] };
  },

  input: (signature) =>
    imageInputSpec(signature, {
      fit: 'center',
      defaultSize: { width: 416, height: 416 },
      interpolation: 'cubic',
      pad: 128,
      ...normalizations.unit,
    }),

  classes: (signature) => findOutputs(signature.outputs)?.classes ?? 0,

  decode(outputs, { limits }) {
    const found = findOutputs(Object.entries(outputs).map(([name, { dtype, dims }]) => ({ name, dtype, dims })));
    if (!found) throw unexpectedOutputs(outputs, 'boxes [1,n,4], scores [1,classes,n] and picks [k,3]');
    const boxes = toFloats(outputs[found.boxes]!);
    const scores = toFloats(outputs[found.scores]!);
    const picks = toFloats(outputs[found.picks]!);
    const anchors = boxes.length / 4;
    const candidates = new Candidates(limits);
    for (let i = 0; i < picks.length; i += 3) {
      const [classId, anchor] = [picks[i + 1]!, picks[i + 2]!];
      if (!(classId >= 0 && classId < found.classes && anchor >= 0 && anchor < anchors)) continue;
      const [top, left, bottom, right] = [0, 1, 2, 3].map((k) => boxes[4 * anchor + k]!) as [
        number,
        number,
        number,
        number,
      ];
      candidates.add(left, top, right, bottom, scores[classId * anchors + anchor]!, classId, anchor);
    }
    return candidates.top();
  },
});

interface Found {
  readonly boxes: string;
  readonly scores: string;
  readonly picks: string;
  readonly classes: number;
}

/** Boxes [1,n,4], scores [1,classes,n] and whole numbers [k,3] or [1,k,3]: picture, class and box of each pick. */
function findOutputs(values: readonly ValueInfo[]): Found | undefined {
  if (values.length !== 3) return undefined;
  const picks = values.find(({ dtype, dims }) => /^int/.test(dtype) && (dims.at(-1) === 3 || !isFixed(dims.at(-1))));
  const [a, b] = values.filter((v) => isFloat(v) && v.dims.length === 3 && isOne(v.dims[0]));
  if (!picks || !a || !b || picks.dims.length < 2 || picks.dims.length > 3) return undefined;
  const boxes = a.dims[2] === 4 ? a : b;
  const scores = boxes === a ? b : a;
  const [, classes, boxCount] = scores.dims;
  if (boxes.dims[2] !== 4 || !isFixed(classes)) return undefined;
  if (isFixed(boxCount) && isFixed(boxes.dims[1]) && boxCount !== boxes.dims[1]) return undefined;
  return { boxes: boxes.name, scores: scores.name, picks: picks.name, classes };
}
