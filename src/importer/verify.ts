import { openSession } from '../runtime/session.ts';
import { toFloats } from '../vision/tensor.ts';
import { sizeOf, transposed } from './constant.ts';
import type { Conversion } from './convert.ts';
import { loadTensorFlow, runReference } from './reference.ts';
import { testPicture } from './test-picture.ts';
import { invalid } from './tfjs-model.ts';

export interface OutputCheck {
  readonly name: string;
  readonly dims: readonly number[];
  /** The largest |ours − original| over all elements. */
  readonly maxDifference: number;
  /** The largest |original|. */
  readonly maxMagnitude: number;
  /** What `maxDifference` may be. */
  readonly allowed: number;
}

export type Verification =
  | { readonly verified: true; readonly outputs: readonly OutputCheck[] }
  | { readonly verified: false; readonly reason: string };

/**
 * A thousandth of the output's range, but no less than 0.001. Scores lie in 0–1, where a thousandth moves no detection
 * that matters; regressions are in pixels or bins, where float32 sums of a few thousand terms differ by their order.
 */
const tolerance = 1e-3;

/**
 * Runs the original and the converted model on the same picture.
 * @param range the values that the model's input takes, e.g. [0, 255]
 */
export async function verify(
  path: string,
  conversion: Pick<Conversion, 'inputs' | 'outputs'>,
  onnx: Uint8Array,
  range: readonly [number, number],
): Promise<Verification> {
  const tensorFlow = await loadTensorFlow();
  if (typeof tensorFlow === 'string') return { verified: false, reason: tensorFlow };
  const inputs = conversion.inputs.map((port) => ({ ...port, data: testPicture(port.dims, range) }));
  const references = conversion.outputs.map(({ reference }) => reference);
  const expected = await runReference(tensorFlow, path, inputs, references);
  const session = await openSession(onnx, { provider: 'cpu', threads: 1 });
  const feeds = inputs.map(({ name, data, dims }) => [name, { dtype: 'float32', data, dims } as const] as const);
  const actual = await session.run(Object.fromEntries(feeds));
  await session.release();
  const outputs = conversion.outputs.map(({ name, axes, dims }, i) => {
    const { data, dims: original } = expected[i]!;
    const ordered = transposed(
      { dtype: 'float32', dims: original, data: Float32Array.from(data), encoding: 'plain' },
      axes,
    );
    const result = actual[name];
    if (result?.dims.join() !== ordered.dims.join()) {
      throw invalid(`output ${name} is [${result?.dims.join()}], the original gives [${ordered.dims.join()}]`);
    }
    return compare(name, dims, toFloats(result), ordered.data as Float32Array);
  });
  for (const { name, maxDifference, allowed } of outputs) {
    // Written so that NaN fails.
    if (!(maxDifference <= allowed)) {
      throw invalid(`output ${name} differs from the original by ${maxDifference}, more than ${allowed}`);
    }
  }
  return { verified: true, outputs };
}

function compare(name: string, dims: readonly number[], actual: Float32Array, expected: Float32Array): OutputCheck {
  let maxDifference = 0;
  let maxMagnitude = 0;
  for (let i = 0; i < sizeOf(dims); i++) {
    const difference = Math.abs(actual[i]! - expected[i]!);
    // NaN is larger than anything here: a model that loses a number has not been converted.
    if (!(difference <= maxDifference)) maxDifference = difference;
    maxMagnitude = Math.max(maxMagnitude, Math.abs(expected[i]!));
    if (Number.isNaN(maxDifference)) break;
  }
  return { name, dims, maxDifference, maxMagnitude, allowed: tolerance * Math.max(1, maxMagnitude) };
}
