/** Below this many numbers, numpy adds them with eight running sums. */
const BLOCK = 128;

/**
 * The sum of `values[from]` to `values[to − 1]`, added in the order in which numpy adds them (pairwise halves down to
 * blocks of 128, eight running sums inside): COCO's means are numpy's, and floating-point addition depends on order.
 */
export function pairwiseSum(values: Float64Array, from: number, to: number): number {
  const n = to - from;
  if (n < 8) {
    let sum = 0;
    for (let i = from; i < to; i++) sum += values[i]!;
    return sum;
  }
  if (n > BLOCK) {
    const half = Math.floor(n / 16) * 8;
    return pairwiseSum(values, from, from + half) + pairwiseSum(values, from + half, to);
  }
  let a = values[from]!;
  let b = values[from + 1]!;
  let c = values[from + 2]!;
  let d = values[from + 3]!;
  let e = values[from + 4]!;
  let f = values[from + 5]!;
  let g = values[from + 6]!;
  let h = values[from + 7]!;
  let i = from + 8;
  for (; i + 8 <= to; i += 8) {
    a += values[i]!;
    b += values[i + 1]!;
    c += values[i + 2]!;
    d += values[i + 3]!;
    e += values[i + 4]!;
    f += values[i + 5]!;
    g += values[i + 6]!;
    h += values[i + 7]!;
  }
  let sum = a + b + (c + d) + (e + f + (g + h));
  for (; i < to; i++) sum += values[i]!;
  return sum;
}
