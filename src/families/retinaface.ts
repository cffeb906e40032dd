import { z } from 'zod';
import { Candidates } from '../vision/candidates.ts';
import { countPriors, decodeDelta, priorBoxes } from '../vision/priors.ts';
import { isFixed, type ValueInfo } from '../vision/signature.ts';
import { toFloats } from '../vision/tensor.ts';
import { defineFamily } from './define.ts';
import { readFacePoints } from './face-points.ts';
import { countOperators, fixedInputSize, imageInputSpec, isFloat, isOne, unexpectedOutputs } from './graph.ts';

/** data/config.py: min_sizes, steps, variance. */
const LEVELS = [
  { stride: 8, sizes: [16, 32] },
  { stride: 16, sizes: [64, 128] },
  { stride: 32, sizes: [256, 512] },
];
const [CENTER_VARIANCE, SIZE_VARIANCE] = [0.1, 0.2];
/** Offsets of a box, background and face, five points. */
const COLUMNS = { boxes: 4, scores: 2, points: 10 };

export const retinaface = defineFamily({
  task: 'detection',
  title: 'RetinaFace',
  reference: 'biubug6/Pytorch_Retinaface: detect.py, data/config.py, layers/functions/prior_box.py, utils/box_utils.py',
  params: z.strictObject({
    /** Whether the scores are logits of background and face. */
    logits: z.boolean().default(false),
  }),
  defaults: { scoreThreshold: 0.6, iouThreshold: 0.4, maxDetections: 750 },

  recognise(signature, probe) {
    const size = fixedInputSize(signature, probe);
    const found = findOutputs(signature.outputs);
    if (!size || !found || found.anchors !== countPriors(size, LEVELS)) return undefined;
    const logits = countOperators(signature, 'Softmax') === 0;
    return {
      confidence: 0.9,
      evidence: [
        `boxes, two scores and five points of ${found.anchors} anchors, as many as RetinaFace has`,
        `${logits ? 'no' : 'a'} Softmax in the graph`,
      ],
      params: { logits },
    };
  },

  input: (signature) =>
    imageInputSpec(signature, {
      fit: 'top-left',
      defaultSize: { width: 640, height: 640 },
      // The reference takes pictures as large as they are; test_widerface.py gives the longer side.
      dynamic: { mode: 'scale', longest: 2144, multiple: 32, anchor: 'top-left', enlarge: false },
      color: 'bgr',
      mean: [104, 117, 123],
      pad: 'mean',
    }),

  classes: () => ['face'],

  decode(outputs, { params, input, limits }) {
    const found = findOutputs(Object.entries(outputs).map(([name, { dtype, dims }]) => ({ name, dtype, dims })));
    const priors = priorBoxes(input, LEVELS);
    const anchors = priors.length / 4;
    if (found?.anchors !== anchors) {
      throw unexpectedOutputs(outputs, `RetinaFace's [1,${anchors},4], [1,${anchors},2] and [1,${anchors},10]`);
    }
    const read = (key: keyof typeof COLUMNS) => toFloats(outputs[found[key]]!);
    const [deltas, scores, points] = [read('boxes'), read('scores'), read('points')];
    const candidates = new Candidates(limits);
    const box = new Float64Array(4);
    for (let i = 0; i < anchors; i++) {
      const [background, face] = [scores[2 * i]!, scores[2 * i + 1]!];
      const score = params.logits ? 1 / (1 + Math.exp(background - face)) : face;
      if (!candidates.wants(score)) continue;
      decodeDelta(priors, deltas, i, CENTER_VARIANCE, SIZE_VARIANCE, box);
      candidates.add(box[0]!, box[1]!, box[2]!, box[3]!, score, 0, i);
    }
    const selection = candidates.suppress();
    const keypoints = readFacePoints(selection.sources, (i, k) => {
      const axis = k % 2;
      return priors[4 * i + axis]! + points[10 * i + k]! * CENTER_VARIANCE * priors[4 * i + 2 + axis]!;
    });
    return { ...selection, keypoints };
  },
});

/** The names of [1,n,4], [1,n,2] and [1,n,10], and n. */
function findOutputs(values: readonly Pick<ValueInfo, 'name' | 'dtype' | 'dims'>[]) {
  if (values.length !== 3) return undefined;
  const nameOf = (columns: number) =>
    values.find(
      (value) => value.dims.length === 3 && isOne(value.dims[0]) && value.dims[2] === columns && isFloat(value),
    )?.name;
  const [boxes, scores, points] = [nameOf(COLUMNS.boxes), nameOf(COLUMNS.scores), nameOf(COLUMNS.points)];
  const [anchors, ...others] = values.map(({ dims }) => dims[1]);
  if (boxes === undefined || scores === undefined || points === undefined) return undefined;
  if (!isFixed(anchors) || others.some((count) => count !== anchors)) return undefined;
  return { boxes, scores, points, anchors };
}
