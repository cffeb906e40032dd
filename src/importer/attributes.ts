import type { TfType } from './constant.ts';
import { invalid, type TfNode } from './tfjs-model.ts';

/** TensorFlow's attributes, read with a default where TensorFlow itself has one. */

export const intsOf = (node: TfNode, name: string): number[] => node.attr[name]?.list?.i ?? [];

export const intOf = (node: TfNode, name: string, otherwise: number): number => node.attr[name]?.i ?? otherwise;

export const floatOf = (node: TfNode, name: string, otherwise: number): number => node.attr[name]?.f ?? otherwise;

export const flagOf = (node: TfNode, name: string): boolean => node.attr[name]?.b ?? false;

/** Strings are base64 in model.json. */
export function textOf(node: TfNode, name: string, otherwise: string): string {
  const encoded = node.attr[name]?.s;
  return encoded === undefined ? otherwise : decode(encoded);
}

export const textsOf = (node: TfNode, name: string): string[] => (node.attr[name]?.list?.s ?? []).map(decode);

const decode = (base64: string): string => Buffer.from(base64, 'base64').toString('utf8');

const types: Readonly<Record<string, TfType>> = {
  DT_FLOAT: 'float32',
  DT_INT32: 'int32',
  DT_INT64: 'int32',
  DT_BOOL: 'bool',
};

/** TensorFlow.js has no int64: it computes in int32. */
export function typeOf(node: TfNode, name: string): TfType {
  const written = node.attr[name]?.type ?? 'DT_FLOAT';
  const type = types[written];
  if (!type) throw invalid(`${node.op} ${node.name} uses ${written}, which cannot be imported`);
  return type;
}

/** The shape attribute of a placeholder, or undefined where the rank is open. Open dimensions are -1. */
export function shapeOf(node: TfNode, name: string): number[] | undefined {
  const shape = node.attr[name]?.shape;
  if (!shape || shape.unknownRank) return undefined;
  return (shape.dim ?? []).map((dim) => dim.size ?? -1);
}
