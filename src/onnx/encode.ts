import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import type { ValueInfo } from '../vision/signature.ts';
import type { Tensor } from '../vision/tensor.ts';
import type { AttributeValue, Graph, Model, Node } from './model.ts';
import { attributeTypes, elementTypes, fields } from './schema.ts';

/**
 * The bytes of an ONNX file. The same model always gives the same bytes.
 * @throws RangeError for a value of a type that cannot be written, or an integer attribute that is not an integer
 */
export function encodeModel(model: Model): Uint8Array {
  const of = fields.model;
  const writer = new BinaryWriter();
  writer.tag(of.irVersion, WireType.Varint).int64(model.irVersion);
  if (model.producer) string(writer, of.producerName, model.producer);
  message(writer, of.graph, () => writeGraph(writer, model.graph));
  for (const [domain, version] of Object.entries(model.opsets)) {
    message(writer, of.opsetImport, () => {
      string(writer, fields.opset.domain, domain);
      writer.tag(fields.opset.version, WireType.Varint).int64(version);
    });
  }
  for (const [key, text] of Object.entries(model.metadata ?? {})) {
    message(writer, of.metadata, () => {
      string(writer, fields.entry.key, key);
      string(writer, fields.entry.value, text);
    });
  }
  return writer.finish();
}

function writeGraph(writer: BinaryWriter, graph: Graph): void {
  const of = fields.graph;
  for (const node of graph.nodes) message(writer, of.node, () => writeNode(writer, node));
  string(writer, of.name, graph.name);
  for (const tensor of graph.initializers)
    message(writer, of.initializer, () => writeTensor(writer, tensor, tensor.name));
  for (const value of graph.inputs) message(writer, of.input, () => writeValue(writer, value));
  for (const value of graph.outputs) message(writer, of.output, () => writeValue(writer, value));
}

function writeNode(writer: BinaryWriter, node: Node): void {
  const of = fields.node;
  for (const name of node.inputs) string(writer, of.input, name);
  for (const name of node.outputs) string(writer, of.output, name);
  if (node.name) string(writer, of.name, node.name);
  string(writer, of.opType, node.op);
  for (const [name, value] of Object.entries(node.attributes)) {
    message(writer, of.attribute, () => {
      string(writer, fields.attribute.name, name);
      writeAttribute(writer, name, value);
    });
  }
  if (node.domain) string(writer, of.domain, node.domain);
}

function writeAttribute(writer: BinaryWriter, name: string, value: AttributeValue): void {
  const of = fields.attribute;
  const type = (number: number) => writer.tag(of.type, WireType.Varint).int32(number);
  if (typeof value === 'number') {
    writer.tag(of.int, WireType.Varint).int64(integer(name, value));
    type(attributeTypes.int);
  } else if (typeof value === 'string') {
    string(writer, of.string, value);
    type(attributeTypes.string);
  } else if (isList(value)) {
    if (value.every((item) => typeof item === 'string')) {
      for (const item of value) string(writer, of.strings, item);
      // An empty list is taken for integers, the only lists that ONNX leaves empty (axes, pads).
      type(value.length > 0 ? attributeTypes.strings : attributeTypes.ints);
    } else {
      for (const item of value) writer.tag(of.ints, WireType.Varint).int64(integer(name, Number(item)));
      type(attributeTypes.ints);
    }
  } else if ('float' in value) {
    writer.tag(of.float, WireType.Bit32).float(value.float);
    type(attributeTypes.float);
  } else if ('floats' in value) {
    for (const item of value.floats) writer.tag(of.floats, WireType.Bit32).float(item);
    type(attributeTypes.floats);
  } else {
    message(writer, of.tensor, () => writeTensor(writer, value));
    type(attributeTypes.tensor);
  }
}

function isList(value: AttributeValue): value is readonly number[] | readonly string[] {
  return Array.isArray(value);
}

function integer(name: string, value: number): number {
  if (Number.isSafeInteger(value)) return value;
  throw new RangeError(`attribute ${name}: ${value} is not an integer; wrap it in float()`);
}

function writeTensor(writer: BinaryWriter, tensor: Tensor, name?: string): void {
  const of = fields.tensor;
  for (const dim of tensor.dims) writer.tag(of.dims, WireType.Varint).int64(dim);
  writer.tag(of.dataType, WireType.Varint).int32(elementTypes[tensor.dtype]);
  if (name) string(writer, of.name, name);
  // raw_data is little-endian, as is every machine that onnxruntime runs on.
  const { buffer, byteOffset, byteLength } = tensor.data;
  writer.tag(of.rawData, WireType.LengthDelimited).bytes(new Uint8Array(buffer, byteOffset, byteLength));
}

function writeValue(writer: BinaryWriter, { name, dtype, dims }: ValueInfo): void {
  if (dtype === 'string' || dtype === 'unknown')
    throw new RangeError(`${name}: values of type ${dtype} cannot be written`);
  string(writer, fields.value.name, name);
  message(writer, fields.value.type, () =>
    message(writer, fields.type.tensor, () => {
      writer.tag(fields.tensorType.elementType, WireType.Varint).int32(elementTypes[dtype]);
      message(writer, fields.tensorType.shape, () => {
        for (const dim of dims) message(writer, fields.shape.dim, () => writeDim(writer, dim));
      });
    }),
  );
}

function writeDim(writer: BinaryWriter, dim: number | string | null): void {
  if (typeof dim === 'number') writer.tag(fields.dim.value, WireType.Varint).int64(dim);
  else if (dim !== null) string(writer, fields.dim.param, dim);
}

function string(writer: BinaryWriter, field: number, text: string): void {
  writer.tag(field, WireType.LengthDelimited).string(text);
}

function message(writer: BinaryWriter, field: number, write: () => void): void {
  writer.tag(field, WireType.LengthDelimited).fork();
  write();
  writer.join();
}
