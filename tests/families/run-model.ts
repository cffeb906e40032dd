import { readFile } from 'node:fs/promises';
import { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-node';
import { families } from '../../src/families/index.ts';
import { labelsFor } from '../../src/families/labels.ts';
import { recogniseFamily } from '../../src/families/recognise.ts';
import { openPicture } from '../../src/image/picture.ts';
import { readSignature } from '../../src/onnx/read-signature.ts';
import { fitFrame } from '../../src/vision/frame.ts';
import { toInputTensor } from '../../src/vision/pixels.ts';
import type { Tensor, Tensors } from '../../src/vision/tensor.ts';
import { toSource } from '../../src/vision/to-source.ts';
import type { Limits, Result } from '../../src/vision/types.ts';

/** A model recognised from nothing but its file. */
export async function openModel(path: string) {
  const signature = await readSignature(path);
  const { best } = recogniseFamily(signature);
  if (!best) throw new Error(`${path} is not recognised`);
  const family = families[best.family];
  const bound = family.bind(signature, best.params);
  const { labels } = labelsFor(signature, bound.classes);
  const session = await InferenceSession.create(path, { logSeverityLevel: 3, intraOpNumThreads: 1 });

  async function predict(picture: string | Buffer, wanted: Partial<Limits> = {}): Promise<Result> {
    const limits = { ...family.defaults, classAgnostic: false, ...wanted };
    const { width, height, resized } = await openPicture(
      typeof picture === 'string' ? await readFile(picture) : picture,
      { maxPixels: 50e6 },
    );
    const frame = fitFrame({ width, height }, bound.input.resize);
    const rgb = await resized(frame.content, bound.input.interpolation);
    const { dtype, data, dims } = toInputTensor(rgb, frame, bound.input);
    const outputs = await session.run({ [bound.input.name]: new OrtTensor(dtype, data as Float32Array, dims) });
    const tensors: Record<string, Tensor> = {};
    for (const [name, value] of Object.entries(outputs)) {
      tensors[name] = { dtype: value.type, dims: value.dims, data: value.data } as Tensor;
    }
    return toSource(bound.decode(tensors satisfies Tensors, frame.input, limits), frame);
  }
  return { family: best.family, labels, predict };
}
