import { z } from 'zod';
import { Candidates } from '../vision/candidates.ts';
import { sigmoid } from '../vision/scores.ts';
import { isFixed, type Signature, type ValueInfo } from '../vision/signature.ts';
import { type Tensors, toFloats } from '../vision/tensor.ts';
import { defineFamily } from './define.ts';
import { findImageInput, imageInputSpec, isFloat, unexpectedOutputs } from './graph.ts';
import { normalizations } from './normalization.ts';
import { proposalInput, splitProposals } from './proposals.ts';

/** R-CNN warps each window, with so much of what lies around it, to the graph's input (Girshick et al. 2014, appendix A). */
const CONTEXT = 16;

export const rcnn = defineFamily({
  task: 'detection',
  title: 'R-CNN and Fast R-CNN, on proposals',
  reference: 'rbgirshick/fast-rcnn: lib/fast_rcnn/test.py; rbgirshick/rcnn; onnx/models: rcnn-ilsvrc13',
  params: z.strictObject({
    /** Whether the first score is that of the background. */
    background: z.boolean().default(true),
    /** Whether scores are margins of support vector machines; they become probabilities by a sigmoid. */
    margins: z.boolean().default(false),
  }),
  defaults: { scoreThreshold: 0.05, iouThreshold: 0.3, maxDetections: 100 },

  recognise(signature) {
    const found = findOutputs(signature.outputs);
    if (!found) return undefined;
    const rois = proposalInput(signature);
    if (rois && found.deltas) {
      const evidence = [
        `input ‘${rois.name}’: boxes to look into`,
        'scores of classes, and four offsets for each of them',
      ];
      return { confidence: 0.9, evidence };
    }
    // A classifier, but for its name: the ONNX Model Zoo's R-CNN ends in a layer ‘fc-rcnn’.
    if (!findImageInput(signature) || !/rcnn/i.test(found.scores.name)) return undefined;
    return {
      confidence: 0.8,
      evidence: [`output ‘${found.scores.name}’: scores of one window, by support vector machines`],
      params: { background: false, margins: true },
    };
  },

  input: (signature) => {
    const isFast = proposalInput(signature) !== undefined;
    const spec = imageInputSpec(signature, {
      fit: isFast ? 'top-left' : 'stretch',
      defaultSize: { width: 227, height: 227 },
      // cfg.TEST.SCALES and MAX_SIZE of lib/fast_rcnn/config.py.
      dynamic: { mode: 'scale', shortest: 600, longest: 1000, multiple: 1, anchor: 'top-left', enlarge: true },
      color: 'bgr',
      ...normalizations.caffe,
      pad: 'mean',
    });
    return isFast ? spec : { ...spec, windows: { context: CONTEXT } };
  },

  classes(signature, { background }) {
    const count = findOutputs(signature.outputs)?.scores.dims.at(-1);
    return isFixed(count) ? count - (background ? 1 : 0) : 0;
  },

  decode(all, { params, limits }) {
    const { boxes, outputs } = splitProposals(all);
    const found = findOutputs(Object.entries(outputs).map(([name, { dtype, dims }]) => ({ name, dtype, dims })));
    const rows = found ? Number(found.scores.dims.at(-2)) : 0;
    if (!found || !boxes || rows < boxes.length / 4) {
      throw unexpectedOutputs(all, 'scores [n,classes], where wanted offsets [n,4·classes], and n proposals');
    }
    const read = (outputs: Tensors, value: Output) => toFloats(outputs[value.name]!);
    const scores = read(outputs, found.scores);
    const deltas = found.deltas && read(outputs, found.deltas);
    const columns = Number(found.scores.dims.at(-1));
    const first = params.background ? 1 : 0;
    const candidates = new Candidates(limits);
    for (let i = 0; i < boxes.length / 4; i++) {
      for (let column = first; column < columns; column++) {
        const value = scores[i * columns + column]!;
        const score = params.margins ? sigmoid(value) : value;
        if (!candidates.wants(score)) continue;
        const box = moved(boxes, i, deltas, 4 * (i * columns + column));
        candidates.add(box[0], box[1], box[2], box[3], score, column - first, i);
      }
    }
    return candidates.suppress();
  },
});

/** Box i, moved by the four offsets at `at`: of its centre in its own sizes, and of the logarithms of its sides. */
function moved(boxes: Float32Array, i: number, deltas: Float32Array | undefined, at: number) {
  const [xmin, ymin, xmax, ymax] = boxes.subarray(4 * i, 4 * i + 4) as unknown as [number, number, number, number];
  if (!deltas) return [xmin, ymin, xmax, ymax] as const;
  const [width, height] = [xmax - xmin, ymax - ymin];
  const x = xmin + width / 2 + deltas[at]! * width;
  const y = ymin + height / 2 + deltas[at + 1]! * height;
  const [halfWidth, halfHeight] = [(width * Math.exp(deltas[at + 2]!)) / 2, (height * Math.exp(deltas[at + 3]!)) / 2];
  return [x - halfWidth, y - halfHeight, x + halfWidth, y + halfHeight] as const;
}

type Output = Pick<ValueInfo, 'name' | 'dtype' | 'dims'>;

/** One output of scores, alone or with one that is four times as wide. */
function findOutputs(
  values: Signature['outputs'] | readonly Output[],
): { scores: Output; deltas?: Output } | undefined {
  if (values.length === 0 || values.length > 2 || !values.every(isRows)) return undefined;
  const [scores, deltas] = [...values].sort((a, b) => Number(a.dims.at(-1)) - Number(b.dims.at(-1))) as [
    Output,
    Output?,
  ];
  if (!deltas) return { scores };
  return Number(deltas.dims.at(-1)) === 4 * Number(scores.dims.at(-1)) ? { scores, deltas } : undefined;
}

/** [n,columns], or [1,n,columns]. */
function isRows(value: Output): boolean {
  const { dims } = value;
  return isFloat(value) && (dims.length === 2 || (dims.length === 3 && dims[0] === 1)) && isFixed(dims.at(-1));
}
