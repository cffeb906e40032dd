import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { describe, expect, test } from 'vitest';
import { convert } from '../../src/importer/convert.ts';
import { embeddedModels } from '../../src/importer/embedded.ts';
import { importTfjs } from '../../src/importer/import-model.ts';
import { loadTensorFlow, runReference } from '../../src/importer/reference.ts';
import { testPicture } from '../../src/importer/test-picture.ts';
import { readTfModel } from '../../src/importer/tfjs-model.ts';
import { readSignature } from '../../src/onnx/read-signature.ts';

const models = fileURLToPath(new URL('../../models', import.meta.url));
const fixtures = fileURLToPath(new URL('fixtures', import.meta.url));

/** What a fixture keeps of one output. `values` are those at `positions(size)`. */
interface Samples {
  readonly dims: readonly number[];
  readonly min: number;
  readonly max: number;
  readonly mean: number;
  readonly values: readonly number[];
}

/** 200 places all over an output; the step shares no factor with its sizes, so that every channel is met. */
const positions = (size: number) => Array.from({ length: 200 }, (_, i) => (i * 7919 + 13) % size);

function samplesOf(dims: readonly number[], data: ArrayLike<number>): Samples {
  let [min, max, sum] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0];
  for (let i = 0; i < data.length; i++) {
    min = Math.min(min, data[i]!);
    max = Math.max(max, data[i]!);
    sum += data[i]!;
  }
  const short = (value: number) => Number(value.toPrecision(8));
  const values = positions(data.length).map((at) => short(data[at]!));
  return { dims, min: short(min), max: short(max), mean: short(sum / data.length), values };
}

describe.each(embeddedModels)('$id', ({ id, inputRange = [0, 1], ...options }) => {
  const folder = join(models, id);

  test('lies whole in models/, with its origin and licence', async () => {
    const about = JSON.parse(await readFile(join(folder, 'model.json'), 'utf8'));
    expect(about).toMatchObject({ source: options.source, ...options.manifest });
    const bytes = await readFile(join(folder, 'model.onnx'));
    expect(createHash('sha256').update(bytes).digest('hex')).toBe(about.sha256);
    expect((await stat(join(folder, 'model.onnx'))).size).toBeLessThanOrEqual(8 * 1024 * 1024);
    const notice = await readFile(join(models, '..', 'NOTICE'), 'utf8');
    expect(notice).toContain(`models/${id}\n`);
  });

  test('moves no axes within: one Transpose per output that TensorFlow orders otherwise, at most', async () => {
    const { operators, outputs, inputs } = await readSignature(join(folder, 'model.onnx'));
    expect(operators.Transpose ?? 0).toBeLessThanOrEqual(outputs.length);
    expect(inputs[0]!.dims.slice(0, 2)).toEqual([1, 3]);
  });

  test('gives what the original gives in TensorFlow.js', async () => {
    const expected: Record<string, Samples> = JSON.parse(await readFile(join(fixtures, `${id}.json`), 'utf8'));
    const session = await InferenceSession.create(join(folder, 'model.onnx'), { logSeverityLevel: 3 });
    const [input] = session.inputMetadata;
    if (!input?.isTensor) throw new Error('no input');
    const dims = input.shape.map(Number);
    const results = await session.run({ [input.name]: new Tensor('float32', testPicture(dims, inputRange), dims) });
    await session.release();
    expect(Object.keys(results).sort()).toEqual(Object.keys(expected).sort());
    for (const [name, want] of Object.entries(expected)) {
      const result = results[name]!;
      const have = samplesOf(result.dims, result.data as Float32Array);
      // A thousandth of the range, as the importer itself allows.
      const allowed = 1e-3 * Math.max(1, Math.abs(want.min), Math.abs(want.max));
      expect(have.dims).toEqual(want.dims);
      expect(want.max - want.min, `${name} is one value everywhere`).toBeGreaterThan(0.01);
      const differences = [
        ...want.values.map((value, i) => Math.abs(value - have.values[i]!)),
        ...[want.min - have.min, want.max - have.max, want.mean - have.mean].map(Math.abs),
      ];
      for (const difference of differences) expect(difference, name).toBeLessThanOrEqual(allowed);
    }
  });
});

/** The unpacked npm package; MIRU_HUMAN_MODELS says where. Too large to fetch in a test. */
const sources = process.env.MIRU_HUMAN_MODELS;

describe.skipIf(!sources || !existsSync(sources))(
  'from the package (skipped: set MIRU_HUMAN_MODELS to its folder)',
  () => {
    const pathOf = (source: string) => join(sources!, source.slice(source.indexOf('/models/')));

    test.each(embeddedModels)('$id: importing again gives the same bytes', async ({ id, source, ...options }) => {
      const { sha256 } = JSON.parse(await readFile(join(models, id, 'model.json'), 'utf8'));
      const { report } = await importTfjs(pathOf(source), { ...options, skipVerification: true });
      expect(report.sha256).toBe(sha256);
    });

    test.each(embeddedModels)(
      '$id: the fixture is what TensorFlow.js gives',
      async ({ id, source, inputRange, ...options }) => {
        const tensorFlow = await loadTensorFlow();
        if (typeof tensorFlow === 'string') throw new Error(tensorFlow);
        const { inputs, outputs } = convert(await readTfModel(pathOf(source)), options);
        const feeds = inputs.map((port) => ({ ...port, data: testPicture(port.dims, inputRange ?? [0, 1]) }));
        const results = await runReference(
          tensorFlow,
          pathOf(source),
          feeds,
          outputs.map(({ reference }) => reference),
        );
        // A map of one channel lies in the same order whichever way its axes are named.
        const samples = outputs.map(({ name, dims }, i) => [name, samplesOf(dims, results[i]!.data)] as const);
        await expect(`${JSON.stringify(Object.fromEntries(samples), null, 1)}\n`).toMatchFileSnapshot(
          join(fixtures, `${id}.json`),
        );
      },
    );
  },
);
