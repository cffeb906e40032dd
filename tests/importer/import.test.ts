import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { AppError } from '../../src/errors.ts';
import { convert } from '../../src/importer/convert.ts';
import { importModel, importTfjs } from '../../src/importer/import-model.ts';
import { readTfModel } from '../../src/importer/tfjs-model.ts';
import { verify } from '../../src/importer/verify.ts';
import { encodeModel } from '../../src/onnx/encode.ts';
import { floatToHalf, halfToFloat } from '../../src/vision/tensor.ts';
import { attr, TfGraph } from './tf-graph.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'miru-import-test-'));
});
afterAll(() => rm(folder, { recursive: true }));

const same = { strides: attr.ints(1, 1, 1, 1), padding: attr.text('SAME'), dilations: attr.ints(1, 1, 1, 1) };

/** A convolution of a picture with a sigmoid behind it. */
function small(): TfGraph {
  const graph = new TfGraph();
  const x = graph.input('tower/picture', [1, 6, 8, 3]);
  const y = graph.node('Conv2D', [x, graph.floats([3, 3, 3, 4])], same);
  graph.node('Sigmoid', [y], {}, 'tower/scores');
  graph.node('Neg', [y], {}, 'tower/boxes');
  return graph;
}

describe('names and layouts', () => {
  test('NHWC pictures become NCHW; outputs keep their order, and their last name', () =>
    small().withFiles(async (path) => {
      const { inputs, outputs } = convert(await readTfModel(path));
      expect(inputs).toEqual([
        { name: 'tower_picture', reference: 'tower/picture', dims: [1, 3, 6, 8], axes: [0, 3, 1, 2] },
      ]);
      expect(outputs.map(({ name, dims }) => [name, dims])).toEqual([
        ['scores', [1, 6, 8, 4]],
        ['boxes', [1, 6, 8, 4]],
      ]);
    }));

  test('channelsFirst leaves no Transpose, and chosen outputs leave the rest of the graph out', () =>
    small().withFiles(async (path) => {
      const { model, outputs } = convert(await readTfModel(path), { channelsFirst: true, outputs: ['boxes'] });
      expect(model.graph.nodes.map(({ op }) => op)).toEqual(['Conv', 'Neg']);
      expect(outputs[0]!.dims).toEqual([1, 4, 6, 8]);
    }));

  test('outputs of the same last name keep their whole name', async () => {
    const graph = new TfGraph();
    const x = graph.input('x', [1, 4]);
    graph.node('Relu', [x], {}, 'a/out');
    graph.node('Neg', [x], {}, 'b/out');
    await graph.withFiles(async (path) => {
      expect(convert(await readTfModel(path)).outputs.map(({ name }) => name)).toEqual(['a_out', 'b_out']);
      await expect(importTfjs(path, { outputs: ['out'] })).rejects.toThrow('no output out; the model has a_out, b_out');
    });
  });

  test('an output that is an input, a constant, or another output as well', async () => {
    const graph = new TfGraph();
    const x = graph.input('x', [1, 4]);
    const relu = graph.node('Relu', [x]);
    graph.node('Identity', [x], {}, 'input');
    graph.node('Identity', [relu], {}, 'first');
    graph.node('Identity', [relu], {}, 'second');
    graph.node('Identity', [graph.floats([2])], {}, 'constant');
    await graph.withFiles(async (path) => {
      const { report } = await importTfjs(path);
      expect(report.verification).toMatchObject({ verified: true });
      expect(report.outputs.map(({ name }) => name)).toEqual(['input', 'first', 'second', 'constant']);
    });
  });

  test('the signature orders the outputs, and an open batch is one', async () => {
    const graph = new TfGraph();
    const x = graph.input('x', [-1, 4]);
    graph.node('Relu', [x], {}, 'a');
    graph.node('Neg', [x], {}, 'b');
    const signature = { outputs: { one: { name: 'b:0' }, two: { name: 'a:0' } } };
    const check = async (path: string) => {
      const { inputs, outputs } = convert(await readTfModel(path));
      expect(inputs[0]!.dims).toEqual([1, 4]);
      expect(outputs.map(({ name }) => name)).toEqual(['b', 'a']);
    };
    await graph.withFiles(check, { signature });
    await graph.withFiles(check, { userDefinedMetadata: { signature } });
  });
});

describe('weights stay as small as they came', () => {
  const count = 3 * 3 * 3 * 8;
  const filters = {
    float16: (graph: TfGraph) =>
      graph.quantized(
        [3, 3, 3, 8],
        { dtype: 'float16' },
        Array.from({ length: count }, (_, i) => floatToHalf(Math.sin(i))),
      ),
    uint8: (graph: TfGraph) =>
      graph.quantized(
        [3, 3, 3, 8],
        { dtype: 'uint8', scale: 0.0123, min: -1.7 },
        Array.from({ length: count }, (_, i) => (i * 37) % 256),
      ),
    uint16: (graph: TfGraph) =>
      graph.quantized(
        [3, 3, 3, 8],
        { dtype: 'uint16', scale: 0.0000321, min: -1 },
        Array.from({ length: count }, (_, i) => (i * 3711) % 65536),
      ),
  };

  test.each(Object.entries(filters))('%s', async (dtype, filter) => {
    const graph = new TfGraph();
    graph.node('Conv2D', [graph.input('x', [1, 6, 6, 3]), filter(graph)], same);
    await graph.withFiles(async (path) => {
      const { report } = await importTfjs(path);
      if (!report.verification.verified) throw new Error(report.verification.reason);
      const [check] = report.verification.outputs;
      expect(check!.maxDifference / check!.maxMagnitude).toBeLessThan(1e-6);
      const { model } = convert(await readTfModel(path));
      expect(model.graph.initializers.map((t) => t.dtype)).toContain(dtype);
    });
  });

  test('float16 weights give the bits that float32 weights give', async () => {
    const graph = new TfGraph();
    graph.node('Conv2D', [graph.input('x', [1, 6, 6, 3]), filters.float16(graph)], same, 'y');
    await graph.withFiles(async (path) => {
      const narrow = convert(await readTfModel(path)).model;
      const widened = await run(encodeModel(narrow));
      const nodes = narrow.graph.nodes.filter(({ op }) => op !== 'Cast');
      const cast = narrow.graph.nodes.find(({ op }) => op === 'Cast')!;
      const half = narrow.graph.initializers.find(({ name }) => name === cast.inputs[0])!;
      const data = Float32Array.from(half.data as Uint16Array, halfToFloat);
      const wide = { name: cast.outputs[0]!, dtype: 'float32' as const, dims: half.dims, data };
      const initializers = [...narrow.graph.initializers.filter((t) => t !== half), wide];
      expect(await run(encodeModel({ ...narrow, graph: { ...narrow.graph, nodes, initializers } }))).toEqual(widened);
    });
  });

  async function run(bytes: Uint8Array): Promise<Float32Array> {
    const session = await InferenceSession.create(bytes, { logSeverityLevel: 3 });
    const x = new Tensor(
      'float32',
      Float32Array.from({ length: 108 }, (_, i) => Math.cos(i)),
      [1, 3, 6, 6],
    );
    const { y } = await session.run({ x });
    await session.release();
    return y!.data as Float32Array;
  }
});

describe('what cannot be imported says why', () => {
  const refused = (graph: TfGraph, message: string | RegExp, overrides = {}) =>
    graph.withFiles(async (path) => {
      const error = await importTfjs(path).catch((reason: unknown) => reason);
      expect(error).toBeInstanceOf(AppError);
      expect((error as AppError).code).toBe('invalid_model');
      expect((error as AppError).message).toMatch(message);
    }, overrides);

  test('an unknown operator, by its name and node', () => {
    const graph = new TfGraph();
    graph.node('NonMaxSuppressionV5', [graph.input('x', [1, 4])], {}, 'boxes/nms');
    return refused(graph, 'operator NonMaxSuppressionV5 (node boxes/nms) cannot be imported');
  });

  test.each(['__proto__', 'constructor', 'toString'])('an operator named %s', (op) => {
    const graph = new TfGraph();
    graph.node(op, [graph.input('x', [1, 4])]);
    return refused(graph, 'cannot be imported');
  });

  test('a graph that runs in a circle', () => {
    const graph = new TfGraph();
    const x = graph.input('x', [1, 4]);
    graph.node('AddV2', [x, 'b'], {}, 'a');
    graph.node('Relu', ['a'], {}, 'b');
    graph.node('Neg', ['b'], {}, 'c');
    return refused(graph, /circle/);
  });

  test('a reference to nothing, and to an output that a node does not have', async () => {
    const graph = new TfGraph();
    graph.node('Relu', ['nowhere']);
    await refused(graph, /nowhere/);
    const indexed = new TfGraph();
    indexed.node('Neg', [`${indexed.node('Relu', [indexed.input('x', [1, 4])])}:1`]);
    await refused(indexed, /refers to Relu_0:1/);
  });

  test('a filter that is computed', () => {
    const graph = new TfGraph();
    const x = graph.input('x', [1, 6, 6, 3]);
    graph.node('Conv2D', [x, graph.node('Reshape', [x, graph.list(6, 6, 3, 1)])], same);
    return refused(graph, /Conv2D Conv2D_\d: its filter must be a constant/);
  });

  test('an input whose size is open', () => {
    const graph = new TfGraph();
    graph.node('Relu', [graph.input('x', [1, -1, -1, 3])]);
    return refused(graph, 'only the batch may be left open');
  });

  test('a layers model, and something else altogether', async () => {
    await refused(small(), 'only graph models', { format: 'layers-model', modelTopology: { config: {} } });
    await refused(small(), 'not a TensorFlow.js model', { weightsManifest: 3 });
  });

  test('weights that are too short, missing, or elsewhere', async () => {
    const whole = small();
    await whole.withFiles(async (path) => {
      await writeFile(path.replace('model.json', 'weights.bin'), new Uint8Array(20));
      await expect(importTfjs(path)).rejects.toThrow(/the weights end within constant_0: 432 bytes expected, 20 there/);
      await rm(path.replace('model.json', 'weights.bin'));
      await expect(importTfjs(path)).rejects.toThrow(/weights\.bin cannot be read/);
    });
    await refused(whole, 'does not lie beside', { weightsManifest: [{ paths: ['../../etc/passwd'], weights: [] }] });
  });

  test('a model.json that is not JSON, or not there', async () => {
    await writeFile(join(folder, 'broken.json'), '{');
    await expect(importTfjs(join(folder, 'broken.json'))).rejects.toThrow(/broken\.json is not a TensorFlow\.js model/);
    await expect(importTfjs(join(folder, 'none.json'))).rejects.toThrow(AppError);
  });
});

test('a conversion that computes something else is refused', async () => {
  const other = new TfGraph();
  const x = other.input('tower/picture', [1, 6, 8, 3]);
  const y = other.node('Conv2D', [x, other.floats([3, 3, 3, 4])], same);
  other.node('Tanh', [y], {}, 'tower/scores');
  other.node('Neg', [y], {}, 'tower/boxes');
  const conversion = await other.withFiles(async (path) => convert(await readTfModel(path)));
  await small().withFiles(async (path) => {
    const wrong = verify(path, conversion, encodeModel(conversion.model), [0, 1]);
    await expect(wrong).rejects.toThrow(/output scores differs from the original by \d/);
  });
});

describe('importModel()', () => {
  test('writes a model and what is known of it, and replaces it without touching its neighbours', () =>
    small().withFiles(async (path) => {
      const out = join(folder, 'models');
      const steps: string[] = [];
      const options = {
        source: path,
        out,
        id: 'small',
        manifest: { license: 'MIT' },
        onProgress: (step: string) => void steps.push(step),
      };
      const first = await importModel(options);
      await writeFile(join(out, 'small', 'labels.txt'), 'cat\n');
      const second = await importModel({ ...options, manifest: { license: 'ISC' } });
      expect(second.sha256).toBe(first.sha256);
      expect(first.verification).toMatchObject({ verified: true });
      expect((await readdir(out)).sort()).toEqual(['small']);
      expect((await readdir(join(out, 'small'))).sort()).toEqual(['labels.txt', 'model.json', 'model.onnx']);
      expect(JSON.parse(await readFile(join(out, 'small', 'model.json'), 'utf8'))).toEqual({
        license: 'ISC',
        source: path,
        sha256: first.sha256,
      });
      expect(steps.length).toBeGreaterThan(1);
    }));

  test('leaves nothing behind when it fails', async () => {
    const graph = new TfGraph();
    graph.node('Unheard', [graph.input('x', [1, 4])]);
    await graph.withFiles(async (path) => {
      const out = join(folder, 'empty');
      await expect(importModel({ source: path, out, id: 'bad' })).rejects.toThrow('Unheard');
      await expect(readdir(out)).rejects.toThrow('ENOENT');
    });
  });

  test.each(['', '..', '../up', '.hidden', 'a/b'])('refuses the id %j', async (id) => {
    await expect(importModel({ source: 'model.json', out: folder, id })).rejects.toThrow('cannot name a model');
  });
});
