/**
 * The index, 0 to count − 1, of the largest of `count` values from `start`, `step` apart; the first of equals. NaN never
 * wins; 0 where nothing does.
 */
export function argmax(data: Float32Array, start: number, count: number, step = 1): number {
  let best = Number.NEGATIVE_INFINITY;
  let index = 0;
  for (let i = 0, at = start; i < count; i++, at += step) {
    const value = data[at]!;
    if (value > best) {
      best = value;
      index = i;
    }
  }
  return index;
}

/** The logistic function, 1 / (1 + e⁻ˣ). */
export function sigmoid(x: number): number {
  return 1 / (1 + Math.exp(-x));
}

/** The smallest logit whose sigmoid reaches `probability`, so that most logits need no exponential. */
export function logit(probability: number): number {
  return Math.log(probability / (1 - probability));
}

/** exp(xᵢ − max) / Σ exp: a distribution over `data`. NaN where the logits hold NaN. */
export function softmax(data: Float32Array): Float32Array {
  let max = Number.NEGATIVE_INFINITY;
  for (const x of data) if (x > max) max = x;
  const result = Float32Array.from(data, (x) => Math.exp(x - max));
  let sum = 0;
  for (const x of result) sum += x;
  for (let i = 0; i < result.length; i++) result[i]! /= sum;
  return result;
}

/**
 * The largest of each column of a row-major rows × columns matrix from `start`, and the row where it first occurs.
 * Goes through memory in order, which a strided `argmax` of every column does not. NaN never wins.
 */
export function columnMaxima(
  data: Float32Array,
  start: number,
  rows: number,
  columns: number,
): { readonly values: Float32Array; readonly indices: Int32Array } {
  const values = new Float32Array(columns).fill(Number.NEGATIVE_INFINITY);
  const indices = new Int32Array(columns);
  for (let row = 0, at = start; row < rows; row++) {
    for (let column = 0; column < columns; column++, at++) {
      const value = data[at]!;
      if (value > values[column]!) {
        values[column] = value;
        indices[column] = row;
      }
    }
  }
  return { values, indices };
}
