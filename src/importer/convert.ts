import { type Model, model, type Node } from '../onnx/model.ts';
import type { ValueInfo } from '../vision/signature.ts';
import { shapeOf, typeOf } from './attributes.ts';
import { fold } from './fold.ts';
import { GraphBuilder } from './graph-builder.ts';
import { operators } from './ops/index.ts';
import { channelsFirst } from './ops/window.ts';
import { dataInputs, invalid, parseReference, type TfModel, type TfNode } from './tfjs-model.ts';
import { constantView, identity, inMemory, memoryDims, type View } from './view.ts';

export interface ConvertOptions {
  /** The outputs to keep, by the names that the ONNX file gives them. All, where not given. */
  readonly outputs?: readonly string[];
  /** Give pictures (rank 4) back as [N, C, H, W], not as TensorFlow's [N, H, W, C]. */
  readonly channelsFirst?: boolean;
}

/** How an input or output of the ONNX file lies to TensorFlow's: axis i is TensorFlow's axis `axes[i]`. */
export interface Port {
  readonly name: string;
  /** TensorFlow's reference, `node` or `node:index`. */
  readonly reference: string;
  readonly dims: readonly number[];
  readonly axes: readonly number[];
}

export interface Conversion {
  readonly model: Model;
  readonly inputs: readonly Port[];
  readonly outputs: readonly Port[];
}

/**
 * A graph model as ONNX. NHWC picture inputs become NCHW; what the wanted outputs do not need is left out.
 * @throws AppError invalid_model, naming the operator and node that stand in the way
 */
export function convert(source: TfModel, options: ConvertOptions = {}): Conversion {
  const wanted = chooseOutputs(source.outputs, options.outputs);
  const graph = new GraphBuilder(wanted.keys());
  const views = new Map<string, readonly View[]>();
  const inputs: Port[] = [];
  for (const node of inOrderOfUse(source, [...wanted.values()])) {
    graph.scope = node.name;
    if (node.op === 'Placeholder') {
      const { port, view } = placeholder(node, graph);
      inputs.push(port);
      views.set(node.name, [view]);
    } else {
      views.set(node.name, convertNode(node, source, views, graph));
    }
  }
  const outputs: (Port & Pick<ValueInfo, 'dtype'>)[] = [];
  const produced = new Map<string, string>();
  for (const [name, reference] of wanted) {
    const view = lookUp(views, reference, 'the signature');
    const axes = options.channelsFirst && view.dims.length === 4 ? channelsFirst : identity(view.dims.length);
    graph.scope = `${name}/ordered`;
    produced.set(name, graph.operand(view, axes));
    outputs.push({ name, reference, dims: inMemory(view.dims, axes), axes, dtype: view.dtype });
  }
  return {
    model: model(
      {
        name: 'graph',
        nodes: nameOutputs(graph.nodes, produced),
        inputs: inputs.map(({ name, dims }) => ({ name, dims, dtype: 'float32' })),
        outputs: outputs.map(({ name, dims, dtype }) => ({ name, dims, dtype })),
        initializers: graph.initializers,
      },
      { producer: 'miru', metadata: source.generatedBy ? { generatedBy: source.generatedBy } : {} },
    ),
    inputs,
    outputs,
  };
}

/** Gives the values in `produced` their output names; where a value has no node or two names, by a copy. */
function nameOutputs(nodes: readonly Node[], produced: ReadonlyMap<string, string>): Node[] {
  const written = new Set(nodes.flatMap((node) => node.outputs));
  const renamed = new Map<string, string>();
  const copies: Node[] = [];
  for (const [name, from] of produced) {
    if (written.has(from) && !renamed.has(from)) renamed.set(from, name);
    else copies.push({ op: 'Identity', inputs: [from], outputs: [name], attributes: {} });
  }
  const rename = (name: string) => renamed.get(name) ?? name;
  return [...nodes, ...copies].map((node) => ({
    ...node,
    inputs: node.inputs.map(rename),
    outputs: node.outputs.map(rename),
  }));
}

function convertNode(
  node: TfNode,
  source: TfModel,
  views: ReadonlyMap<string, readonly View[]>,
  graph: GraphBuilder,
): readonly View[] {
  if (node.op === 'Const') {
    const constant = source.weights.get(node.name);
    if (!constant) throw invalid(`the weights lack the constant ${node.name}`);
    return [constantView(constant)];
  }
  const inputs = dataInputs(node).map((reference) => lookUp(views, reference, node.name));
  const constants = inputs.flatMap(({ constant }) => constant ?? []);
  const folded = constants.length === inputs.length ? fold(node, constants) : undefined;
  if (folded) return [constantView(folded)];
  const convertOperator = Object.hasOwn(operators, node.op) ? operators[node.op] : undefined;
  if (!convertOperator) throw invalid(`operator ${node.op} (node ${node.name}) cannot be imported`);
  return [convertOperator(node, inputs, graph)].flat();
}

function lookUp(views: ReadonlyMap<string, readonly View[]>, reference: string, from: string): View {
  const { name, index } = parseReference(reference);
  const view = views.get(name)?.[index];
  if (!view) throw invalid(`${from} refers to ${reference}, which the graph does not have`);
  return view;
}

/** Pictures are recognised by their one or three channels at the end. Open dimensions become 1: a batch of one. */
function placeholder(node: TfNode, graph: GraphBuilder): { port: Port; view: View } {
  const open = shapeOf(node, 'shape');
  if (!open || typeOf(node, 'dtype') !== 'float32') {
    throw invalid(`input ${node.name} must be float32 of a known rank`);
  }
  if (open.slice(1).some((dim) => dim < 1)) {
    throw invalid(`input ${node.name} is [${open.join()}]: only the batch may be left open`);
  }
  const dims = open.map((dim) => Math.max(dim, 1));
  const picture = dims.length === 4 && (dims[3] === 3 || (dims[3] === 1 && dims[1] !== 1)) && dims[1] !== 3;
  const axes = picture ? channelsFirst : identity(dims.length);
  const name = graph.unique(node.name.replaceAll('/', '_'));
  const view: View = { dtype: 'float32', dims, axes, name };
  return { port: { name, reference: node.name, dims: memoryDims(view), axes }, view };
}

/** The ONNX names of the wanted outputs with TensorFlow's references: the last part of the name where that is unique. */
function chooseOutputs(references: readonly string[], wanted: readonly string[] | undefined): Map<string, string> {
  const short = (reference: string) => reference.slice(reference.lastIndexOf('/') + 1).replace(':', '_');
  const names = new Map(
    references.map((reference) => {
      const shared = references.filter((other) => short(other) === short(reference)).length > 1;
      return [shared ? reference.replaceAll(/[/:]/g, '_') : short(reference), reference] as const;
    }),
  );
  if (names.size === 0) throw invalid('the graph has no outputs');
  if (!wanted) return names;
  return new Map(
    wanted.map((name) => {
      const reference = names.get(name);
      if (reference === undefined) throw invalid(`no output ${name}; the model has ${[...names.keys()].join(', ')}`);
      return [name, reference] as const;
    }),
  );
}

/** The nodes that `references` need, each after its inputs. */
function inOrderOfUse(source: TfModel, references: readonly string[]): TfNode[] {
  const ordered: TfNode[] = [];
  const state = new Map<string, 'open' | 'done'>();
  const stack = references.map((reference) => parseReference(reference).name).reverse();
  while (stack.length > 0) {
    const name = stack.at(-1)!;
    const node = source.nodes.get(name);
    if (!node) throw invalid(`the graph refers to ${name}, which it does not have`);
    const waiting = dataInputs(node)
      .map((input) => parseReference(input).name)
      .filter((input) => state.get(input) !== 'done');
    if (state.has(name) || waiting.length === 0) {
      if (waiting.length > 0) throw invalid(`the graph runs in a circle through ${name}`);
      if (state.get(name) !== 'done') ordered.push(node);
      state.set(name, 'done');
      stack.pop();
    } else {
      state.set(name, 'open');
      stack.push(...waiting.reverse());
    }
  }
  return ordered;
}
