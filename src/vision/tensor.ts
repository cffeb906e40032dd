/** Typed array behind each element type that Miru reads or writes. float16 is kept as its raw bits. */
export interface TensorArrays {
  float32: Float32Array;
  float64: Float64Array;
  float16: Uint16Array;
  uint8: Uint8Array;
  int8: Int8Array;
  uint16: Uint16Array;
  int16: Int16Array;
  int32: Int32Array;
  uint32: Uint32Array;
  int64: BigInt64Array;
  uint64: BigUint64Array;
  bool: Uint8Array;
}

export type DType = keyof TensorArrays;

/** A dense row-major tensor, discriminated by `dtype`. */
export type Tensor = {
  [D in DType]: { readonly dtype: D; readonly dims: readonly number[]; readonly data: TensorArrays[D] };
}[DType];

/** Tensors by the graph's own names. */
export type Tensors = Readonly<Record<string, Tensor>>;

/** The numbers of a tensor as float32, without a copy where they already are. int64 loses precision past 2^24. */
export function toFloats(tensor: Tensor): Float32Array {
  switch (tensor.dtype) {
    case 'float32':
      return tensor.data;
    case 'float16':
      return Float32Array.from(tensor.data, halfToFloat);
    case 'int64':
    case 'uint64':
      return Float32Array.from(tensor.data as BigInt64Array, Number);
    default:
      return Float32Array.from(tensor.data);
  }
}

/** IEEE 754 binary16 bits to a number. */
export function halfToFloat(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 0x1f) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

const scratchFloat = new Float32Array(1);
const scratchBits = new Uint32Array(scratchFloat.buffer);

/** A number to IEEE 754 binary16 bits, rounding to nearest even. */
export function floatToHalf(value: number): number {
  scratchFloat[0] = value;
  const bits = scratchBits[0]!;
  const sign = (bits >>> 16) & 0x8000;
  const magnitude = bits & 0x7fffffff;
  if (magnitude > 0x7f800000) return sign | 0x7e00;
  // 65520 and above round to infinity.
  if (magnitude >= 0x477ff000) return sign | 0x7c00;
  if (magnitude < 0x38800000) {
    // Subnormal halves are multiples of 2^-24.
    const scaled = Math.abs(scratchFloat[0]!) * 2 ** 24;
    const floor = Math.floor(scaled);
    const rest = scaled - floor;
    return sign | (floor + (rest > 0.5 || (rest === 0.5 && floor % 2 === 1) ? 1 : 0));
  }
  return sign | ((magnitude - 0x38000000 + 0xfff + ((magnitude >>> 13) & 1)) >>> 13);
}

/** The one tensor among `tensors` that `matches`. @throws RangeError when there is none. */
export function findTensor(tensors: Tensors, what: string, matches: (tensor: Tensor, name: string) => boolean): Tensor {
  for (const [name, tensor] of Object.entries(tensors)) if (matches(tensor, name)) return tensor;
  const have = Object.entries(tensors).map(([name, t]) => `${name} ${t.dtype}[${t.dims.join(',')}]`);
  throw new RangeError(`the model gave no ${what}; its outputs are ${have.join(', ') || 'none'}`);
}

/**
 * The outputs of several runs one below the other, as float32: [1,…] of each run becomes [runs,…].
 * @throws RangeError where runs gave outputs of other shapes than the first.
 */
export function stackRows(runs: readonly Tensors[]): Tensors {
  const [first = {}] = runs;
  return Object.fromEntries(
    Object.entries(first).map(([name, { dims }]) => {
      const parts = runs.map((outputs) => outputs[name]);
      const length = dims.reduce((a, b) => a * b, 1);
      const data = new Float32Array(parts.length * length);
      parts.forEach((part, i) => {
        if (String(part?.dims) !== String(dims))
          throw new RangeError(`${name} is ${part?.dims}, before it was ${dims}`);
        data.set(toFloats(part!), i * length);
      });
      return [name, { dtype: 'float32' as const, dims: [parts.length * (dims[0] ?? 1), ...dims.slice(1)], data }];
    }),
  );
}

/** The first `rows` of a tensor's first dimension, without a copy. */
export function firstRows(tensor: Tensor, rows: number): Tensor {
  const dims = [rows, ...tensor.dims.slice(1)];
  const length = dims.reduce((a, b) => a * b, 1);
  return { ...tensor, dims, data: tensor.data.subarray(0, length) } as Tensor;
}
