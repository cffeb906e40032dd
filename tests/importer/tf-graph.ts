import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const base64 = (text: string) => Buffer.from(text).toString('base64');

/** TensorFlow attributes as model.json writes them. */
export const attr = {
  ints: (...values: number[]) => ({ list: { i: values.map(String) } }),
  int: (value: number) => ({ i: String(value) }),
  float: (value: number) => ({ f: value }),
  text: (value: string) => ({ s: base64(value) }),
  texts: (...values: string[]) => ({ list: { s: values.map(base64) } }),
  flag: (value: boolean) => ({ b: value }),
  type: (value: string) => ({ type: value }),
};

type Quantization = { dtype: 'float16' } | { dtype: 'uint8' | 'uint16'; scale: number; min: number };

/** Writes TensorFlow.js graph models for tests. */
export class TfGraph {
  readonly #nodes: { name: string; op: string; input?: readonly string[]; attr: object }[] = [];
  readonly #weights: object[] = [];
  readonly #bytes: Uint8Array[] = [];
  #counter = 0;

  input(name: string, dims: readonly number[]): string {
    const dim = dims.map((size) => ({ size: String(size) }));
    this.#nodes.push({ name, op: 'Placeholder', attr: { dtype: attr.type('DT_FLOAT'), shape: { shape: { dim } } } });
    return name;
  }

  node(op: string, inputs: readonly string[], attributes: object = {}, name = `${op}_${this.#counter++}`): string {
    this.#nodes.push({ name, op, input: inputs, attr: { T: attr.type('DT_FLOAT'), ...attributes } });
    return name;
  }

  /** A float constant; by default of values between −1 and 1 that differ from each other. */
  floats(dims: readonly number[], values = wave(dims)): string {
    return this.#constant('float32', dims, new Uint8Array(Float32Array.from(values).buffer));
  }

  ints(dims: readonly number[], values: readonly number[]): string {
    return this.#constant('int32', dims, new Uint8Array(Int32Array.from(values).buffer));
  }

  /** A one-dimensional int32 constant, as TensorFlow passes axes, shapes and paddings. */
  list(...values: number[]): string {
    return this.ints([values.length], values);
  }

  scalar(value: number): string {
    return this.ints([], [value]);
  }

  quantized(dims: readonly number[], quantization: Quantization, values: readonly number[]): string {
    const array = quantization.dtype === 'uint8' ? Uint8Array : Uint16Array;
    return this.#constant('float32', dims, new Uint8Array(array.from(values).buffer), quantization);
  }

  operators(): string[] {
    return this.#nodes.map(({ op }) => op);
  }

  /** The nodes that no other node reads. */
  ends(): string[] {
    const read = new Set(this.#nodes.flatMap(({ input }) => input ?? []).map((name) => name.replace(/:.*/, '')));
    return this.#nodes.map(({ name }) => name).filter((name) => !read.has(name));
  }

  json(overrides: object = {}): object {
    return {
      format: 'graph-model',
      modelTopology: { node: this.#nodes, library: {}, versions: {} },
      weightsManifest: [{ paths: ['weights.bin'], weights: this.#weights }],
      ...overrides,
    };
  }

  /** Writes the model into a temporary folder for as long as `use` runs. */
  async withFiles<T>(use: (path: string) => Promise<T>, overrides: object = {}): Promise<T> {
    const folder = await mkdtemp(join(tmpdir(), 'miru-test-'));
    try {
      await writeFile(join(folder, 'model.json'), JSON.stringify(this.json(overrides)));
      await writeFile(join(folder, 'weights.bin'), Buffer.concat(this.#bytes));
      return await use(join(folder, 'model.json'));
    } finally {
      await rm(folder, { recursive: true });
    }
  }

  #constant(dtype: string, shape: readonly number[], bytes: Uint8Array, quantization?: Quantization): string {
    const name = `constant_${this.#counter++}`;
    const type = dtype === 'int32' ? 'DT_INT32' : 'DT_FLOAT';
    this.#nodes.push({ name, op: 'Const', attr: { dtype: attr.type(type) } });
    this.#weights.push({ name, shape, dtype, ...(quantization ? { quantization } : {}) });
    this.#bytes.push(bytes);
    return name;
  }
}

function wave(dims: readonly number[]): number[] {
  const size = dims.reduce((product, dim) => product * dim, 1);
  return Array.from({ length: size }, (_, i) => Math.sin(1 + i * 1.7) * 0.9);
}
