import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { type FamilyName, families } from '../../src/families/index.ts';
import type { Signature } from '../../src/vision/signature.ts';
import type { DType, Tensor, Tensors } from '../../src/vision/tensor.ts';
import type { Limits, Size } from '../../src/vision/types.ts';

/** A graph's outputs and what the reference's own post-processing made of them, in model-input pixels. */
export interface ParityCase {
  /** Program, file and version that gave `expected`, and where the graph came from. */
  readonly reference: string;
  readonly signature: Pick<Signature, 'inputs' | 'outputs'> & Partial<Signature>;
  /** Laid over the params that recognition reads off the signature. */
  readonly params?: Readonly<Record<string, unknown>>;
  readonly input: Size;
  readonly limits?: Partial<Limits>;
  /** Raw little-endian bytes in base64. */
  readonly outputs: Readonly<Record<string, { dtype: DType; dims: number[]; data: string }>>;
  readonly expected: {
    readonly boxes?: readonly (readonly number[])[];
    readonly scores?: readonly number[];
    readonly labels?: readonly number[];
    /** One bit a pixel of the input, row-major, the highest bit first; base64. */
    readonly masks?: readonly string[];
    /** x, y, score of each point of each object. */
    readonly keypoints?: readonly (readonly (readonly number[])[])[];
    /** x, y of the four corners of each object, from any corner, in any direction. */
    readonly corners?: readonly (readonly (readonly number[])[])[];
    /** Scores of a classification. */
    readonly classes?: readonly number[];
    /** A label map of the input's size: base64 of bytes. */
    readonly map?: string;
  };
}

const folder = new URL('fixtures/', import.meta.url).pathname;
/** Title, family and file of every case. */
export const parityCases = (Object.keys(families) as FamilyName[]).flatMap((family) =>
  readdirSync(join(folder, family))
    .filter((file) => file.endsWith('.json'))
    .map((file) => [`${family}/${file}`, family, join(folder, family, file)] as const),
);

export function readOutputs(outputs: ParityCase['outputs']): Tensors {
  const arrays = {
    float32: Float32Array,
    float64: Float64Array,
    float16: Uint16Array,
    uint8: Uint8Array,
    int8: Int8Array,
    uint16: Uint16Array,
    int16: Int16Array,
    int32: Int32Array,
    uint32: Uint32Array,
    int64: BigInt64Array,
    uint64: BigUint64Array,
    bool: Uint8Array,
  } as const;
  return Object.fromEntries(
    Object.entries(outputs).map(([name, { dtype, dims, data }]) => {
      const bytes = Uint8Array.from(Buffer.from(data, 'base64'));
      return [name, { dtype, dims, data: new arrays[dtype](bytes.buffer) } as Tensor];
    }),
  );
}
