import { readFile } from 'node:fs/promises';
import { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import { centernet } from '../../src/families/centernet.ts';
import { openPicture } from '../../src/image/picture.ts';
import { readSignature } from '../../src/onnx/read-signature.ts';
import { fitFrame } from '../../src/vision/frame.ts';
import { toInputTensor } from '../../src/vision/pixels.ts';
import type { Tensor, Tensors } from '../../src/vision/tensor.ts';
import { sharedPath } from '../helpers/shared.ts';

const path = sharedPath('weights', 'centernet-mobilenetv3-coco.onnx');

describe.skipIf(!path)('CenterNet on MobileNetV3 (needs the reference weights)', () => {
  it.each(['chelsea', 'astronaut', 'coffee'])('reads %s as the graph’s own output `detections` does', async (name) => {
    const signature = await readSignature(path!);
    const bound = centernet.bind(signature, centernet.recognise(signature)?.params);
    const picture = await openPicture(await readFile(`samples/${name}.png`), { maxPixels: 50e6 });
    const frame = fitFrame(picture, bound.input.resize);
    const rgb = await picture.resized(frame.content, bound.input.interpolation);
    const { dtype, data, dims } = toInputTensor(rgb, frame, bound.input);
    const session = await InferenceSession.create(path!, { logSeverityLevel: 3, intraOpNumThreads: 1 });
    const given = await session.run({ [bound.input.name]: new OrtTensor(dtype, data as Float32Array, dims) });
    const outputs: Tensors = Object.fromEntries(
      Object.entries(given).map(([key, { type, dims, data }]) => [key, { dtype: type, dims, data } as Tensor]),
    );
    await session.release();

    const theirs = rowsOf(given.detections!.data as Float32Array, 6).filter((row) => row[4]! >= 0.1);
    const limits = { scoreThreshold: 0.1, iouThreshold: 1, maxDetections: 100, classAgnostic: false };
    const found = bound.decode(outputs, frame.input, limits);
    if (found.task !== 'detection') throw new Error(found.task);
    const { boxes, scores, classIds } = found.value;
    const ours = rowsOf(boxes, 4).map((box, i) => [...box, scores[i]!, classIds[i]!]);
    expect(theirs.length).toBeGreaterThan(2);
    expect(ours.length).toBe(theirs.length);
    ours.forEach((row, i) => {
      row.forEach((v, k) => {
        expect(v, `row ${i}, column ${k}`).toBeCloseTo(theirs[i]![k]!, 3);
      });
    });
  });
});

function rowsOf(data: Float32Array, columns: number): number[][] {
  return Array.from({ length: data.length / columns }, (_, i) => [...data.subarray(columns * i, columns * (i + 1))]);
}
