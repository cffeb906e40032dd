import { z } from 'zod';
import type { InputSpec } from '../vision/input-spec.ts';
import type { Signature } from '../vision/signature.ts';
import { findImageInput } from './graph.ts';

/** Ways to normalise pixels that no graph tells, for RGB order. */
export const normalizations = {
  /** 0–255 as they are. */
  none: { mean: [0, 0, 0], std: [1, 1, 1] },
  /** 0 to 1. */
  unit: { mean: [0, 0, 0], std: [255, 255, 255] },
  /** −1 to 1, TensorFlow's usual. */
  symmetric: { mean: [127.5, 127.5, 127.5], std: [127.5, 127.5, 127.5] },
  /** torchvision's: mean .485 .456 .406 and standard deviation .229 .224 .225 after division by 255. */
  imagenet: { mean: [123.675, 116.28, 103.53], std: [58.395, 57.12, 57.375] },
} as const satisfies Record<string, Pick<InputSpec, 'mean' | 'std'>>;

export type Normalization = keyof typeof normalizations;

export const normalizationSchema = z.enum(['none', 'unit', 'symmetric', 'imagenet']);

/**
 * The usual normalisation of the training framework that a graph seems to come from: a byte input normalises in the
 * graph; channels last and converters from TensorFlow mean −1 to 1; anything else torchvision's.
 */
export function guessNormalization(signature: Signature): { normalization: Normalization; evidence: string } {
  const input = findImageInput(signature);
  if (input?.dtype === 'uint8') return { normalization: 'none', evidence: 'the graph takes bytes' };
  if (input?.layout === 'nhwc' || /^(tf|keras|tensorflow)/i.test(signature.producer)) {
    return { normalization: 'symmetric', evidence: 'made with TensorFlow: pixels scaled to −1…1 (assumed)' };
  }
  return { normalization: 'imagenet', evidence: 'pixels normalised with ImageNet statistics (assumed)' };
}
