import { describe, expect, it } from 'vitest';
import { imagesOf, ModelResults } from '../../src/evaluate/model-results.ts';
import { ImageFailure, planRun, runOnImages } from '../../src/evaluate/run-model.ts';

const truth = {
  images: [
    { id: 5, file_name: 'a.jpg' },
    { id: 6, file_name: 'b.jpg' },
  ],
  categories: [
    { id: 3, name: 'Traffic light', keypoints: ['left_eye', 'nose'] },
    { id: 4, name: 'dog' },
  ],
};
const image = { id: 5, name: 'a.jpg' };
const box = { xmin: 1, ymin: 2, xmax: 4, ymax: 6 };
const mask = { size: [2, 2], counts: '4' };
const point = (name: string, x: number) => ({ name, x, y: x + 1, score: 0.5 });

describe('ModelResults', () => {
  it('finds classes by name and gives boxes', () => {
    const collected = new ModelResults(truth);
    collected.add(image, [{ label: 'traffic_light', score: 0.5, box, mask }]);
    expect(collected.results).toEqual([{ image_id: 5, category_id: 3, bbox: [1, 2, 3, 4], score: 0.5 }]);
    expect(collected.warnings()).toEqual([]);
  });

  it.each(['segm', 'boundary'] as const)(
    'gives masks for %s, without boxes that would tell another size',
    (iouType) => {
      const collected = new ModelResults(truth, iouType);
      collected.add(image, [{ label: 'dog', score: 0.5, box, mask }]);
      expect(collected.results).toEqual([{ image_id: 5, category_id: 4, segmentation: mask, score: 0.5 }]);
      expect(() => collected.add(image, [{ label: 'dog', score: 0.5, box }])).toThrow(/does not find a mask for dog/);
    },
  );

  it('gives keypoints in the order of the ground truth', () => {
    const collected = new ModelResults(truth, 'keypoints');
    const named = [point('Nose', 10), point('ear', 20), point('left eye', 30)];
    collected.add(image, [{ label: 'traffic light', score: 0.5, box, keypoints: named }]);
    expect(collected.results).toEqual([{ image_id: 5, category_id: 3, keypoints: [30, 31, 1, 10, 11, 1], score: 0.5 }]);
  });

  it('takes keypoints of other names as they come, if they are as many', () => {
    const collected = new ModelResults(truth, 'keypoints');
    const add = (label: string, ...keypoints: ReturnType<typeof point>[]) =>
      collected.add(image, [{ label, score: 0.5, box, keypoints }]);
    add('traffic light', point('0', 10), point('1', 20));
    add('dog', point('0', 10));
    expect(collected.results).toMatchObject([{ keypoints: [10, 11, 1, 20, 21, 1] }, { keypoints: [10, 11, 1] }]);
    expect(() => add('traffic light', point('0', 10))).toThrow(/the 2 keypoints of the ground truth: it finds 1/);
    expect(() => collected.add(image, [{ label: 'dog', score: 1, box }])).toThrow(/does not find keypoints for dog/);
  });

  it('leaves out classes that the ground truth lacks, but not all', () => {
    const collected = new ModelResults(truth);
    collected.add(image, [{ label: 'cat', score: 0.5, box }]);
    expect(() => collected.warnings()).toThrow(/\(cat\) are none of the ground truth’s \(traffic light, dog/);
    collected.add(image, [{ label: 'dog', score: 0.5, box }]);
    expect(collected.warnings()).toEqual(['left out detections of classes that the ground truth lacks: cat']);
  });
});

describe('planRun()', () => {
  it('asks for as many objects as are scored, and for masks where they are compared', () => {
    expect(planRun(truth, {})).toEqual({
      images: imagesOf(truth, undefined),
      scoreThreshold: 0.001,
      maxDetections: 100,
      maskFormat: 'none',
    });
    expect(planRun(truth, { max_detections: [1, 500], iou_type: 'segm' })).toMatchObject({
      maxDetections: 500,
      maskFormat: 'rle',
    });
    expect(planRun(truth, { max_detections: [1_000_000], iou_type: 'keypoints' })).toMatchObject({
      maxDetections: 10_000,
      maskFormat: 'none',
    });
    expect(planRun(truth, { image_ids: [6] }).images).toEqual([{ id: 6, name: 'b.jpg' }]);
    expect(() => planRun(truth, { image_ids: [7] })).toThrow(/no images/);
  });
});

describe('runOnImages()', () => {
  const images = ['a', 'b', 'c', 'd'].map((name) => ({ name }));
  const never = new AbortController().signal;

  it('answers in order, and names the first image that fails', async () => {
    const seen: string[] = [];
    const run = async ({ name }: { name: string }) => {
      if (name === 'c') throw new Error('broken');
      return name.toUpperCase();
    };
    const all = (async () => {
      for await (const { answer } of runOnImages(images, 2, run, never)) seen.push(answer);
    })();
    const error = await all.catch((cause) => cause);
    expect(error).toBeInstanceOf(ImageFailure);
    expect(error).toMatchObject({ message: 'c', cause: expect.objectContaining({ message: 'broken' }) });
    expect(seen).toEqual(['A', 'B']);
  });

  it('just ends when it is stopped, though its last images fail for it', async () => {
    const stop = new AbortController();
    const run = async ({ name }: { name: string }) => {
      if (stop.signal.aborted) throw new Error('aborted');
      if (name === 'b') stop.abort();
      return name;
    };
    const seen: string[] = [];
    for await (const { answer } of runOnImages(images, 1, run, stop.signal)) seen.push(answer);
    expect(seen).toEqual(['a']);
  });
});
