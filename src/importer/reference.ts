import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type * as Converter from '@tensorflow/tfjs-converter';
import type * as Core from '@tensorflow/tfjs-core';
import type { Port } from './convert.ts';

/** One output of the original model, in TensorFlow's order of axes. */
export interface ReferenceOutput {
  readonly dims: readonly number[];
  readonly data: Float32Array | Int32Array | Uint8Array;
}

export interface TensorFlow {
  readonly core: typeof Core;
  readonly converter: typeof Converter;
}

/** TensorFlow.js, or why it cannot be used. It is no dependency of an installed Miru, only of its development. */
export async function loadTensorFlow(): Promise<TensorFlow | string> {
  try {
    const [core, converter] = await Promise.all([
      import('@tensorflow/tfjs-core'),
      import('@tensorflow/tfjs-converter'),
      import('@tensorflow/tfjs-backend-cpu'),
    ]);
    // Without it TensorFlow.js prints a banner.
    core.enableProdMode();
    await core.setBackend('cpu');
    return { core, converter };
  } catch {
    return 'TensorFlow.js is not installed (@tensorflow/tfjs-core, tfjs-converter and tfjs-backend-cpu)';
  }
}

/** Runs the model at `path` as TensorFlow.js does on its plain JavaScript backend: slow, and the measure of an import. */
export async function runReference(
  { core, converter }: TensorFlow,
  path: string,
  inputs: readonly (Port & { readonly data: Float32Array })[],
  references: readonly string[],
): Promise<ReferenceOutput[]> {
  const { modelTopology, weightsManifest, ...rest } = JSON.parse(await readFile(path, 'utf8'));
  const groups = weightsManifest as { paths: string[]; weights: object[] }[];
  const shards = await Promise.all(
    groups.flatMap((group) => group.paths).map((name) => readFile(join(dirname(path), name))),
  );
  const weights = Uint8Array.from(Buffer.concat(shards));
  const model = await converter.loadGraphModel({
    load: async () => ({
      ...rest,
      modelTopology,
      weightSpecs: groups.flatMap((group) => group.weights),
      weightData: weights.buffer,
    }),
  });
  const feeds = Object.fromEntries(
    inputs.map(({ reference, dims, axes, data }) => {
      const inMemory = core.tensor(data, [...dims]);
      return [
        reference,
        core.transpose(
          inMemory,
          dims.map((_, axis) => axes.indexOf(axis)),
        ),
      ];
    }),
  );
  const results = [model.execute(feeds, [...references])].flat();
  const outputs = results.map((result) => ({ dims: result.shape, data: result.dataSync() }));
  model.dispose();
  for (const tensor of [...results, ...Object.values(feeds)]) tensor.dispose();
  return outputs;
}
