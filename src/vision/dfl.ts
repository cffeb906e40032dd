/**
 * The distance that a distribution over `bins` integer bins means: Σ i·softmax(x)ᵢ over `bins` logits from `start`,
 * `step` apart. The integral of Generalized Focal Loss, arXiv:2006.04388, equation 6.
 */
export function expectedBin(data: Float32Array, start: number, bins: number, step = 1): number {
  let max = Number.NEGATIVE_INFINITY;
  for (let i = 0, at = start; i < bins; i++, at += step) if (data[at]! > max) max = data[at]!;
  let sum = 0;
  let weighted = 0;
  for (let i = 0, at = start; i < bins; i++, at += step) {
    const e = Math.exp(data[at]! - max);
    sum += e;
    weighted += i * e;
  }
  return weighted / sum;
}
