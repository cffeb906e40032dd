import { readFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { z } from 'zod';
import { AppError, messageOf } from '../errors.ts';
import { type Constant, sizeOf } from './constant.ts';

const attribute = z.looseObject({
  i: z.coerce.number().optional(),
  f: z.number().optional(),
  b: z.boolean().optional(),
  s: z.string().optional(),
  type: z.string().optional(),
  shape: z
    .object({
      dim: z.array(z.object({ size: z.coerce.number().optional() })).optional(),
      unknownRank: z.boolean().optional(),
    })
    .optional(),
  list: z.looseObject({ i: z.array(z.coerce.number()).optional(), s: z.array(z.string()).optional() }).optional(),
});

const graphNode = z.object({
  name: z.string(),
  op: z.string(),
  input: z.array(z.string()).default([]),
  attr: z.record(z.string(), attribute).default({}),
});

const tensors = z.record(z.string(), z.object({ name: z.string().optional() }));
const signature = z.object({ inputs: tensors.optional(), outputs: tensors.optional() });

const weight = z.object({
  name: z.string(),
  shape: z.array(z.int().nonnegative()),
  dtype: z.string(),
  quantization: z.object({ dtype: z.string(), scale: z.number().optional(), min: z.number().optional() }).optional(),
});

/** model.json of a graph model (tensorflow/tfjs: tfjs-converter/docs and tfjs-core/src/io/types.ts). */
const document = z.object({
  format: z.string().default('graph-model'),
  generatedBy: z.string().nullish(),
  modelTopology: z.looseObject({ node: z.array(graphNode).optional() }),
  weightsManifest: z.array(z.object({ paths: z.array(z.string()), weights: z.array(weight) })),
  signature: signature.optional(),
  userDefinedMetadata: z.looseObject({ signature: signature.optional() }).optional(),
});

export type TfNode = z.output<typeof graphNode>;
type Weight = z.output<typeof weight>;

/** A TensorFlow.js graph model, read whole. */
export interface TfModel {
  readonly nodes: ReadonlyMap<string, TfNode>;
  readonly weights: ReadonlyMap<string, Constant>;
  /** Output references, `node` or `node:index`, in the model's own order. */
  readonly outputs: readonly string[];
  /** Where the model came from, by its own word. */
  readonly generatedBy: string;
}

/** @throws AppError invalid_model where the files are not a graph model, or not a whole one */
export async function readTfModel(path: string): Promise<TfModel> {
  const name = basename(path);
  const parsed = document.safeParse(await readJson(path));
  if (!parsed.success) throw invalid(`${name} is not a TensorFlow.js model: ${z.prettifyError(parsed.error)}`);
  const model = parsed.data;
  if (model.format !== 'graph-model' || !model.modelTopology.node) {
    throw invalid(`${name} is a TensorFlow.js ${model.format}; only graph models can be imported`);
  }
  const nodes = new Map(model.modelTopology.node.map((node) => [node.name, node]));
  const weights = new Map<string, Constant>();
  for (const group of model.weightsManifest) {
    const shards = await Promise.all(group.paths.map((shard) => readShard(dirname(path), shard)));
    readGroup(Buffer.concat(shards), group.weights, weights);
  }
  const declared = (model.signature ?? model.userDefinedMetadata?.signature)?.outputs;
  const outputs = Object.entries(declared ?? {}).map(([key, { name }]) => name ?? key);
  return {
    nodes,
    weights,
    outputs: outputs.length > 0 ? outputs.map((output) => output.replace(/:0$/, '')) : unused(nodes),
    generatedBy: model.generatedBy ?? '',
  };
}

/** A node's input as it is written, `name`, `name:index` or, for control dependencies, `^name`. */
export function parseReference(reference: string): { name: string; index: number } {
  const [name = '', index] = reference.split(':');
  return { name, index: Number(index ?? 0) };
}

export const dataInputs = (node: TfNode): string[] => node.input.filter((input) => !input.startsWith('^'));

function unused(nodes: ReadonlyMap<string, TfNode>): string[] {
  const used = new Set([...nodes.values()].flatMap((node) => node.input.map((input) => parseReference(input).name)));
  return [...nodes.keys()].filter((name) => !used.has(name));
}

async function readJson(path: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(path, 'utf8'));
  } catch (error) {
    throw invalid(`${basename(path)} is not a TensorFlow.js model: ${messageOf(error)}`, error);
  }
}

async function readShard(folder: string, name: string): Promise<Buffer> {
  // Shards lie beside model.json; a manifest has no business elsewhere.
  if (basename(name) !== name) throw invalid(`weights file ${name} does not lie beside model.json`);
  try {
    return await readFile(join(folder, name));
  } catch (error) {
    throw invalid(`weights file ${name} cannot be read: ${messageOf(error)}`, error);
  }
}

function readGroup(bytes: Buffer, weights: readonly Weight[], into: Map<string, Constant>): void {
  let offset = 0;
  for (const weight of weights) {
    const stored = weight.quantization?.dtype ?? weight.dtype;
    const { dtype } = weight;
    if (!isStored(stored) || (dtype !== 'float32' && dtype !== 'int32' && dtype !== 'bool')) {
      throw invalid(`weight ${weight.name} has type ${dtype} stored as ${stored}, which cannot be imported`);
    }
    const arrayType = storage[stored];
    const length = sizeOf(weight.shape) * arrayType.BYTES_PER_ELEMENT;
    if (offset + length > bytes.length) {
      throw invalid(`the weights end within ${weight.name}: ${offset + length} bytes expected, ${bytes.length} there`);
    }
    // A copy, because a typed array must start at a multiple of its element size.
    const data = new arrayType(Uint8Array.prototype.slice.call(bytes, offset, offset + length).buffer);
    into.set(weight.name, { dtype, dims: weight.shape, data, encoding: encodingOf(weight) });
    offset += length;
  }
}

const storage = {
  float32: Float32Array,
  int32: Int32Array,
  bool: Uint8Array,
  float16: Uint16Array,
  uint8: Uint8Array,
  uint16: Uint16Array,
} as const;

const isStored = (name: string): name is keyof typeof storage => Object.hasOwn(storage, name);

function encodingOf({ name, quantization }: Weight): Constant['encoding'] {
  if (!quantization) return 'plain';
  if (quantization.dtype === 'float16') return 'float16';
  const { scale, min } = quantization;
  if (scale === undefined || min === undefined) throw invalid(`weight ${name} is quantised without scale and min`);
  return { scale, min };
}

export function invalid(message: string, cause?: unknown): AppError {
  return new AppError('invalid_model', message, { cause });
}
