import { describe, expect, it } from 'vitest';
import { loadCoco } from '../../../src/eval/coco/load.ts';
import type { IouType } from '../../../src/eval/coco/types.ts';
import { rleFromCounts, rleToBox } from '../../../src/vision/rle.ts';
import { groundTruth, result, truth } from './helpers.ts';

const BOX = [10, 10, 40, 40];

describe('columns', () => {
  it('keep the order of the file and sort ids', () => {
    const file = {
      images: [{ id: 7 }, { id: 2 }],
      categories: [
        { id: 9, name: 'nine' },
        { id: 4, name: 'four' },
      ],
      annotations: [truth(5, BOX, { image_id: 7, category_id: 4 }), truth(3, BOX, { image_id: 2, category_id: 9 })],
    };
    const data = loadCoco(file, [result(0.5, [1, 2, 3, 4], { image_id: 7, category_id: 9 })]);
    expect([...data.imageIds]).toEqual([2, 7]);
    expect([...data.categoryIds]).toEqual([4, 9]);
    expect(data.categoryNames).toEqual(['four', 'nine']);
    expect([...data.truths.ids]).toEqual([5, 3]);
    expect([...data.truths.images]).toEqual([1, 0]);
    expect([...data.truths.categories]).toEqual([0, 1]);
    expect([...data.detections.boxes]).toEqual([1, 2, 3, 4]);
    expect([...data.detections.areas]).toEqual([12]);
    expect(data.warnings).toEqual([]);
  });

  it('read masks in every form', () => {
    const polygon = [[0, 0, 4, 0, 4, 3, 0, 3]];
    const uncompressed = { size: [3, 4], counts: [0, 6, 6] };
    const compressed = { size: [3, 4], counts: '066' };
    const annotations = [polygon, uncompressed, compressed].map((segmentation, i) => ({
      ...truth(i + 1, BOX),
      segmentation,
    }));
    const file = { ...groundTruth(annotations), images: [{ id: 1, width: 4, height: 3 }] };
    const { masks } = loadCoco(file, [result(1, [1, 1, 2, 2])], { iouType: 'segm' }).truths;
    expect([...masks!.areas]).toEqual([12, 6, 6]);
    expect([...masks!.runs]).toEqual([0, 12, 0, 6, 6, 0, 6, 6]);
    expect([...masks!.boxes.slice(4, 8)]).toEqual(rleToBox(rleFromCounts([0, 6, 6], 4, 3)));
  });

  it('give detections the area that COCO gives them', () => {
    const segmentation = { size: [3, 4], counts: [0, 6, 6] };
    const keypoints = [0, 0, 1, 10, 5, 0];
    const areas = (entry: object, iouType: IouType) => {
      const more = { ...truth(1, BOX), segmentation, keypoints };
      const data = loadCoco(groundTruth([more]), [{ image_id: 1, category_id: 1, score: 1, ...entry }], { iouType });
      return [data.detections.areas[0], ...data.detections.boxes];
    };
    expect(areas({ segmentation, bbox: BOX }, 'segm')).toEqual([1600, ...BOX]);
    expect(areas({ segmentation, bbox: [] }, 'segm')).toEqual([6, 0, 0, 2, 3]);
    expect(areas({ segmentation }, 'bbox')).toEqual([6, 0, 0, 2, 3]);
    expect(areas({ bbox: BOX }, 'segm')).toEqual([1600, ...BOX]);
    expect(areas({ keypoints }, 'keypoints')).toEqual([50, 0, 0, 10, 5]);
    expect(areas({ keypoints }, 'bbox')).toEqual([50, 0, 0, 10, 5]);
  });

  it('ignore people without labelled keypoints', () => {
    const keypoints = (visibility: number) => [1, 2, visibility];
    const annotations = [
      { ...truth(1, BOX), keypoints: keypoints(2) },
      { ...truth(2, BOX), keypoints: keypoints(0) },
      { ...truth(3, BOX), keypoints: keypoints(1), num_keypoints: 0 },
      { ...truth(4, BOX, { iscrowd: 1 }), keypoints: keypoints(2) },
    ];
    const { truths } = loadCoco(groundTruth(annotations), [], { iouType: 'keypoints' });
    expect([...truths.ignore]).toEqual([0, 1, 1, 1]);
  });
});

describe('warnings', () => {
  it('name what is left out or surprising', () => {
    const { area: _, ...withoutArea } = truth(0, BOX);
    const annotations = [withoutArea, truth(8, BOX, { image_id: 99 }), truth(9, BOX, { category_id: 99 })];
    const data = loadCoco(groundTruth(annotations), [result(1, BOX, { category_id: 50 }), result(1, BOX)]);
    expect(data.truths.count).toBe(1);
    expect([...data.truths.areas]).toEqual([1600]);
    expect(data.detections.count).toBe(1);
    expect(data.warnings).toEqual([
      'left out annotations of unknown images or categories: 8, 9',
      '1 annotations have no area: taken from their masks or boxes',
      'annotation id 0 means "unmatched" to COCO: what matches it counts as wrong',
      'left out results of unknown categories: 50',
    ]);
  });

  it('drop results of unknown images where asked to', () => {
    const results = [11, 12, 13, 14, 15, 16, 17].map((image_id) => result(1, BOX, { image_id }));
    const load = (unknownImages: 'refuse' | 'drop') => loadCoco(groundTruth([]), results, { unknownImages });
    expect(() => load('refuse')).toThrow(
      'the results name images that the ground truth lacks: 11, 12, 13, 14, 15 and 2 more',
    );
    expect(load('drop').detections.count).toBe(0);
    expect(load('drop').warnings).toEqual(['left out results of unknown images: 11, 12, 13, 14, 15 and 2 more']);
  });
});

describe('refusals', () => {
  it.each([
    [null, 'the ground truth must be an object, got null'],
    [[], 'the ground truth must be an object, got []'],
    [{}, 'images must be an array, got nothing'],
    [{ images: [3], categories: [] }, 'images[0] must be an object, got 3'],
    [{ images: [{ id: 1.5 }], categories: [] }, 'id of images[0] must be an integer, got 1.5'],
    [{ images: [], categories: [{}] }, 'id of categories[0] must be an integer, got nothing'],
    [{ images: [], categories: [] }, 'annotations must be an array, got nothing'],
    [groundTruth([truth(1, BOX), truth(1, BOX)]), 'two annotations have the id 1'],
    [groundTruth([truth(1, [1, 2, 3])]), 'bbox of annotation 1 must be 4 finite numbers, got [1,2,3]'],
    [
      groundTruth([{ ...truth(1, BOX), bbox: undefined }]),
      'bbox of annotation 1 must be 4 finite numbers, got nothing',
    ],
    [groundTruth([{ ...truth(1, BOX), area: 'big' }]), 'area of annotation 1 must be a finite number, got "big"'],
    [groundTruth([{ ...truth(1, BOX), image_id: 'a' }]), 'image_id of annotation 1 must be an integer, got "a"'],
  ])('of the ground truth %j', (file, message) => {
    expect(() => loadCoco(file, [])).toThrow(RangeError);
    expect(() => loadCoco(file, [])).toThrow(message);
  });

  it.each([
    [{}, 'the results must be an array, got {}'],
    [[7], 'results[0] must be an object, got 7'],
    [[{ ...result(1, BOX), bbox: undefined }], 'results[0] has neither bbox nor segmentation nor keypoints'],
    [[result(1, BOX), { ...result(1, BOX), score: null }], 'score of results[1] must be a finite number, got null'],
    [
      [result(1, BOX), { ...result(1, BOX), bbox: undefined }],
      'bbox of results[1] must be 4 finite numbers, got nothing',
    ],
    [[result(1, [1, 2, 3, Number.NaN])], 'bbox of results[0] must be 4 finite numbers, got [1,2,3,null]'],
    [[{ ...result(1, BOX), image_id: undefined }], 'image_id of results[0] must be an integer, got nothing'],
  ])('of the results %j', (results, message) => {
    expect(() => loadCoco(groundTruth([]), results)).toThrow(RangeError);
    expect(() => loadCoco(groundTruth([]), results)).toThrow(message);
  });

  it.each([
    ['nonsense', 'segmentation must be an object, got "nonsense"'],
    [undefined, 'segmentation must be an object, got nothing'],
    [[], 'segmentation has no polygons'],
    [[[1, 2, 3, 4]], 'a polygon needs x and y of at least 3 points, got 4 numbers'],
    [[['a']], 'a polygon must be an array of finite numbers, got ["a"]'],
    [{ size: [3], counts: '' }, 'size of a segmentation must be 2 finite numbers, got [3]'],
    [{ size: [3, 4] }, 'counts of a segmentation must be an array, got nothing'],
    [{ size: [3, 4], counts: [5, 6] }, 'the runs add up to 11 of 4×3 pixels'],
    [{ size: [3, 4], counts: ['x'] }, 'run 0 is x, not a non-negative integer'],
    [{ size: [1e9, 1e9], counts: '0' }, 'exceeds'],
  ])('of the mask %j', (segmentation, message) => {
    const load = () => loadCoco(groundTruth([{ ...truth(31, BOX), segmentation }]), [], { iouType: 'segm' });
    expect(load).toThrow(RangeError);
    expect(load).toThrow(`annotation 31: ${message.startsWith('exceeds') ? 'a mask' : message}`);
  });

  it('of what nests deeper than the stack or is larger than a string can be, in a short message', () => {
    const deep = JSON.parse(`${'['.repeat(100_000)}${']'.repeat(100_000)}`);
    expect(() => loadCoco(deep, [])).toThrow(/^the ground truth must be an object, got \[{60}…$/);
    const nested = JSON.parse(`${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}`);
    const annotation = { ...truth(1, BOX), bbox: nested };
    expect(() => loadCoco(groundTruth([annotation]), [])).toThrow(/bbox of annotation 1 .*, got (\{"a":){12}…$/);
    const large = new Array(1000).fill('x'.repeat(2 ** 20));
    expect(() => loadCoco(groundTruth([]), [large])).toThrow(/^results\[0\] must be an object, got \["x{58}…$/);
  });

  it('of polygons in an image without a size, and of keypoints that differ in number', () => {
    const segmentation = [[0, 0, 4, 0, 4, 3]];
    const file = { ...groundTruth([{ ...truth(1, BOX), segmentation }]), images: [{ id: 1 }] };
    expect(() => loadCoco(file, [], { iouType: 'segm' })).toThrow('annotation 1: its image has no width and height');

    const people = [
      { ...truth(1, BOX), keypoints: [1, 2, 2, 3, 4, 2] },
      { ...truth(2, BOX), keypoints: [1, 2, 2] },
    ];
    const load = (list: unknown[]) => loadCoco(groundTruth(list), [], { iouType: 'keypoints' });
    expect(() => load(people)).toThrow('keypoints of annotation 2 must be 6 finite numbers, got [1,2,2]');
    expect(() => load([{ ...truth(1, BOX), keypoints: [1, 2] }])).toThrow('keypoints of annotation 1 must be x, y and');
    expect(() => load([truth(1, BOX)])).toThrow('keypoints of annotation 1 must be an array of finite numbers');
  });
});
