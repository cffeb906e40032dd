import { readFileSync } from 'node:fs';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { glyphOf } from '../../src/render/font.ts';
import type { Result } from '../../src/vision/types.ts';
import { sharedPath } from '../helpers/shared.ts';
import { openModel } from './run-model.ts';

const weights = sharedPath('weights');
const data = sharedPath('data');
const model = (name: string) => openModel(`${weights}/${name}.onnx`);
const photo = (path: string) => `${data}/${path}`;

const pictures: Record<string, string> = {
  chelsea: 'samples/chelsea.png',
  astronaut: 'samples/astronaut.png',
  coffee: 'samples/coffee.png',
  dog: photo('darknet/dog.jpg'),
};

/** The surest labels, with their scores, that each model's own reference pipeline gives. */
const expected: Record<string, { family: string; sees: Record<string, Record<string, number>> }> = {
  'nanodet-g-coco': {
    family: 'nanodet',
    sees: {
      chelsea: { cat: 0.58 },
      astronaut: { person: 0.73 },
      coffee: { 'dining table': 0.51, cup: 0.27 },
      dog: { dog: 0.67, bicycle: 0.6, car: 0.51 },
    },
  },
  'nanodet-m-coco': {
    family: 'nanodet',
    sees: {
      chelsea: { cat: 0.51 },
      astronaut: { person: 0.46 },
      coffee: { cup: 0.59, 'dining table': 0.58 },
      dog: { bicycle: 0.73, car: 0.49, dog: 0.46 },
    },
  },
  'yolox-nano-coco': {
    family: 'yolox',
    sees: {
      chelsea: { cat: 0.64 },
      astronaut: { person: 0.92 },
      coffee: { cup: 0.9, 'dining table': 0.73 },
      dog: { dog: 0.83, car: 0.81, bicycle: 0.81 },
    },
  },
  'yolov8n-int8-320-coco': {
    family: 'yolov8',
    sees: {
      chelsea: { cat: 0.96 },
      astronaut: { person: 0.77 },
      coffee: { cup: 0.88, 'dining table': 0.6 },
      dog: { dog: 0.91, bicycle: 0.84, car: 0.68 },
    },
  },
  'centernet-mobilenetv3-coco': {
    family: 'centernet',
    sees: {
      chelsea: { dog: 0.49 },
      astronaut: { person: 0.61 },
      coffee: { cup: 0.51, 'dining table': 0.41 },
      dog: { car: 0.56, bicycle: 0.51, dog: 0.41 },
    },
  },
};

describe.skipIf(!weights || !data)('real weights (needs the reference weights and photos)', () => {
  describe.each(Object.entries(expected))('%s', (name, { family, sees }) => {
    it('sees what its reference pipeline sees', async () => {
      const opened = await model(name);
      expect(opened.family).toBe(family);
      for (const [picture, objects] of Object.entries(sees)) {
        const found = byLabel(await opened.predict(pictures[picture]!, { scoreThreshold: 0.15 }), opened.labels);
        for (const [label, score] of Object.entries(objects)) {
          expect(found[label]?.score, `${label} on ${picture}`).toBeGreaterThan(score - 0.1);
          expect(found[label]?.score, `${label} on ${picture}`).toBeLessThan(score + 0.1);
        }
        const others = Object.entries(found).filter(([label]) => !(label in objects));
        const least = Math.min(...Object.values(objects));
        for (const [label, { score }] of others) expect(score, `${label} on ${picture}`).toBeLessThan(least + 0.05);
      }
    });
  });

  it.each(['fastestdet-coco', 'ssd-mobilenet-v1-coco'])(
    '%s finds dog, bicycle and car where they are',
    async (name) => {
      const opened = await model(name);
      const found = byLabel(await opened.predict(pictures.dog!, { scoreThreshold: 0.3 }), opened.labels);
      // xmin, ymin, xmax, ymax read off the photo.
      expectBox(found.dog?.box, [130, 220, 310, 540]);
      expectBox(found.bicycle?.box, [120, 130, 570, 420]);
      expectBox((found.car ?? found.truck)?.box, [465, 75, 690, 170]);
    },
  );

  it.each(['ultraface-rfb-320', 'ultraface-rfb-320-raw', 'blazeface-back-256'])(
    '%s finds the one face',
    async (name) => {
      const opened = await model(name);
      expect(opened.labels).toEqual(['face']);
      for (const [path, face] of [
        ['samples/astronaut.png', [175, 65, 270, 190]],
        [photo('coral-seg/grace_hopper.bmp'), [175, 95, 360, 345]],
      ] as const) {
        const result = await opened.predict(path);
        expect(detections(result).scores.length, path).toBe(1);
        expectBox(byLabel(result, opened.labels).face?.box, face, 0.4);
      }
    },
  );

  it('blazeface puts eyes above nose above mouth, ears outside', async () => {
    const opened = await model('blazeface-back-256');
    const { keypoints } = detections(await opened.predict('samples/astronaut.png'));
    const point = (name: string) => {
      const k = keypoints!.names.indexOf(name);
      return { x: keypoints!.points[3 * k]!, y: keypoints!.points[3 * k + 1]!, seen: keypoints!.points[3 * k + 2]! };
    };
    const [right, left, nose, mouth] = ['right_eye', 'left_eye', 'nose_tip', 'mouth_center'].map(point);
    expect(right!.x).toBeLessThan(nose!.x);
    expect(nose!.x).toBeLessThan(left!.x);
    expect(right!.y).toBeLessThan(nose!.y);
    expect(nose!.y).toBeLessThan(mouth!.y);
    expect(point('right_ear_tragion').x).toBeLessThan(right!.x);
    expect(point('left_ear_tragion').x).toBeGreaterThan(left!.x);
    expect(mouth!.seen).toBe(1);
  });

  it.each([
    ['deeplabv3-mobilenetv2-voc', 'bird', 21, 0.95],
    ['deeplab-edgetpu-cityscapes', 'cityscapes', 19, 0.9],
  ])('%s agrees with the mask of the %s', async (name, picture, classes, least) => {
    const opened = await model(name);
    expect(opened.labels).toHaveLength(classes);
    const result = await opened.predict(photo(`coral-seg/${picture}_segmentation.bmp`));
    if (result.task !== 'semantic-segmentation') throw new Error(result.task);
    const truth = readIndexedBmp(photo(`coral-seg/${picture}_segmentation_mask.bmp`));
    expect([truth.width, truth.height]).toEqual([result.value.width, result.value.height]);
    let [agreed, counted] = [0, 0];
    truth.labels.forEach((label, i) => {
      if (label >= classes) return;
      counted++;
      if (label === result.value.labels[i]) agreed++;
    });
    expect(agreed / counted).toBeGreaterThan(least);
  });

  it('selfie segmentation separates the astronaut from what is around her', async () => {
    const opened = await model('selfie-segmentation');
    expect(opened.family).toBe('binary-mask');
    const result = await opened.predict('samples/astronaut.png');
    if (result.task !== 'semantic-segmentation') throw new Error(result.task);
    const at = (x: number, y: number) => result.value.labels[y * result.value.width + x];
    expect([at(220, 120), at(250, 300), at(200, 450)]).toEqual([1, 1, 1]);
    expect([at(20, 20), at(120, 60)]).toEqual([0, 0]);
  });

  it('PP-OCR finds an upright and a slanted line of text', async () => {
    const opened = await model('pp-ocrv4-det');
    const picture = `<svg xmlns="http://www.w3.org/2000/svg" width="900" height="600"><rect width="900" height="600" fill="#eee"/>
      <path transform="translate(60 120) scale(60)" d="${outline('Miru sees text')}"/>
      <path transform="translate(150 460) rotate(-25) scale(50)" d="${outline('slanted words here')}"/></svg>`;
    const result = await opened.predict(await sharp(Buffer.from(picture)).png().toBuffer());
    if (result.task !== 'instance-segmentation') throw new Error(result.task);
    const { boxes, masks } = result.value;
    expect(masks).toHaveLength(2);
    const fills = masks.map((mask) => mask.data.reduce((a, b) => a + b, 0) / mask.data.length);
    const [upright, slanted] = boxes[1]! < boxes[5]! ? [0, 1] : [1, 0];
    expectBox([...boxes.subarray(4 * upright, 4 * upright + 4)], [60, 75, 60 + 60 * advance('Miru sees text'), 125]);
    expect(fills[upright]).toBeGreaterThan(0.9);
    expect(fills[slanted]).toBeLessThan(0.5);
  });

  it('MobileNet calls the dog a German shepherd', async () => {
    const opened = await model('mobilenet-v2-imagenet');
    const result = await opened.predict(pictures.dog!);
    if (result.task !== 'classification') throw new Error(result.task);
    const top = [...result.value.scores.keys()].sort((a, b) => result.value.scores[b]! - result.value.scores[a]!);
    expect(opened.labels[top[0]!]).toMatch(/German shepherd/i);
  });
});

function detections(result: Result) {
  if (result.task !== 'detection') throw new Error(result.task);
  return result.value;
}

const advance = (text: string) => [...text].reduce((sum, character) => sum + glyphOf(character).advance, 0);

/** Text as an SVG path of font size 1, so that the test needs no installed font. */
function outline(text: string): string {
  let x = 0;
  return [...text]
    .map((character) => {
      const { edges, advance } = glyphOf(character);
      let [path, last] = ['', ''];
      for (let i = 0; i < edges.length; i += 4) {
        const [from, to] = [`${x + edges[i]!} ${edges[i + 1]}`, `${x + edges[i + 2]!} ${edges[i + 3]}`];
        path += `${from === last ? '' : `M${from}`}L${to}`;
        last = to;
      }
      x += advance;
      return path;
    })
    .join('');
}

/** The surest detection of each label. */
function byLabel(result: Result, labels: readonly string[]): Record<string, { score: number; box: number[] }> {
  const { scores, classIds, boxes } = detections(result);
  const found: Record<string, { score: number; box: number[] }> = {};
  scores.forEach((score, i) => {
    found[labels[classIds[i]!]!] ??= { score, box: [...boxes.subarray(4 * i, 4 * i + 4)] };
  });
  return found;
}

function expectBox(box: readonly number[] | undefined, truth: readonly number[], leastIou = 0.6): void {
  if (!box) throw new Error('not found');
  const side = (b: readonly number[], from: number) => b[from + 2]! - b[from]!;
  const shared = [0, 1].map((k) => Math.min(box[k + 2]!, truth[k + 2]!) - Math.max(box[k]!, truth[k]!));
  const overlap = Math.max(0, shared[0]!) * Math.max(0, shared[1]!);
  const union = side(box, 0) * side(box, 1) + side(truth, 0) * side(truth, 1) - overlap;
  expect(overlap / union, `${box.map(Math.round)} against ${truth}`).toBeGreaterThan(leastIou);
}

/** The palette indices of an uncompressed 8-bit BMP, whose rows go from bottom to top, padded to four bytes. */
function readIndexedBmp(path: string): { width: number; height: number; labels: Uint8Array } {
  const file = readFileSync(path);
  const [start, width, height] = [file.readUInt32LE(10), file.readInt32LE(18), file.readInt32LE(22)];
  expect(file.readUInt16LE(28)).toBe(8);
  const stride = Math.ceil(width / 4) * 4;
  const labels = new Uint8Array(width * height);
  for (let y = 0; y < height; y++) {
    const row = start + (height - 1 - y) * stride;
    labels.set(file.subarray(row, row + width), y * width);
  }
  return { width, height, labels };
}
