import { valuesOf } from '../constant.ts';
import type { GraphBuilder } from '../graph-builder.ts';
import { invalid, type TfNode } from '../tfjs-model.ts';
import type { View } from '../view.ts';

/** Converts one TensorFlow node. @throws AppError invalid_model where this use of the operator has no ONNX form */
export type Operator = (node: TfNode, inputs: readonly View[], graph: GraphBuilder) => View | readonly View[];

export type Operators = Readonly<Record<string, Operator>>;

/** Input `index`, which the operator cannot do without. */
export function inputOf(node: TfNode, inputs: readonly View[], index: number): View {
  const input = inputs[index];
  if (!input) throw invalid(`${node.op} ${node.name} lacks input ${index}`);
  return input;
}

/** The numbers of input `index`, which must be known at import. */
export function numbersOf(node: TfNode, inputs: readonly View[], index: number): number[] {
  const { constant } = inputOf(node, inputs, index);
  if (!constant) throw invalid(`${node.op} ${node.name}: input ${index} must be a constant`);
  return [...valuesOf(constant)];
}

export function numberOf(node: TfNode, inputs: readonly View[], index: number): number {
  return numbersOf(node, inputs, index)[0] ?? 0;
}
