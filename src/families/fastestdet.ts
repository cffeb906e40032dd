import { z } from 'zod';
import { Candidates } from '../vision/candidates.ts';
import { columnMaxima, sigmoid } from '../vision/scores.ts';
import { isFixed } from '../vision/signature.ts';
import { type Tensor, toFloats } from '../vision/tensor.ts';
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
import { normalizations } from './normalization.ts';

/** Objectness, x, y, w, h, before the classes. */
const BOX_CHANNELS = 5;
const STRIDE = 16;
/** score = objectness^0.6 · class^0.4, the weighting of the reference's post-processing. */
const OBJECTNESS_EXPONENT = 0.6;
const CLASS_EXPONENT = 0.4;

export const fastestdet = defineFamily({
  task: 'detection',
  title: 'FastestDet',
  reference: 'dog-qiuqiu/FastestDet: module/custom_layers.py, utils/tool.py (handle_preds)',
  params: z.strictObject({}),
  defaults: { scoreThreshold: 0.25, iouThreshold: 0.45, maxDetections: 300 },

  recognise(signature, probe) {
    const output = soleOutput(signature);
    const size = fixedInputSize(signature, probe);
    if (!size || output?.dims.length !== 4 || !isFloat(output) || !isOne(output.dims[0])) return undefined;
    const [, channels, height, width] = output.dims;
    if (!isFixed(channels) || channels <= BOX_CHANNELS) return undefined;
    if (height !== size.height / STRIDE || width !== size.width / STRIDE) return undefined;
    if (!countOperators(signature, 'Sigmoid') || !countOperators(signature, 'Softmax')) return undefined;
    const evidence = [`one map of ${channels} channels at stride ${STRIDE}`, 'Sigmoid and Softmax in the graph'];
    const seen = probe?.outputs[output.name];
    if (seen) {
      if (!isDistribution(seen)) return undefined;
      return { confidence: 0.85, evidence: [...evidence, `the last ${channels - BOX_CHANNELS} add up to 1`] };
    }
    return {
      // Any segmentation head at stride 16 has this shape; only COCO's number is telling.
      confidence: channels === BOX_CHANNELS + 80 ? 0.6 : 0.4,
      evidence,
    };
  },

  // The reference reads pictures with OpenCV and never swaps the channels: BGR.
  input: (signature) =>
    imageInputSpec(signature, {
      fit: 'stretch',
      defaultSize: { width: 352, height: 352 },
      color: 'bgr',
      ...normalizations.unit,
    }),

  classes(signature) {
    const channels = soleOutput(signature)?.dims[1];
    return isFixed(channels) ? channels - BOX_CHANNELS : 0;
  },

  decode(outputs, { input, limits }) {
    const output = Object.values(outputs).find(({ dims }) => dims.length === 4 && dims[1]! > BOX_CHANNELS);
    if (!output) throw unexpectedOutputs(outputs, "FastestDet's [1,5 + classes,H/16,W/16]");
    const [, channels, height, width] = output.dims as [number, number, number, number];
    const area = width * height;
    const data = toFloats(output);
    const best = columnMaxima(data, BOX_CHANNELS * area, channels - BOX_CHANNELS, area);
    const candidates = new Candidates(limits);
    for (let cell = 0; cell < area; cell++) {
      const score = data[cell]! ** OBJECTNESS_EXPONENT * best.values[cell]! ** CLASS_EXPONENT;
      if (!candidates.wants(score)) continue;
      const x = ((cell % width) + Math.tanh(data[area + cell]!)) * (input.width / width);
      const y = (Math.floor(cell / width) + Math.tanh(data[2 * area + cell]!)) * (input.height / height);
      const halfWidth = (sigmoid(data[3 * area + cell]!) * input.width) / 2;
      const halfHeight = (sigmoid(data[4 * area + cell]!) * input.height) / 2;
      candidates.add(x - halfWidth, y - halfHeight, x + halfWidth, y + halfHeight, score, best.indices[cell]!, cell);
    }
    return candidates.suppress();
  },
});

/** Whether each cell has a probability of being an object, and probabilities of classes that add up to 1. */
function isDistribution(tensor: Tensor): boolean {
  const [, channels, height, width] = tensor.dims as [number, number, number, number];
  const data = toFloats(tensor);
  const area = width * height;
  for (let cell = 0; cell < area; cell++) {
    if (!(data[cell]! >= 0 && data[cell]! <= 1)) return false;
    let sum = 0;
    for (let at = BOX_CHANNELS * area + cell; at < channels * area; at += area) sum += data[at]!;
    if (!(Math.abs(sum - 1) < 0.01)) return false;
  }
  return true;
}
