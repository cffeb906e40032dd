import { readFileSync } from 'node:fs';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openPicture } from '../../src/image/picture.ts';
import { startTestServer, type TestServer } from '../helpers/server.ts';
import { sharedPath } from '../helpers/shared.ts';

const weights = sharedPath('weights');
const data = sharedPath('data');
const reason = weights && data ? '' : ' (skipped: the reference weights and photos are not beside the project)';

/** Detectors of COCO: what each must see on dog.jpg. */
const detectors = [
  'yolox-nano-coco',
  'nanodet-m-coco',
  'nanodet-g-coco',
  'centernet-mobilenetv3-coco',
  'yolov8n-int8-320-coco',
  'fastestdet-coco',
  'ssd-mobilenet-v1-coco',
];
const faceDetectors = ['ultraface-rfb-320', 'ultraface-rfb-320-raw', 'blazeface-back-256'];

interface Named {
  readonly label: string;
  readonly score: number;
  readonly fraction: number;
  readonly box: { xmin: number; ymin: number; xmax: number; ymax: number };
}

describe.skipIf(reason)(`bare ONNX files over HTTP${reason}`, () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startTestServer({
      models: [],
      settings: { models_dir: [weights], preload: ['none'], max_loaded_models: 3 },
    });
  });
  afterAll(() => server.close());

  async function predict(model: string, picture: string, query = ''): Promise<Record<string, Named[]>> {
    const res = await post(model, picture, query);
    expect(res.status).toBe(200);
    return ((await res.json()) as { results: Record<string, Named[]>[] }).results[0]!;
  }

  function post(model: string, picture: string, query = ''): Promise<Response> {
    const body = readFileSync(sharedPath('data', picture)!);
    return fetch(`${server.url}/v1/predict?model=${model}${query}`, {
      method: 'POST',
      headers: { 'content-type': 'application/octet-stream' },
      body,
    });
  }

  it.each(detectors)('%s sees the dog, the bicycle and the car', async (model) => {
    const { detections } = await predict(model, 'darknet/dog.jpg');
    const labels = detections!.map((d) => d.label);
    expect(labels).toEqual(expect.arrayContaining(['dog', 'bicycle']));
    expect(labels.some((label) => label === 'car' || label === 'truck')).toBe(true);
    const { box } = detections!.find((d) => d.label === 'dog')!;
    // Where the dog sits, to a tenth of the picture.
    for (const [side, at] of Object.entries({ xmin: 131, ymin: 213, xmax: 322, ymax: 541 })) {
      expect(Math.abs(box[side as keyof typeof box] - at)).toBeLessThan(60);
    }
  });

  it.each(faceDetectors)('%s sees the face of a portrait', async (model) => {
    const { detections } = await predict(model, 'coral-seg/grace_hopper.bmp');
    expect(detections!.map((d) => d.label)).toEqual(['face']);
    expect(detections![0]!.score).toBeGreaterThan(0.7);
  });

  it.each([
    ['deeplabv3-mobilenetv2-voc', 'bird', 0.95],
    ['deeplab-edgetpu-cityscapes', 'cityscapes', 0.9],
  ])('%s labels the pixels of %s', async (model, name, least) => {
    const res = await post(model, `coral-seg/${name}_segmentation.bmp`, '&format=png&mask_format=png');
    const { data: ours, info } = await sharp(Buffer.from(await res.arrayBuffer()))
      .raw()
      .toBuffer({ resolveWithObject: true });
    const truth = readFileSync(sharedPath('data', `coral-seg/${name}_segmentation_mask.bmp`)!);
    const labels = readIndices(truth, info.width, info.height);
    let agreed = 0;
    let counted = 0;
    labels.forEach((label, i) => {
      if (label === 255) return;
      counted++;
      if (ours[i * info.channels] === label) agreed++;
    });
    expect(agreed / counted).toBeGreaterThanOrEqual(least);
  });

  it('selfie-segmentation finds the people', async () => {
    const { segments } = await predict('selfie-segmentation', 'coral-seg/grace_hopper.bmp');
    expect(segments!.find((s) => s.label === 'foreground')!.fraction).toBeGreaterThan(0.3);
  });

  it('mobilenet-v2-imagenet names the dog', async () => {
    const { classes } = await predict('mobilenet-v2-imagenet', 'darknet/dog.jpg', '&max_detections=1');
    expect(classes!.map((c) => c.label)).toEqual(['German shepherd']);
  });

  it('pp-ocrv4-det finds the lines of a page', async () => {
    const lines = ['The first line', 'and a second one'].map(
      (text, i) => `<text x="40" y="${80 + 90 * i}">${text}</text>`,
    );
    const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="640" height="240"><rect width="640" height="240" fill="white"/><g font-size="48">${lines.join('')}</g></svg>`;
    const page = await sharp(Buffer.from(svg)).png().toBuffer();
    const picture = await openPicture(page, { maxPixels: 1e6 });
    const blank = (await picture.pixels()).every((value) => value === 255);
    // Without a font on this machine the page stays white.
    const res = await fetch(`${server.url}/v1/segment?model=pp-ocrv4-det`, {
      method: 'POST',
      headers: { 'content-type': 'image/png' },
      body: new Uint8Array(page),
    });
    const { results } = (await res.json()) as { results: { detections: Named[] }[] };
    expect(results[0]!.detections.map((d) => d.label)).toEqual(blank ? [] : ['text', 'text']);
  });
});

/** Palette indices of an 8-bit BMP, top row first. */
function readIndices(bmp: Buffer, width: number, height: number): Uint8Array {
  const stride = Math.ceil(width / 4) * 4;
  const at = bmp.readUInt32LE(10);
  const isTopDown = bmp.readInt32LE(22) < 0;
  const rows = Array.from({ length: height }, (_, y) => at + (isTopDown ? y : height - 1 - y) * stride);
  return Uint8Array.from(rows.flatMap((row) => [...bmp.subarray(row, row + width)]));
}
