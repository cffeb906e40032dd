import { InferenceSession, Tensor } from 'onnxruntime-node';
import { describe, expect, test } from 'vitest';
import { encodeModel } from '../../src/onnx/encode.ts';
import { type AttributeValue, float, floats, type Model, model, node, tensor, value } from '../../src/onnx/model.ts';

async function run(source: Model, feeds: Record<string, Tensor>) {
  const session = await InferenceSession.create(encodeModel(source), { logSeverityLevel: 3 });
  const results = await session.run(feeds);
  await session.release();
  return results;
}

const input = (values: number[]) => ({ x: new Tensor('float32', Float32Array.from(values), [values.length]) });

/** A graph from `x` to `y`, both of one dimension. */
const graphOf = (parts: Partial<Model['graph']>): Model['graph'] => ({
  name: 'test',
  nodes: [],
  inputs: [value('x', 'float32', [null])],
  outputs: [value('y', 'float32', [null])],
  initializers: [],
  ...parts,
});

describe('encodeModel() writes what onnxruntime reads', () => {
  test('float and integer attributes', async () => {
    const nodes = [
      node('LeakyRelu', ['x'], ['h'], { alpha: float(0.25) }),
      node('Concat', ['h', 'x'], ['y'], { axis: 0 }),
    ];
    const { y } = await run(model(graphOf({ nodes })), input([-4, 8]));
    expect([...(y!.data as Float32Array)]).toEqual([-1, 8, -4, 8]);
  });

  test('negative integers, lists, strings and tensors as attributes', async () => {
    const nodes = [
      node('Constant', [], ['c'], { value: tensor('', 'float32', [2, 2], [1, 2, 3, 4]) }),
      node('Transpose', ['c'], ['t'], { perm: [1, 0] }),
      node('Flatten', ['t'], ['f'], { axis: -1 }),
      node('Constant', [], ['d'], { value_floats: floats([0.5, -0.5]) }),
      node('Add', ['f', 'd'], ['s']),
      node('Pad', ['s', 'pads'], ['p'], { mode: 'edge' }),
      node('ReduceSum', ['p', 'axis'], ['r'], { keepdims: 0 }),
      node('Add', ['r', 'x'], ['y']),
    ];
    const initializers = [tensor('pads', 'int64', [4], [0, 1, 0, 0]), tensor('axis', 'int64', [1], [0])];
    const { y } = await run(model(graphOf({ nodes, initializers })), input([0, 0, 0]));
    // [[1,3],[2,4]] + [.5,-.5] = [[1.5,2.5],[2.5,3.5]]; the first column again before it; summed over the rows.
    expect([...(y!.data as Float32Array)]).toEqual([4, 4, 6]);
  });

  test('every element type as an initializer', async () => {
    const values = [1, 0, 1];
    const types = [
      'float64',
      'uint8',
      'int8',
      'uint16',
      'int16',
      'int32',
      'uint32',
      'int64',
      'uint64',
      'bool',
    ] as const;
    const initializers = [
      ...types.map((type) => tensor(type, type, [3], values)),
      tensor('float16', 'float16', [3], [0x3c00, 0, 0x3c00]),
    ];
    const casts = initializers.map(({ name }) => node('Cast', [name], [`${name} cast`], { to: 1 }));
    const nodes = [...casts, node('Sum', ['x', ...casts.flatMap(({ outputs }) => outputs)], ['y'])];
    const { y } = await run(model(graphOf({ nodes, initializers })), input([0, 100, 200]));
    expect([...(y!.data as Float32Array)]).toEqual([11, 100, 211]);
  });

  test('a view of a larger buffer gives its own part only', async () => {
    const data = new Float32Array([9, 9, 1, 2]).subarray(2);
    const nodes = [node('Add', ['x', 'w'], ['y'])];
    const { y } = await run(
      model(graphOf({ nodes, initializers: [tensor('w', 'float32', [2], data)] })),
      input([0, 0]),
    );
    expect([...(y!.data as Float32Array)]).toEqual([1, 2]);
  });

  test('an optional input left out', async () => {
    const nodes = [node('Clip', ['x', '', 'top'], ['y'])];
    const { y } = await run(
      model(graphOf({ nodes, initializers: [tensor('top', 'float32', [], [2])] })),
      input([-5, 5]),
    );
    expect([...(y!.data as Float32Array)]).toEqual([-5, 2]);
  });
});

describe('what cannot be written', () => {
  const withAttribute = (attribute: AttributeValue) =>
    model(graphOf({ nodes: [node('Relu', ['x'], ['y'], { a: attribute })] }));

  test.each([0.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 60])('%s as an integer attribute', (number) => {
    expect(() => encodeModel(withAttribute(number))).toThrow(/attribute a: .* float\(\)/);
    expect(() => encodeModel(withAttribute([1, number]))).toThrow(RangeError);
  });

  test('data that does not fill the dims', () => {
    expect(() => tensor('w', 'float32', [2, 3], [1, 2, 3])).toThrow('w: 3 values for dims [2,3]');
  });

  test('an output of an unknown type', () => {
    const outputs = [{ name: 'y', dtype: 'unknown' as const, dims: [] }];
    expect(() => encodeModel(model(graphOf({ outputs })))).toThrow('y: values of type unknown');
  });
});
