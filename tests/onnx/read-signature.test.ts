import { readdirSync } from 'node:fs';
import { mkdtemp, open, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import fc from 'fast-check';
import { InferenceSession } from 'onnxruntime-node';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { AppError } from '../../src/errors.ts';
import { encodeModel } from '../../src/onnx/encode.ts';
import { model, node, tensor, value } from '../../src/onnx/model.ts';
import { readSignature } from '../../src/onnx/read-signature.ts';
import { sharedPath } from '../helpers/shared.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'miru-onnx-'));
});
afterAll(() => rm(folder, { recursive: true }));

async function read(bytes: Uint8Array | string) {
  const path = join(folder, 'case.onnx');
  await writeFile(path, bytes);
  return readSignature(path);
}

const rejection = async (bytes: Uint8Array | string) => {
  const error = await read(bytes).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(AppError);
  return error as AppError;
};

const graph = {
  name: 'graph',
  nodes: [node('Relu', ['x'], ['h']), node('Add', ['h', 'w'], ['y']), node('Relu', ['y'], ['z'])],
  inputs: [value('x', 'float32', ['batch', 3, null, 416]), value('w', 'float32', [4])],
  outputs: [value('z', 'int64', [])],
  initializers: [tensor('w', 'float32', [4], [1, 2, 3, 4])],
};
const plain = () => encodeModel(model(graph, { producer: 'test', metadata: { names: "{0: 'cat'}", ключ: '値' } }));

const weights = sharedPath('weights');
const files = weights ? readdirSync(weights).filter((name) => name.endsWith('.onnx')) : [];

describe.skipIf(!weights)('real models (skipped where the reference data is not there)', () => {
  test.each(files)('%s: inputs and outputs are those that onnxruntime sees', async (name) => {
    const path = join(weights!, name);
    const signature = await readSignature(path);
    const session = await InferenceSession.create(path, { logSeverityLevel: 3 });
    const seen = (values: readonly InferenceSession.ValueMetadata[]) =>
      values.map((v) => (v.isTensor ? { name: v.name, dtype: v.type, dims: v.shape } : v));
    expect(signature.inputs).toEqual(seen(session.inputMetadata));
    expect(signature.outputs).toEqual(seen(session.outputMetadata));
    expect(Object.values(signature.operators).reduce((a, b) => a + b, 0)).toBeGreaterThan(10);
    await session.release();
  });

  test('a truncated model is told apart wherever it ends', async () => {
    const whole = await readFile(join(weights!, 'nanodet-m-coco.onnx'));
    for (const length of [1, 5, 100, 5000, whole.length >> 1, whole.length - 1]) {
      expect((await rejection(whole.subarray(0, length))).message).toMatch(/case\.onnx .*(truncated|no graph)/);
    }
  });
});

describe('what is read', () => {
  test('inputs without initializers, outputs, metadata, operators', async () => {
    expect(await read(plain())).toEqual({
      inputs: [{ name: 'x', dtype: 'float32', dims: ['batch', 3, null, 416] }],
      outputs: [{ name: 'z', dtype: 'int64', dims: [] }],
      metadata: { names: "{0: 'cat'}", ключ: '値' },
      producer: 'test',
      irVersion: 8,
      opsets: { '': 17 },
      operators: { Relu: 2, Add: 1 },
      weights: { w: [4] },
      lastOperators: { z: 'Relu' },
    });
  });

  test('names that mean something to JavaScript stay names', async () => {
    const odd = { ...graph, nodes: [node('__proto__', ['x'], ['z']), node('constructor', ['x'], ['y'])] };
    const { operators, metadata } = await read(encodeModel(model(odd, { metadata: { ['__proto__']: 'x' } })));
    expect(Object.entries(operators)).toEqual([
      ['__proto__', 1],
      ['constructor', 1],
    ]);
    expect(Object.entries(metadata)).toEqual([['__proto__', 'x']]);
  });

  test('whether a Concat joins features or puts a shape together', async () => {
    const axes = [1, 0, -1].map((axis, k) => node('Concat', ['x', 'w'], [`c${k}`], { axis }));
    const { operators } = await read(encodeModel(model({ ...graph, nodes: axes })));
    expect(operators).toEqual({ Concat: 2, 'Concat:0': 1 });
  });

  test('the operator behind each output, past those that only pass numbers on', async () => {
    const nodes = [
      node('Sigmoid', ['x'], ['s']),
      node('Transpose', ['s'], ['t']),
      node('Cast', ['t'], ['y']),
      node('Split', ['y'], ['a', 'b']),
      node('Identity', ['x'], ['i']),
      node('Identity', ['round'], ['trip']),
      node('Identity', ['trip'], ['round']),
    ];
    const outputs = ['y', 'b', 'i', 'trip', 'x'].map((name) => value(name, 'float32', []));
    const { lastOperators } = await read(encodeModel(model({ ...graph, nodes, outputs })));
    expect(lastOperators).toEqual({ y: 'Sigmoid', b: 'Split', trip: 'Identity' });
  });

  test('shapes of weights, whether their dimensions are packed or not', async () => {
    const name = (writer: BinaryWriter) => writer.tag(8, WireType.LengthDelimited).string('u').finish();
    const single = name(new BinaryWriter().tag(1, WireType.Varint).int64(3).tag(1, WireType.Varint).int64(5));
    const packed = name(new BinaryWriter().tag(1, WireType.LengthDelimited).bytes(Uint8Array.of(3, 5)));
    for (const weight of [single, packed]) {
      const extra = new BinaryWriter().tag(5, WireType.LengthDelimited).bytes(weight).finish();
      const merged = new BinaryWriter().raw(plain()).tag(7, WireType.LengthDelimited).bytes(extra).finish();
      expect((await read(merged)).weights).toEqual({ w: [4], u: [3, 5] });
    }
  });

  test('a sparse initializer is not an input', async () => {
    const values = new BinaryWriter().tag(8, WireType.LengthDelimited).string('w').finish();
    const sparse = new BinaryWriter().tag(1, WireType.LengthDelimited).bytes(values).finish();
    const extra = new BinaryWriter().tag(15, WireType.LengthDelimited).bytes(sparse).finish();
    const bytes = encodeModel(model({ ...graph, initializers: [] }));
    // Messages given twice are merged (protobuf's encoding), so a second graph adds to the first.
    const merged = new BinaryWriter().raw(bytes).tag(7, WireType.LengthDelimited).bytes(extra).finish();
    expect((await read(merged)).inputs.map(({ name }) => name)).toEqual(['x']);
  });

  test('gigabytes of weights are stepped over', async () => {
    const path = join(folder, 'huge.onnx');
    const length = 2 ** 31 - 1000;
    const head = new BinaryWriter().tag(9, WireType.LengthDelimited).uint32(length).finish();
    const name = new BinaryWriter().tag(8, WireType.LengthDelimited).string('w').finish();
    const size = head.length + length + name.length;
    const start = new BinaryWriter()
      .tag(7, WireType.LengthDelimited)
      .uint32(size + 6)
      .tag(5, WireType.LengthDelimited)
      .uint32(size);
    const before = start.raw(head).finish();
    // A sparse file: the payload takes no space on disk.
    const file = await open(path, 'w');
    await file.write(before, 0, before.length, 0);
    await file.write(name, 0, name.length, before.length + length);
    await file.write(plain(), 0, undefined, before.length + length + name.length);
    await file.close();
    const memory = process.memoryUsage().rss;
    expect((await readSignature(path)).inputs.map((input) => input.name)).toEqual(['x']);
    expect(process.memoryUsage().rss - memory).toBeLessThan(200e6);
  });
});

describe('hostile files', () => {
  test.each([
    ['nothing', '', 'empty'],
    ['a text', 'Hello, I am a model.\n'.repeat(50), 'not a readable ONNX model'],
    ['HTML', '<!DOCTYPE html><html></html>', 'not a readable ONNX model'],
    ['a Git LFS pointer', 'version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n', 'Git LFS'],
    ['zeros', new Uint8Array(1000), 'field number 0'],
    ['no graph', new BinaryWriter().tag(1, WireType.Varint).int64(8).finish(), 'no graph'],
    ['a graph without outputs', encodeModel(model({ ...graph, outputs: [] })), 'no outputs'],
    ['a length beyond the file', Uint8Array.from([0x3a, 0xff, 0xff, 0xff, 0xff, 0x0f, 1]), 'truncated'],
    ['a length of 2^63', Uint8Array.from([0x3a, ...new Array(9).fill(0xff), 0x7f]), 'truncated'],
    ['a varint without end', new Uint8Array(100).fill(0xff), 'more than ten bytes'],
    ['a graph that is a number', Uint8Array.from([0x38, 1]), 'wire type'],
    ['an IR version that is a text', Uint8Array.from([0x0a, 1, 65]), 'not a number'],
    ['a group', Uint8Array.from([0x3b, 0x3c]), 'wire type 3'],
  ])('%s', async (_, bytes, message) => {
    const error = await rejection(bytes);
    expect(error.code).toBe('invalid_model');
    expect(error.message).toContain('case.onnx');
    expect(error.message).toContain(message);
  });

  test('a missing file and a folder', async () => {
    await expect(readSignature(join(folder, 'none.onnx'))).rejects.toThrow(/none\.onnx .*no such file/);
    await expect(readSignature(folder)).rejects.toThrow(AppError);
  });

  test('messages nested without end are stepped over, not descended into', async () => {
    let nested = new Uint8Array(0);
    for (let depth = 0; depth < 5000; depth++) {
      nested = new BinaryWriter().tag(5, WireType.LengthDelimited).bytes(nested).finish();
    }
    const deep = new BinaryWriter().tag(1, WireType.LengthDelimited).bytes(nested).finish();
    const bytes = new BinaryWriter().raw(plain()).tag(7, WireType.LengthDelimited).bytes(deep).finish();
    expect((await read(bytes)).outputs).toHaveLength(1);
  });

  test('a description of an absurd size is refused before it is read', async () => {
    const path = join(folder, 'absurd.onnx');
    const size = 2 ** 31;
    const before = new BinaryWriter().tag(14, WireType.LengthDelimited).uint32(size).finish();
    const file = await open(path, 'w');
    await file.write(before);
    await file.truncate(before.length + size);
    await file.close();
    await expect(readSignature(path)).rejects.toThrow('too large');
  });

  test('any bytes, and any damage to a model, end in a signature or an AppError', async () => {
    const whole = plain();
    const damaged = fc
      .array(fc.tuple(fc.nat(whole.length - 1), fc.nat(255)), { minLength: 1, maxLength: 6 })
      .map((changes) => changes.reduce((bytes, [at, byte]) => bytes.with(at, byte), whole));
    const bytes = fc.oneof(fc.uint8Array({ maxLength: 300 }), damaged);
    await fc.assert(
      fc.asyncProperty(bytes, async (sample) => {
        const outcome = await read(sample).catch((error: unknown) => error);
        if (outcome instanceof Error) {
          expect(outcome).toBeInstanceOf(AppError);
          expect((outcome as AppError).code).toBe('invalid_model');
        }
      }),
      { numRuns: 500 },
    );
  });
});
