import type { ValueInfo } from '../vision/signature.ts';

/** What computes a value. */
export interface Giver {
  readonly operator: string;
  /** The name of its first input. */
  readonly input: string;
}

/** Operators that change a tensor's shape, size or type, and not what its numbers mean. */
const passing = new Set([
  'Identity',
  'Cast',
  'Transpose',
  'Reshape',
  'Flatten',
  'Squeeze',
  'Unsqueeze',
  'Slice',
  'Resize',
  'Upsample',
  'QuantizeLinear',
  'DequantizeLinear',
]);

/** More of them in a row than exporters write; a graph may also be a circle. */
const MAX_PASSING = 32;

/** The operator behind each output, those left out that only pass numbers on. @param givers by the values' names. */
export function lastOperators(
  outputs: readonly ValueInfo[],
  givers: ReadonlyMap<string, Giver>,
): Record<string, string> {
  const last = outputs.flatMap(({ name }) => {
    let giver = givers.get(name);
    for (let n = 0; giver && passing.has(giver.operator) && n < MAX_PASSING; n++) giver = givers.get(giver.input);
    return giver ? [[name, giver.operator] as const] : [];
  });
  return Object.fromEntries(last);
}
