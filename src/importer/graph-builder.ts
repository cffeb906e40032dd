import { type Attributes, type NamedTensor, type Node, tensor } from '../onnx/model.ts';
import { elementTypes } from '../onnx/schema.ts';
import type { DType, TensorArrays } from '../vision/tensor.ts';
import { type Constant, reshaped, sizeOf, type TfType, transposed, valuesOf } from './constant.ts';
import { identity, inMemory, type View } from './view.ts';

/** Below this many elements, the Cast that widens a float16 constant weighs more than it saves. */
const smallConstant = 64;

/** Collects ONNX nodes and initializers, moving axes only where an operator cannot take them as they lie. */
export class GraphBuilder {
  readonly nodes: Node[] = [];
  readonly initializers: NamedTensor[] = [];
  /** The TensorFlow node being converted; its name is given to what comes of it. */
  scope = '';
  readonly #taken: Set<string>;
  readonly #identities = new Map<Constant['data'], number>();
  readonly #known = new Map<string, string>();

  /** @param reserved names that nothing built here may take */
  constructor(reserved: Iterable<string>) {
    this.#taken = new Set(reserved);
  }

  /** Adds a node and returns its outputs' names. */
  emit(op: string, inputs: readonly string[], attributes: Attributes = {}, outputs = 1): string[] {
    const names = Array.from({ length: outputs }, () => this.unique(this.scope));
    this.nodes.push({ op, inputs, outputs: names, attributes });
    return names;
  }

  /** Adds a node of one output whose elements lie as those of `like`. */
  view(
    op: string,
    inputs: readonly string[],
    like: Omit<View, 'name' | 'constant'>,
    attributes: Attributes = {},
  ): View {
    const { dtype, dims, axes } = like;
    return { dtype, dims, axes, name: this.emit(op, inputs, attributes)[0]! };
  }

  unique(base: string): string {
    let name = base;
    for (let i = 1; this.#taken.has(name); i++) name = `${base}:${i}`;
    this.#taken.add(name);
    return name;
  }

  /** The name under which a view can be read with its axes in the order `axes`. */
  operand(view: View, axes: readonly number[] = view.axes): string {
    if (view.constant) return this.constant(transposed(view.constant, axes));
    if (axes.every((axis, i) => axis === view.axes[i])) return view.name;
    return this.#once(`${view.name} as ${axes.join()}`, () => {
      const dims = inMemory(view.dims, axes);
      const moved = (order: readonly number[]) => order.filter((axis) => view.dims[axis] !== 1).join();
      // Axes of size 1 can change places without moving anything.
      if (moved(axes) === moved(view.axes)) return this.emit('Reshape', [view.name, this.indices(dims)])[0]!;
      return this.emit('Transpose', [view.name], { perm: axes.map((axis) => view.axes.indexOf(axis)) })[0]!;
    });
  }

  /** The view with its axes in memory as TensorFlow orders them. */
  inOrder(view: View): View {
    const axes = identity(view.dims.length);
    return view.constant ? view : { ...view, axes, name: this.operand(view, axes) };
  }

  /** The view's elements, in TensorFlow's order, under other dims. */
  reshape(view: View, dims: readonly number[]): View {
    const axes = identity(dims.length);
    if (view.constant) return { ...view, dims, axes, constant: reshaped(view.constant, dims) };
    const source = this.inOrder(view);
    if (dims.length === view.dims.length && dims.every((dim, i) => dim === view.dims[i])) return source;
    return this.view('Reshape', [source.name, this.indices(dims)], { dtype: view.dtype, dims, axes });
  }

  /** An initializer holding a constant; float16 and quantised weights stay as small as they came. */
  constant(constant: Constant): string {
    const id = remember(this.#identities, constant.data, () => this.#identities.size);
    return this.#once(`constant ${id} [${constant.dims.join()}]`, () => this.#initializer(constant));
  }

  /** A one-dimensional int64 initializer: shapes, axes, pads. */
  indices(values: readonly number[]): string {
    return this.#once(`int64[${values.join()}]`, () => this.#add('indices', 'int64', [values.length], values));
  }

  /** A scalar initializer. */
  scalar(value: number, dtype: 'float32' | 'int32' | 'int64' = 'float32'): string {
    return this.#once(`${dtype} ${value}`, () => this.#add('scalar', dtype, [], [value]));
  }

  cast(name: string, to: TfType | 'int64'): string {
    return this.emit('Cast', [name], { to: elementTypes[to] })[0]!;
  }

  #initializer(constant: Constant): string {
    const { dims, data, encoding, dtype } = constant;
    if (dtype === 'bool') return this.#add(this.scope, 'bool', dims, [...data]);
    if (dtype === 'int32') return this.#add(this.scope, 'int32', dims, [...valuesOf(constant)]);
    if (encoding === 'plain' || sizeOf(dims) < smallConstant) {
      return this.#add(this.scope, 'float32', dims, Float32Array.from(valuesOf(constant)));
    }
    if (encoding === 'float16') {
      return this.cast(this.#add(this.scope, 'float16', dims, Uint16Array.from(data)), 'float32');
    }
    const { scale, min } = encoding;
    const stored =
      data instanceof Uint16Array
        ? this.#add(this.scope, 'uint16', dims, data)
        : this.#add(this.scope, 'uint8', dims, Uint8Array.from(data));
    const [scaled] = this.emit('Mul', [this.cast(stored, 'float32'), this.scalar(scale)]);
    return this.emit('Add', [scaled!, this.scalar(min)])[0]!;
  }

  #add<D extends DType>(
    base: string,
    dtype: D,
    dims: readonly number[],
    data: TensorArrays[D] | readonly number[],
  ): string {
    const name = this.unique(`${base}/constant`);
    this.initializers.push(tensor(name, dtype, dims, data));
    return name;
  }

  #once(key: string, make: () => string): string {
    return remember(this.#known, key, make);
  }
}

function remember<K, V>(known: Map<K, V>, key: K, make: () => V): V {
  const found = known.get(key);
  if (found !== undefined) return found;
  const made = make();
  known.set(key, made);
  return made;
}
