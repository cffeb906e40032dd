import { isFixed, type Signature, type ValueInfo } from '../vision/signature.ts';
import { firstRows, type Tensors } from '../vision/tensor.ts';
import { findImageInput } from './graph.ts';

/** How many pictures a graph takes at once; 1 where that is left open. */
export function batchOf(signature: Signature): number {
  if (findImageInput(signature)) return 1;
  const sizes = new Set(signature.inputs.flatMap(({ dims }) => (dims.length === 4 && isFixed(dims[0]) ? dims[0] : [])));
  for (const size of sizes) if (findImageInput(forOnePicture(signature, size))) return size;
  return 1;
}

/** The signature that the graph would have if it took one picture at a time: families know no other. */
export function forOnePicture(signature: Signature, batch: number): Signature {
  if (batch === 1) return signature;
  const one = (value: ValueInfo) => (value.dims[0] === batch ? { ...value, dims: [1, ...value.dims.slice(1)] } : value);
  return { ...signature, inputs: signature.inputs.map(one), outputs: signature.outputs.map(one) };
}

/** Of a batch's outputs what belongs to its first picture. @param signature the graph's own. */
export function ofFirstPicture(outputs: Tensors, signature: Signature, batch: number): Tensors {
  if (batch === 1) return outputs;
  const batched = new Set(signature.outputs.filter(({ dims }) => dims[0] === batch).map(({ name }) => name));
  return Object.fromEntries(
    Object.entries(outputs).map(([name, tensor]) => [name, batched.has(name) ? firstRows(tensor, 1) : tensor]),
  );
}
