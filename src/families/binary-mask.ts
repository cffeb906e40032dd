import { z } from 'zod';
import { logit, sigmoid } from '../vision/scores.ts';
import { isFixed, type Signature, type ValueInfo } from '../vision/signature.ts';
import { toFloats } from '../vision/tensor.ts';
import { defineFamily } from './define.ts';
import {
  countOperators,
  endsIn,
  findImageInput,
  firstByName,
  fixedInputSize,
  imageInputSpec,
  isFloat,
  isOne,
  unexpectedOutputs,
} from './graph.ts';
import { hasWeight } from './head-weights.ts';
import { isPretrainedUNet, isU2Net, isUNet, normalizationSchema, normalizations } from './normalization.ts';

/** Sides that the references of U²-Net, and of IS-Net and BiRefNet, stretch pictures to. */
const U2NET_SIDE = 320;
const ISNET_SIDE = 1024;
/** Nested U's pool within each of their stages: 33 times in U²-Net and IS-Net, 4 or 5 times in a plain one. */
const NESTED_POOLS = 30;
/** MODNet's norm is half a batch's, half a picture's, 16 times. */
const MODNET_NORMS = 16;

export const binaryMask = defineFamily({
  task: 'semantic-segmentation',
  title: 'One mask: foreground or background',
  reference:
    'google-ai-edge/mediapipe: mediapipe/modules/selfie_segmentation; milesial/Pytorch-UNet: predict.py; xuebinqin/U-2-Net: u2net_test.py; xuebinqin/DIS; danielgatis/rembg: rembg/sessions; ZHKKKe/MODNet: onnx/inference_onnx.py; PeterL1n/RobustVideoMatting: documentation/inference.md',
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
    const output = pickMask(signature.outputs);
    if (!size || !output || !findImageInput(signature)) return undefined;
    const [, a, b, c] = output.dims;
    const [height, width] = a === 1 ? [b, c] : [a, b];
    if (!isFixed(height) || !isFixed(width)) return undefined;
    const found = (confidence: number, why: string, params = {}) => ({
      confidence,
      evidence: [`a map of one channel, ${width}×${height}`, why],
      params,
    });
    if (isVideoMatting(signature)) return found(0.9, 'RobustVideoMatting: each picture is a film of its own');
    if (!signature.outputs.every(isOneChannel)) return undefined;
    const imagenet = { rescale: true, normalization: 'imagenet' };
    if (isU2Net(signature)) {
      // They look alike, and all but the first are coarse.
      const isTold = firstByName(signature.outputs) === output;
      return found(isTold ? 0.75 : 0.45, `seven of them: U²-Net${isTold ? '' : ', and no name says which'}`, imagenet);
    }
    // Distances look like masks, and have their name.
    if (signature.outputs.length > 1 || /depth|disp/i.test(output.name)) return undefined;
    const logits = !endsIn(signature, output, 'Sigmoid', 'HardSigmoid');
    if (isBiRefNet(signature)) return found(0.85, 'layers named as in BiRefNet', { ...imagenet, logits });
    const normalization = isPretrainedUNet(signature) ? 'imagenet' : 'unit';
    // Depth and other regressions have this shape too, and end without a sigmoid.
    if (logits) {
      return found(isUNet(signature) ? 0.6 : 0.4, 'no Sigmoid at the end: logits (assumed)', { logits, normalization });
    }
    if (isModNet(signature)) return found(0.85, 'ends in a Sigmoid; norms of MODNet', { normalization: 'symmetric' });
    if (countOperators(signature, 'MaxPool') >= NESTED_POOLS) {
      if (size.width === U2NET_SIDE) return found(0.7, 'nested U’s, with the side of U²-Net', imagenet);
      return found(0.7, 'nested U’s: IS-Net (assumed)', { rescale: true, normalization: 'centered' });
    }
    return found(0.6, 'ends in a Sigmoid', { normalization });
  },

  input(signature, { normalization, rescale }) {
    const side = isU2Net(signature) ? U2NET_SIDE : rescale ? ISNET_SIDE : 256;
    const rest = {
      fit: 'stretch',
      defaultSize: { width: side, height: side },
      ...normalizations[normalization],
    } as const;
    // Padding would be among the values that the map is stretched over.
    if (rescale) return imageInputSpec(signature, rest);
    const dynamic = isModNet(signature)
      ? ({ mode: 'limit', shortest: 512, longest: 2048, multiple: 32 } as const)
      : ({ mode: 'scale', longest: 1024, multiple: 32, anchor: 'top-left', enlarge: false } as const);
    return imageInputSpec(signature, { ...rest, dynamic, pad: 114 });
  },

  classes: (_signature, { foreground }) => ['background', foreground],

  decode(outputs, { params }) {
    const picked = pickMask(Object.entries(outputs).map(([name, { dtype, dims }]) => ({ name, dtype, dims })));
    const output = picked && outputs[picked.name];
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

/** Of several the one that videos' matting calls alpha, or the first: U²-Net's fused one. */
function pickMask(values: readonly ValueInfo[]): ValueInfo | undefined {
  const fitting = values.filter(isOneChannel);
  return fitting.find(({ name }) => name === 'pha') ?? firstByName(fitting) ?? fitting[0];
}

function isVideoMatting({ inputs, outputs }: Signature): boolean {
  return inputs.some(({ name }) => name === 'r1i') && outputs.some(({ name }) => name === 'pha');
}

function isModNet(signature: Signature): boolean {
  const [batch, picture] = ['BatchNormalization', 'InstanceNormalization'].map((name) =>
    countOperators(signature, name),
  );
  return batch === MODNET_NORMS && picture === MODNET_NORMS;
}

/** By the layers that ZhengPeng7/BiRefNet has and others lack (models/birefnet.py). */
function isBiRefNet(signature: Signature): boolean {
  return hasWeight(signature, /(?:^|\.)decoder\.gdt_convs_/);
}

function isOneChannel(value: Pick<ValueInfo, 'dtype' | 'dims'>): boolean {
  const { dims } = value;
  return isFloat(value) && dims.length === 4 && isOne(dims[0]) && (dims[1] === 1 || dims[3] === 1);
}
