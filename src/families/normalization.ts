import { z } from 'zod';
import type { InputSpec } from '../vision/input-spec.ts';
import type { Signature } from '../vision/signature.ts';
import { countOperators, findImageInput } from './graph.ts';
import { hasWeight } from './head-weights.ts';

/** Ways to normalise pixels that no graph tells, for RGB order unless it says otherwise. */
export const normalizations = {
  /** 0–255 as they are. */
  none: { mean: [0, 0, 0], std: [1, 1, 1] },
  /** 0 to 1. */
  unit: { mean: [0, 0, 0], std: [255, 255, 255] },
  /** −1 to 1, TensorFlow's usual. */
  symmetric: { mean: [127.5, 127.5, 127.5], std: [127.5, 127.5, 127.5] },
  /** −0.5 to 0.5, as IS-Net was trained. */
  centered: { mean: [127.5, 127.5, 127.5], std: [255, 255, 255] },
  /** torchvision's: mean .485 .456 .406 and standard deviation .229 .224 .225 after division by 255. */
  imagenet: { mean: [123.675, 116.28, 103.53], std: [58.395, 57.12, 57.375] },
  /** The statistics of COCO's pictures that CornerNet and CenterNet take, for BGR order (their db/coco.py, coco.py). */
  corners: {
    mean: [0.40789654 * 255, 0.44719302 * 255, 0.47026115 * 255],
    std: [0.28863828 * 255, 0.27408164 * 255, 0.27809835 * 255],
  },
  /** Caffe's ResNets: means of blue, green and red, for BGR order. */
  caffe: { mean: [102.9801, 115.9465, 122.7717], std: [1, 1, 1] },
} as const satisfies Record<string, Pick<InputSpec, 'mean' | 'std'>>;

export type Normalization = keyof typeof normalizations;

export const normalizationSchema = z.enum(['none', 'unit', 'symmetric', 'centered', 'imagenet']);

/** Skip connections of a decoder that goes up as often as it joins them, and nothing of a transformer. */
export function isUNet(signature: Signature): boolean {
  const ups = countOperators(signature, 'ConvTranspose', 'Resize', 'Upsample');
  const transformer = countOperators(signature, 'LayerNormalization', 'Softmax', 'Erf', 'Einsum', 'MatMul');
  return ups >= 3 && countOperators(signature, 'Concat') >= 3 && transformer === 0;
}

/** U²-Net gives the map, then the six that it is fused from. */
export function isU2Net({ outputs }: Signature): boolean {
  return outputs.length === 7;
}

/** Decoders of qubvel/segmentation_models.pytorch, whose encoders are pretrained on ImageNet. */
export function isPretrainedUNet(signature: Signature): boolean {
  return hasWeight(signature, /(?:^|\.)segmentation_head\.0\.(?:weight|bias)$/);
}

/**
 * The usual normalisation of the training framework that a graph seems to come from: a byte input normalises in the
 * graph; channels last and converters from TensorFlow mean −1 to 1; U-Nets 0 to 1, but for those with a pretrained
 * encoder and U²-Net; anything else torchvision's.
 */
export function guessNormalization(signature: Signature): { normalization: Normalization; evidence: string } {
  const input = findImageInput(signature);
  if (input?.dtype === 'uint8') return { normalization: 'none', evidence: 'the graph takes bytes' };
  if (input?.layout === 'nhwc' || /^(tf|keras|tensorflow)/i.test(signature.producer)) {
    return { normalization: 'symmetric', evidence: 'made with TensorFlow: pixels scaled to −1…1 (assumed)' };
  }
  if (isPretrainedUNet(signature)) {
    return { normalization: 'imagenet', evidence: 'an encoder pretrained on ImageNet: its statistics' };
  }
  if (isUNet(signature) && !isU2Net(signature)) {
    return { normalization: 'unit', evidence: 'a U-Net: pixels scaled to 0…1 (assumed)' };
  }
  return { normalization: 'imagenet', evidence: 'pixels normalised with ImageNet statistics (assumed)' };
}
