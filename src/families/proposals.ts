import type { InputSpec } from '../vision/input-spec.ts';
import { isFixed, type Signature, type ValueInfo } from '../vision/signature.ts';
import type { Tensor, Tensors } from '../vision/tensor.ts';
import { isFloat } from './graph.ts';

/** The graph's output, as far as decoders see it, that says where it was told to look: float32 [n,4]. */
const PROPOSALS = 'proposals';

/** A graph's input for boxes to look into: [n,5], the picture's number in the batch first, or [n,4]. */
export function proposalInput(signature: Signature): ValueInfo | undefined {
  return signature.inputs.find(
    (value) => /^(rois|proposals)$/i.test(value.name) && isFloat(value) && [4, 5].includes(Number(value.dims.at(-1))),
  );
}

/** How many boxes a graph takes, where that is fixed. */
export function mostProposals(signature: Signature): number | undefined {
  const count = proposalInput(signature)?.dims.at(-2);
  return isFixed(count) ? count : undefined;
}

/** Why a model is not to be told where to look, where it is so. @param count of the boxes that a request names */
export function refusalOf(
  count: number,
  { signature, input }: { readonly signature: Signature; readonly input: InputSpec },
): string | undefined {
  const most = mostProposals(signature);
  if (!input.windows && !proposalInput(signature))
    return 'this model finds out by itself where to look; leave them out';
  return most !== undefined && count > most ? `this model takes at most ${most}, not ${count}` : undefined;
}

/** A graph's outputs and the boxes that it looked into, 4n in model-input pixels. */
export function withProposals(outputs: Tensors, boxes: Float32Array): Tensors {
  return { ...outputs, [PROPOSALS]: { dtype: 'float32', dims: [boxes.length / 4, 4], data: boxes } satisfies Tensor };
}

/** The boxes that a graph looked into, and its outputs without them. */
export function splitProposals({ [PROPOSALS]: boxes, ...outputs }: Tensors): {
  readonly boxes: Float32Array | undefined;
  readonly outputs: Tensors;
} {
  const isBoxes = boxes?.dtype === 'float32' && boxes.dims.length === 2 && boxes.dims[1] === 4;
  return { boxes: isBoxes ? boxes.data : undefined, outputs };
}
