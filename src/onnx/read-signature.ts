import { open } from 'node:fs/promises';
import { basename } from 'node:path';
import { BinaryReader, WireType } from '@bufbuild/protobuf/wire';
import { AppError, messageOf } from '../errors.ts';
import type { Signature, ValueInfo } from '../vision/signature.ts';
import { type Giver, lastOperators } from './last-operators.ts';
import { dtypeOf, fields } from './schema.ts';
import { type Field, FormatError, Walker, wireTypes } from './walker.ts';

/**
 * What an ONNX file says about itself. Weights are stepped over, never read: the cost is that of the graph, not of the
 * file. Dimensions are given as the file declares them; a tensor without a shape has no dimensions.
 * @throws AppError invalid_model, naming the file and what is wrong with it
 */
export async function readSignature(path: string): Promise<Signature> {
  const name = basename(path);
  try {
    const file = await open(path);
    try {
      const stats = await file.stat();
      if (!stats.isFile()) throw new FormatError('not a file');
      if (stats.size === 0) throw new FormatError('it is empty');
      const head = Buffer.alloc(Math.min(stats.size, lfsHeader.length));
      await file.read(head, 0, head.length, 0);
      if (head.toString('latin1') === lfsHeader)
        throw new FormatError('a Git LFS pointer; the model itself is missing');
      return await readModel(new Walker(file, stats.size));
    } finally {
      await file.close();
    }
  } catch (error) {
    throw new AppError('invalid_model', `${name} is not a readable ONNX model: ${reasonOf(error)}`, { cause: error });
  }
}

const lfsHeader = 'version https://git-lfs';

function reasonOf(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (code === 'ENOENT') return 'there is no such file';
  if (code === 'EACCES') return 'permission denied';
  return messageOf(error);
}

async function readModel(walker: Walker): Promise<Signature> {
  let irVersion = 0;
  let producerName = '';
  let producerVersion = '';
  const opsets = new Map<string, number>();
  const metadata = new Map<string, string>();
  const graph: Graph = {
    inputs: [],
    outputs: [],
    weights: new Map(),
    operators: new Map(),
    givers: new Map(),
    found: false,
  };
  const of = fields.model;

  await walker.walk(0, walker.size, (field) => {
    switch (field.number) {
      case of.irVersion:
        irVersion = varint(field);
        return undefined;
      case of.producerName:
        return text(walker, field, (value) => {
          producerName = value;
        });
      case of.producerVersion:
        return text(walker, field, (value) => {
          producerVersion = value;
        });
      case of.graph:
        return readGraph(walker, message(field), graph);
      case of.opsetImport:
        return small(walker, field, (bytes) => {
          const { domain, version } = parseOpset(bytes);
          opsets.set(domain === 'ai.onnx' ? '' : domain, version);
        });
      case of.metadata:
        return small(walker, field, (bytes) => {
          const { key, value } = parseEntry(bytes);
          metadata.set(key, value);
        });
      default:
        return undefined;
    }
  });

  if (!graph.found) throw new FormatError('it holds no graph');
  if (graph.outputs.length === 0) throw new FormatError('its graph has no outputs');
  return {
    inputs: graph.inputs.filter((input) => !graph.weights.has(input.name)),
    outputs: graph.outputs,
    metadata: Object.fromEntries(metadata),
    producer: `${producerName} ${producerVersion}`.trim(),
    irVersion,
    opsets: Object.fromEntries(opsets),
    operators: Object.fromEntries(graph.operators),
    weights: Object.fromEntries(graph.weights),
    lastOperators: lastOperators(graph.outputs, graph.givers),
  };
}

interface Graph {
  readonly inputs: ValueInfo[];
  readonly outputs: ValueInfo[];
  /** Shapes by name; a sparse one's is not looked at. */
  readonly weights: Map<string, readonly number[]>;
  readonly operators: Map<string, number>;
  /** The node that gives each value. */
  readonly givers: Map<string, Giver>;
  found: boolean;
}

function readGraph(walker: Walker, { start, end }: Field, graph: Graph): Promise<void> {
  graph.found = true;
  const of = fields.graph;
  return walker.walk(start, end, (field) => {
    switch (field.number) {
      case of.input:
        return small(walker, field, (bytes) => void graph.inputs.push(parseValue(bytes)));
      case of.output:
        return small(walker, field, (bytes) => void graph.outputs.push(parseValue(bytes)));
      case of.node:
        return readNode(walker, message(field), graph);
      case of.initializer:
        return readWeight(walker, message(field), graph);
      case of.sparseInitializer: {
        const sparse = message(field);
        return walker.walk(sparse.start, sparse.end, (values) =>
          values.number === fields.sparseTensor.values
            ? nested(walker, message(values), fields.tensor.name, (name) => void graph.weights.set(name, []))
            : undefined,
        );
      }
      default:
        return undefined;
    }
  });
}

async function readNode(walker: Walker, { start, end }: Field, { operators, givers }: Graph): Promise<void> {
  let type = '';
  let alongFirst = false;
  const inputs: string[] = [];
  const outputs: string[] = [];
  await walker.walk(start, end, (field) => {
    if (field.number === fields.node.input) return text(walker, field, (value) => void inputs.push(value));
    if (field.number === fields.node.output) return text(walker, field, (value) => void outputs.push(value));
    if (field.number === fields.node.opType) {
      return text(walker, field, (value) => {
        type = value;
      });
    }
    if (field.number !== fields.node.attribute || type !== 'Concat') return undefined;
    return small(walker, field, (bytes) => {
      // A number that is zero may be left out.
      let [name, axis] = ['', 0];
      parse(bytes, (number, reader) => {
        if (number === fields.attribute.name) name = reader.string();
        else if (number === fields.attribute.int) axis = Number(reader.int64());
        else return false;
        return true;
      });
      alongFirst ||= name === 'axis' && axis === 0;
    });
  });
  const key = alongFirst ? 'Concat:0' : type;
  operators.set(key, (operators.get(key) ?? 0) + 1);
  for (const output of outputs) givers.set(output, { operator: type, input: inputs[0] ?? '' });
}

async function readWeight(walker: Walker, { start, end }: Field, graph: Graph): Promise<void> {
  let name = '';
  const dims: number[] = [];
  await walker.walk(start, end, (field) => {
    if (field.number === fields.tensor.name) {
      return text(walker, field, (value) => {
        name = value;
      });
    }
    if (field.number !== fields.tensor.dims) return undefined;
    if (field.wire === wireTypes.varint) return void dims.push(field.value);
    // proto3 packs what proto2 wrote one by one.
    return small(walker, field, (bytes) => {
      const reader = new BinaryReader(bytes);
      while (reader.pos < reader.len) dims.push(Number(reader.int64()));
    });
  });
  graph.weights.set(name, dims);
}

/** Hands over the text of field `number` of a message, stepping over everything else in it. */
function nested(walker: Walker, { start, end }: Field, number: number, take: (text: string) => void): Promise<void> {
  return walker.walk(start, end, (field) => (field.number === number ? text(walker, field, take) : undefined));
}

async function text(walker: Walker, field: Field, take: (text: string) => void): Promise<void> {
  take(await walker.text(message(field)));
}

async function small(walker: Walker, field: Field, take: (bytes: Uint8Array) => void): Promise<void> {
  take(await walker.bytes(message(field)));
}

function message(field: Field): Field {
  if (field.wire === wireTypes.bytes) return field;
  throw new FormatError(
    `field ${field.number} at byte ${field.start} has wire type ${field.wire}, not ${wireTypes.bytes}`,
  );
}

function varint(field: Field): number {
  if (field.wire === wireTypes.varint) return field.value;
  throw new FormatError(`field ${field.number} at byte ${field.start} is not a number`);
}

function parseOpset(bytes: Uint8Array): { domain: string; version: number } {
  const opset = { domain: '', version: 0 };
  parse(bytes, (number, reader) => {
    if (number === fields.opset.domain) opset.domain = reader.string();
    else if (number === fields.opset.version) opset.version = Number(reader.int64());
    else return false;
    return true;
  });
  return opset;
}

function parseEntry(bytes: Uint8Array): { key: string; value: string } {
  const entry = { key: '', value: '' };
  parse(bytes, (number, reader) => {
    if (number === fields.entry.key) entry.key = reader.string();
    else if (number === fields.entry.value) entry.value = reader.string();
    else return false;
    return true;
  });
  return entry;
}

function parseValue(bytes: Uint8Array): ValueInfo {
  const value: { name: string; dtype: ValueInfo['dtype']; dims: (number | string | null)[] } = {
    name: '',
    dtype: 'unknown',
    dims: [],
  };
  parse(bytes, (number, reader) => {
    if (number === fields.value.name) value.name = reader.string();
    else if (number === fields.value.type) parse(reader.bytes(), parseType);
    else return false;
    return true;
  });
  return value;

  // Only tensors: the sequences, maps and optionals that TypeProto also knows stay 'unknown'.
  function parseType(number: number, reader: BinaryReader): boolean {
    if (number !== fields.type.tensor) return false;
    parse(reader.bytes(), (inner, tensor) => {
      if (inner === fields.tensorType.elementType) value.dtype = dtypeOf(tensor.int32());
      else if (inner === fields.tensorType.shape) parse(tensor.bytes(), parseShape);
      else return false;
      return true;
    });
    return true;
  }

  function parseShape(number: number, reader: BinaryReader): boolean {
    if (number !== fields.shape.dim) return false;
    value.dims.push(parseDim(reader.bytes()));
    return true;
  }
}

/** A size, a symbol, or null for a dimension that the file leaves open (exporters also write −1). */
function parseDim(bytes: Uint8Array): number | string | null {
  let dim: number | string | null = null;
  parse(bytes, (number, reader) => {
    if (number === fields.dim.value) {
      const size = Number(reader.int64());
      dim = size < 0 ? null : size;
    } else if (number === fields.dim.param) dim = reader.string() || null;
    else return false;
    return true;
  });
  return dim;
}

/** Reads a small message field by field; `read` consumes the field or says false to have it skipped. */
function parse(bytes: Uint8Array, read: (number: number, reader: BinaryReader) => boolean): void {
  const reader = new BinaryReader(bytes);
  while (reader.pos < reader.len) {
    const [number, wire] = reader.tag();
    if (wire === WireType.StartGroup || wire === WireType.EndGroup)
      throw new FormatError('a group, which ONNX does not use');
    if (!read(number, reader)) reader.skip(wire);
    if (reader.pos > reader.len) throw new FormatError('truncated: a description claims more bytes than it has');
  }
}
