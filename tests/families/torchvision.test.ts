import { readFileSync } from 'node:fs';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { openModel } from './run-model.ts';

const SIZE = { width: 80, height: 64 };
const folder = new URL('fixtures/', import.meta.url).pathname;

/** The picture that fixtures/torchvision/make.py showed to PyTorch. */
function picture(): Promise<Buffer> {
  const { width, height } = SIZE;
  const data = Uint8Array.from({ length: width * height * 3 }, (_, i) => {
    const [c, x, y] = [i % 3, Math.floor(i / 3) % width, Math.floor(i / 3 / width)];
    return (x * 7 + y * 13 + c * 50 + (x >> 4) * (y >> 4) * 29) % 256;
  });
  return sharp(data, { raw: { width, height, channels: 3 } })
    .png()
    .toBuffer();
}

describe.each([
  ['torchvision', 'faster-rcnn'],
  ['torchvision', 'retinanet'],
  ['torchvision', 'fcos'],
  ['torchvision', 'ssd'],
  ['torchvision', 'ssdlite'],
  ['torchvision-mask', 'mask-rcnn'],
])('%s: the graph of %s', (family, name) => {
  it('gives for a picture what PyTorch gives', async () => {
    const { expected } = JSON.parse(readFileSync(`${folder}${family}/${name}.json`, 'utf8'));
    const model = await openModel(`${folder}${family}/${name}.onnx`);
    expect(model.family).toBe(family);
    expect(model.labels).toHaveLength(3);
    const result = await model.predict(await picture(), { scoreThreshold: 0.05 });
    if (result.task !== 'detection' && result.task !== 'instance-segmentation') throw new Error(result.task);
    const { boxes, scores, classIds } = result.value;
    expect([...classIds]).toEqual(expected.labels);
    scores.forEach((score, i) => {
      expect(Math.abs(score - expected.scores[i])).toBeLessThan(1e-3);
      for (let k = 0; k < 4; k++) expect(Math.abs(boxes[4 * i + k]! - expected.boxes[i][k])).toBeLessThan(0.5);
    });
    if (result.task === 'instance-segmentation') {
      result.value.masks.forEach((mask, i) => {
        const bits = Buffer.from(expected.masks[i], 'base64');
        let wrong = 0;
        for (let at = 0; at < SIZE.width * SIZE.height; at++) {
          const [x, y] = [(at % SIZE.width) - mask.x, Math.floor(at / SIZE.width) - mask.y];
          const inside = x >= 0 && y >= 0 && x < mask.width && y < mask.height;
          const ours = inside ? mask.data[y * mask.width + x] : 0;
          if (ours !== ((bits[at >> 3]! >> (7 - (at & 7))) & 1)) wrong++;
        }
        expect(wrong, `pixels of mask ${i}`).toBeLessThanOrEqual(2);
      });
    }
  });
});
