import { float } from '../../onnx/model.ts';
import { floatOf } from '../attributes.ts';
import type { GraphBuilder } from '../graph-builder.ts';
import { memoryAxis, type View } from '../view.ts';
import { inputOf, type Operator, type Operators } from './operator.ts';

/** Activations by TensorFlow's name, as nodes and as tails of fused operators. */
const byName: Readonly<Record<string, (x: View, graph: GraphBuilder, alpha: number) => View>> = {
  Relu: (x, graph) => graph.view('Relu', [graph.operand(x)], x),
  Relu6: (x, graph) => graph.view('Clip', [graph.operand(x), graph.scalar(0), graph.scalar(6)], x),
  Elu: (x, graph) => graph.view('Elu', [graph.operand(x)], x),
  LeakyRelu: (x, graph, alpha) => graph.view('LeakyRelu', [graph.operand(x)], x, { alpha: float(alpha) }),
  Sigmoid: (x, graph) => graph.view('Sigmoid', [graph.operand(x)], x),
  Tanh: (x, graph) => graph.view('Tanh', [graph.operand(x)], x),
};

export const isActivation = (name: string): boolean => Object.hasOwn(byName, name);

/** @param alpha the slope of LeakyRelu */
export function activate(name: string, x: View, graph: GraphBuilder, alpha: number): View {
  return byName[name]!(x, graph, alpha);
}

/** TensorFlow's default slope of LeakyRelu. */
const defaultSlope = 0.2;

const activation: Operator = (node, inputs, graph) =>
  activate(node.op, inputOf(node, inputs, 0), graph, floatOf(node, 'alpha', defaultSlope));

/** Operators that do the same in ONNX, under another name at most. */
const unary =
  (op: string): Operator =>
  (node, inputs, graph) => {
    const x = inputOf(node, inputs, 0);
    return graph.view(op, [graph.operand(x)], x);
  };

const softmax =
  (op: string): Operator =>
  (node, inputs, graph) => {
    const x = inputOf(node, inputs, 0);
    return graph.view(op, [graph.operand(x)], x, { axis: memoryAxis(x, -1) });
  };

export const activations: Operators = {
  ...Object.fromEntries(Object.keys(byName).map((name) => [name, activation])),
  Abs: unary('Abs'),
  Ceil: unary('Ceil'),
  Exp: unary('Exp'),
  Floor: unary('Floor'),
  Log: unary('Log'),
  LogicalNot: unary('Not'),
  Neg: unary('Neg'),
  Reciprocal: unary('Reciprocal'),
  Round: unary('Round'),
  Selu: unary('Selu'),
  Softplus: unary('Softplus'),
  Sqrt: unary('Sqrt'),
  Softmax: softmax('Softmax'),
  LogSoftmax: softmax('LogSoftmax'),
  Rsqrt: (node, inputs, graph) => {
    const x = inputOf(node, inputs, 0);
    return graph.view('Reciprocal', graph.emit('Sqrt', [graph.operand(x)]), x);
  },
  Square: (node, inputs, graph) => {
    const x = inputOf(node, inputs, 0);
    return graph.view('Mul', [graph.operand(x), graph.operand(x)], x);
  },
};
