import { BinaryReader, BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import { encodeModel } from '../../src/onnx/encode.ts';
import { model, type NamedTensor, type Node } from '../../src/onnx/model.ts';
import { fields } from '../../src/onnx/schema.ts';
import type { ValueInfo } from '../../src/vision/signature.ts';

/** What is changed about a graph; its weights stay as they are. */
export interface Alteration {
  /** Nodes that make the old inputs from the new ones. */
  readonly before?: readonly Node[];
  /** Nodes that make the new outputs from the old ones. */
  readonly after?: readonly Node[];
  readonly initializers?: readonly NamedTensor[];
  /** New inputs by the name of the one they replace. */
  readonly inputs?: Readonly<Record<string, ValueInfo>>;
  /** All outputs. */
  readonly outputs?: readonly ValueInfo[];
  readonly withoutMetadata?: boolean;
}

/** An ONNX file with its inputs, outputs or metadata changed. Works on the bytes, so any graph will do. */
export function alterGraph(file: Uint8Array, change: Alteration): Uint8Array {
  const writer = new BinaryWriter();
  for (const field of readFields(file)) {
    if (field.number === fields.model.graph) {
      writer.tag(fields.model.graph, WireType.LengthDelimited).bytes(alterBody(field.body, change));
    } else if (field.number !== fields.model.metadata || !change.withoutMetadata) writer.raw(field.raw);
  }
  return writer.finish();
}

function alterBody(
  graph: Uint8Array,
  { before = [], after = [], initializers = [], inputs = {}, outputs }: Alteration,
) {
  const of = fields.graph;
  const kept = readFields(graph).filter((field) => {
    if (field.number === of.output) return outputs === undefined;
    return field.number !== of.input || !(nameOf(field.body) in inputs);
  });
  const graphOf = (nodes: readonly Node[], rest: { inputs: ValueInfo[]; outputs: readonly ValueInfo[] }) => {
    const extra = encodeModel(model({ name: '', nodes, initializers: [], ...rest }));
    return readFields(extra).find((field) => field.number === fields.model.graph)!.body;
  };
  const constants = encodeModel(model({ name: '', nodes: [], inputs: [], outputs: [], initializers }));
  return Buffer.concat([
    graphOf(before, { inputs: Object.values(inputs), outputs: [] }),
    readFields(constants).find((field) => field.number === fields.model.graph)!.body,
    ...kept.map((field) => field.raw),
    graphOf(after, { inputs: [], outputs: outputs ?? [] }),
  ]);
}

interface RawField {
  readonly number: number;
  /** With its tag. */
  readonly raw: Uint8Array;
  /** Of a message, without tag and length. */
  readonly body: Uint8Array;
}

function readFields(bytes: Uint8Array): RawField[] {
  const reader = new BinaryReader(bytes);
  const found: RawField[] = [];
  while (reader.pos < reader.len) {
    const start = reader.pos;
    const [number, wire] = reader.tag();
    const body = wire === WireType.LengthDelimited ? reader.bytes() : new Uint8Array();
    if (wire !== WireType.LengthDelimited) reader.skip(wire);
    found.push({ number, body, raw: bytes.subarray(start, reader.pos) });
  }
  return found;
}

function nameOf(value: Uint8Array): string {
  const name = readFields(value).find((field) => field.number === fields.value.name);
  return new TextDecoder().decode(name?.body);
}
