import { z } from 'zod';
import { logit, sigmoid } from '../vision/scores.ts';
import { isFixed, type ValueInfo } from '../vision/signature.ts';
import { toFloats } from '../vision/tensor.ts';
import { defineFamily } from './define.ts';
import {
  countOperators,
  findImageInput,
  fixedInputSize,
  imageInputSpec,
  isFloat,
  isOne,
  unexpectedOutputs,
} from './graph.ts';
import { isUNet, normalizationSchema, normalizations } from './normalization.ts';

/** U²-Net gives the mask, then the six that it is fused from. */
const U2NET_OUTPUTS = 7;
/** The side that IS-Net takes. */
const ISNET_SIDE = 1024;

export const binaryMask = defineFamily({
  task: 'semantic-segmentation',
  title: 'One mask: foreground or background',
  reference:
    'google-ai-edge/mediapipe: mediapipe/modules/selfie_segmentation; milesial/Pytorch-UNet: predict.py; xuebinqin/U-2-Net: u2net_test.py; xuebinqin/DIS; danielgatis/rembg: rembg/sessions',
  params: z.strictObject({
    /** Whether the map holds logits. */
    logits: z.boolean().default(false),
    /** Whether the map is stretched from its least to its largest value over 0–1 first, as U²-Net and IS-Net do. */
    rescale: z.boolean().default(false),
    /** Least probability of the foreground. */
    threshold: z.number().gt(0).lt(1).default(0.5),
    /** Name of the class that the map scores. */
    foreground: z.string().min(1).default('foreground'),
    normalization: normalizationSchema.default('unit'),
  }),
  defaults: { scoreThreshold: 0, iouThreshold: 1, maxDetections: 1 },

  recognise(signature, probe) {
    const size = fixedInputSize(signature, probe);
    const [output] = signature.outputs;
    if (!size || !output || !findImageInput(signature) || !signature.outputs.every(isOneChannel)) return undefined;
    const [, a, b, c] = output.dims;
    const [height, width] = a === 1 ? [b, c] : [a, b];
    if (!isFixed(height) || !isFixed(width)) return undefined;
    const evidence = [`a map of one channel, ${width}×${height}`];
    if (signature.outputs.length === U2NET_OUTPUTS) {
      const params = { rescale: true, normalization: 'imagenet' };
      return { confidence: 0.75, evidence: [...evidence, `${U2NET_OUTPUTS} of them: U²-Net`], params };
    }
    // Distances look like masks, and have their name.
    if (signature.outputs.length > 1 || /depth|disp/i.test(output.name)) return undefined;
    const sigmoid = countOperators(signature, 'Sigmoid') > 0;
    if (sigmoid && size.width === ISNET_SIDE && size.height === ISNET_SIDE) {
      const params = { rescale: true, normalization: 'centered' };
      return { confidence: 0.6, evidence: [...evidence, 'Sigmoid in the graph', 'the side of IS-Net'], params };
    }
    if (sigmoid) return { confidence: 0.6, evidence: [...evidence, 'Sigmoid in the graph'] };
    // Depth and other regressions have this shape too, and end without a sigmoid.
    const confidence = isUNet(signature) ? 0.6 : 0.4;
    return { confidence, evidence: [...evidence, 'no Sigmoid: logits (assumed)'], params: { logits: true } };
  },

  input: (signature, { normalization }) =>
    imageInputSpec(signature, {
      fit: 'stretch',
      defaultSize: { width: 256, height: 256 },
      dynamic: { mode: 'scale', longest: 1024, multiple: 32, anchor: 'top-left', enlarge: false },
      pad: 114,
      ...normalizations[normalization],
    }),

  classes: (_signature, { foreground }) => ['background', foreground],

  decode(outputs, { params }) {
    // The first of several is the fused one.
    const output = Object.values(outputs).find(isOneChannel);
    if (!output) throw unexpectedOutputs(outputs, 'a mask [1,1,H,W] or [1,H,W,1]');
    const [, a, b, c] = output.dims as [number, number, number, number];
    const [height, width] = a === 1 ? [b, c] : [a, b];
    const data = toFloats(output).subarray(0, width * height);
    return { kind: 'binary', width, height, data, threshold: thresholdFor(data, params) };
  },
});

/** Where a map of these values passes from background to foreground, in its own units. */
function thresholdFor(
  data: Float32Array,
  { logits, rescale, threshold }: { readonly logits: boolean; readonly rescale: boolean; readonly threshold: number },
): number {
  const toProbability = logits ? sigmoid : (value: number) => value;
  const [least, most] = rescale ? extremes(data).map(toProbability) : [0, 1];
  const probability = least! + threshold * (most! - least!);
  return logits ? logit(probability) : probability;
}

/** Of the numbers that are some. */
function extremes(data: Float32Array): number[] {
  let [least, most] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (let i = 0; i < data.length; i++) {
    if (data[i]! < least) least = data[i]!;
    if (data[i]! > most) most = data[i]!;
  }
  return [least, most];
}

function isOneChannel(value: Pick<ValueInfo, 'dtype' | 'dims'>): boolean {
  const { dims } = value;
  return isFloat(value) && dims.length === 4 && isOne(dims[0]) && (dims[1] === 1 || dims[3] === 1);
}
