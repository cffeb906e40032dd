import { execFile } from 'node:child_process';
import { copyFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, describe, expect, it } from 'vitest';
import { missingCudaLibrary } from '../../src/runtime/cuda-library.ts';
import { openSession } from '../../src/runtime/session.ts';
import { detector, SIDE, scratchFolder, writeModel } from '../helpers/graphs.ts';
import { libraryThatNeeds } from './elf.ts';

const scratch = scratchFolder();
afterAll(scratch.remove);

const graph = join(scratch.path, 'detector.onnx');
writeModel(graph, detector());
const image = { dtype: 'float32' as const, dims: [1, 3, SIDE, SIDE], data: new Float32Array(3 * SIDE * SIDE).fill(7) };
const hasCuda = missingCudaLibrary() === undefined;

describe('the CPU', () => {
  it('runs a graph', async () => {
    const session = await openSession(graph, { provider: 'cpu', threads: 1 });
    const { output } = await session.run({ image });
    expect(session.provider).toBe('cpu');
    expect(session.fallbackReason).toBeUndefined();
    expect(output).toMatchObject({ dtype: 'float32', dims: [1, 21, 8] });
    expect(Array.from(output!.data.slice(0, 6), Number)).toEqual([16, 16, 8, 8, Math.fround(0.9), 1]);
    await session.release();
  });

  it('refuses inputs that the graph does not take', async () => {
    const session = await openSession(graph, { provider: 'cpu', threads: 1 });
    await expect(session.run({ image: { ...image, dims: [1, 3, SIDE * SIDE, 1] } })).rejects.toThrow(/dimensions/);
    await expect(session.run({ picture: image })).rejects.toThrow(/image/);
    await session.release();
  });
});

describe('files that are no models', () => {
  // A name with words that providers' messages have as well.
  const path = join(scratch.path, 'cuda-backend-provider.onnx');
  const whole = readFileSync(graph);
  it.each([
    ['empty', new Uint8Array(0)],
    ['text', Buffer.from('not a graph')],
    ['cut off', whole.subarray(0, whole.length / 2)],
    ['a picture', readFileSync('samples/rocket.jpg').subarray(0, 5_000)],
  ])('refuses %s', async (_what, bytes) => {
    writeFileSync(path, bytes);
    for (const provider of ['cpu', 'auto'] as const) {
      await expect(openSession(path, { provider, threads: 1 })).rejects.toMatchObject({ code: 'invalid_model' });
    }
  });

  it('refuses none', async () => {
    const missing = join(scratch.path, 'missing.onnx');
    await expect(openSession(missing, { provider: 'cpu', threads: 1 })).rejects.toMatchObject({
      code: 'invalid_model',
    });
  });
});

describe.skipIf(hasCuda)('CUDA where it is not (skipped where it is)', () => {
  it('is refused, naming what is missing', async () => {
    await expect(openSession(graph, { provider: 'cuda', threads: 1 })).rejects.toMatchObject({
      code: 'provider_unavailable',
      message: expect.stringMatching(/^the cuda provider cannot be used: .*providers_cuda\.(so|dll)/),
    });
  });

  it('gives way to the CPU where the choice is free, and says why', async () => {
    const session = await openSession(graph, { provider: 'auto', threads: 1 });
    expect(session.provider).toBe('cpu');
    expect(session.fallbackReason).toMatch(/^the cuda provider cannot be used: /);
    expect((await session.run({ image })).output!.dims).toEqual([1, 21, 8]);
    await session.release();
  });
});

describe('the library of CUDA', () => {
  it('is looked for beside onnxruntime', () => {
    expect(missingCudaLibrary(scratch.path)).toContain(`not beside onnxruntime, in ${scratch.path}`);
  });

  it.skipIf(process.platform !== 'linux' || process.arch !== 'x64')('is asked what it lacks (Linux x64)', () => {
    writeFileSync(join(scratch.path, 'libonnxruntime_providers_cuda.so'), libraryThatNeeds('libcublasLt.so.13-test'));
    expect(missingCudaLibrary(scratch.path)).toBe(
      'libcublasLt.so.13-test, which libonnxruntime_providers_cuda.so needs, is not installed on this machine',
    );
  });
});

const swiftShader = '/usr/lib/chromium';
const driver = join(swiftShader, 'vk_swiftshader_icd.json');

describe.skipIf(!existsSync(driver))(
  'WebGPU on SwiftShader, the software Vulkan of Debian’s chromium (skipped without)',
  () => {
    const env = { ...process.env, VK_DRIVER_FILES: driver, LD_LIBRARY_PATH: swiftShader };
    const script = fileURLToPath(new URL('fixtures/compare-webgpu.mjs', import.meta.url));
    const compare = async (...args: string[]) => {
      const { stdout } = await promisify(execFile)(process.execPath, [script, ...args], { env });
      return JSON.parse(stdout) as { provider: string; largest: number; outputs: number };
    };

    it('computes what the CPU computes', async () => {
      const { largest, ...rest } = await compare(
        'models/selfie-segmentation/model.onnx',
        'input_1',
        '1',
        '3',
        '256',
        '256',
      );
      expect(rest).toEqual({ provider: 'webgpu', outputs: 1 });
      expect(largest).toBeLessThan(1e-4);
    });

    it('tells a broken file from a missing device', async () => {
      const path = join(scratch.path, 'webgpu-backend.onnx');
      copyFileSync('samples/rocket.jpg', path);
      await expect(compare(path, 'image', '1')).rejects.toThrow(/invalid_model/);
    });
  },
);
