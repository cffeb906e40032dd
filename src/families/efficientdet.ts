import { z } from 'zod';
import { Candidates } from '../vision/candidates.ts';
import { countCells, pyramidLevels } from '../vision/levels.ts';
import { isFixed, type Signature, type ValueInfo } from '../vision/signature.ts';
import { toFloats } from '../vision/tensor.ts';
import type { Size } from '../vision/types.ts';
import { defineFamily } from './define.ts';
import { fixedInputSize, imageInputSpec, isFloat, isOne, unexpectedOutputs } from './graph.ts';
import { hasWeight } from './head-weights.ts';
import { normalizations } from './normalization.ts';

/** P3–P7, and P8 of the largest. */
const STRIDES = [8, 16, 32, 64, 128, 256];
/** Of each scale all ratios, width and height: efficientdet/utils.py. */
const RATIOS = [
  { x: 1, y: 1 },
  { x: 1.4, y: 0.7 },
  { x: 0.7, y: 1.4 },
];
const SHAPES = [0, 1, 2].flatMap((i) => RATIOS.map(({ x, y }) => ({ x: x * 2 ** (i / 3), y: y * 2 ** (i / 3) })));

type Value = Pick<ValueInfo, 'name' | 'dtype' | 'dims'>;

export const efficientdet = defineFamily({
  task: 'detection',
  title: 'EfficientDet (zylo117), offsets from anchors',
  reference: 'zylo117/Yet-Another-EfficientDet-Pytorch: backbone.py, efficientdet/utils.py, utils/utils.py',
  params: z.strictObject({
    /** Side of the smallest anchors in strides: 5 for D7 (backbone.py). */
    anchorScale: z.number().positive().default(4),
  }),
  // The repository's efficientdet_test.py draws from .2, suppressing from an IoU of .2.
  defaults: { scoreThreshold: 0.3, iouThreshold: 0.2, maxDetections: 100 },

  recognise(signature, probe) {
    const input = fixedInputSize(signature, probe);
    const found = findHeads(signature.outputs);
    const levels = input && found ? countAnchors(input, found.anchors) : 0;
    if (!input || !found || levels === 0) return undefined;
    const seen = `offsets and scores of ${found.anchors} anchors, nine a cell`;
    const named = found.regression === 'regression' && found.classification === 'classification';
    const headed = hasWeight(signature, /^regressor\.header\./) && hasWeight(signature, /^classifier\.header\./);
    if (!named && !headed) return { confidence: 0.35, evidence: [seen] };
    // D7: alone at this size without P8.
    const params = { anchorScale: input.width === 1536 && levels === 5 ? 5 : 4 };
    return { confidence: 0.85, evidence: [seen, "outputs or layers named as zylo117's"], params };
  },

  input: (signature) =>
    imageInputSpec(signature, {
      fit: 'top-left',
      defaultSize: { width: 512, height: 512 },
      ...normalizations.imagenet,
      pad: 'mean',
    }),

  classes: (signature: Signature) => findHeads(signature.outputs)?.classes ?? 0,

  decode(outputs, { params, input, limits }) {
    const found = findHeads(Object.entries(outputs).map(([name, { dtype, dims }]) => ({ name, dtype, dims })));
    const levels = found ? countAnchors(input, found.anchors) : 0;
    if (!found || levels === 0) {
      throw unexpectedOutputs(
        outputs,
        "EfficientDet's regression [1,anchors,4] and classification [1,anchors,classes]",
      );
    }
    const deltas = toFloats(outputs[found.regression]!);
    const scores = toFloats(outputs[found.classification]!);
    const candidates = new Candidates(limits);
    let i = 0;
    for (const { stride, width, height } of pyramidLevels(input, STRIDES.slice(0, levels))) {
      const size = params.anchorScale * stride;
      for (let cell = 0; cell < width * height; cell++) {
        for (let k = 0; k < SHAPES.length; k++, i++) {
          const best = bestClass(scores, i * found.classes, found.classes);
          const score = scores[i * found.classes + best]!;
          if (!candidates.wants(score)) continue;
          const [anchorWidth, anchorHeight] = [size * SHAPES[k]!.x, size * SHAPES[k]!.y];
          const y = (Math.floor(cell / width) + 0.5) * stride + deltas[4 * i]! * anchorHeight;
          const x = ((cell % width) + 0.5) * stride + deltas[4 * i + 1]! * anchorWidth;
          const halfHeight = (Math.exp(deltas[4 * i + 2]!) * anchorHeight) / 2;
          const halfWidth = (Math.exp(deltas[4 * i + 3]!) * anchorWidth) / 2;
          candidates.add(
            Math.max(x - halfWidth, 0),
            Math.max(y - halfHeight, 0),
            Math.min(x + halfWidth, input.width - 1),
            Math.min(y + halfHeight, input.height - 1),
            score,
            best,
            i,
          );
        }
      }
    }
    return candidates.suppress();
  },
});

/** Beside them there may be feature maps, of rank 4, and the anchors, which we make ourselves. */
function findHeads(values: readonly Value[]) {
  const rows = values.filter((v) => isFloat(v) && v.dims.length === 3 && isOne(v.dims[0]));
  const fours = rows.filter(({ dims }) => dims[2] === 4);
  const regression = fours.length === 1 ? fours[0] : fours.find(({ name }) => name === 'regression');
  const classification = rows.find((v) => v.name === 'classification') ?? rows.find((v) => v.dims[2] !== 4);
  const [, anchors, classes] = classification?.dims ?? [];
  if (!regression || !classification || regression === classification || rows.length > 3) return undefined;
  if (!isFixed(anchors) || !isFixed(classes) || regression.dims[1] !== anchors) return undefined;
  return { regression: regression.name, classification: classification.name, anchors, classes };
}

/** How many levels have so many anchors, five or six; 0 where neither. */
function countAnchors(input: Size, anchors: number): number {
  const fits = (n: number) => SHAPES.length * countCells(pyramidLevels(input, STRIDES.slice(0, n))) === anchors;
  return [5, 6].find(fits) ?? 0;
}

function bestClass(scores: Float32Array, at: number, classes: number): number {
  let best = 0;
  for (let c = 1; c < classes; c++) if (scores[at + c]! > scores[at + best]!) best = c;
  return best;
}
