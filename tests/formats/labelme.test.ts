import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readLabelMe, writeLabelMe } from '../../src/formats/labelme.ts';
import { encodePng } from '../../src/image/png.ts';
import { rleToRows } from '../../src/vision/rle.ts';
import { datasets, fileOf } from './helpers.ts';

const triangle = {
  label: 'cat',
  points: [
    [0, 0],
    [4, 0],
    [4, 4],
  ],
  shape_type: 'polygon',
};
const labelme = (shapes: unknown, more: object = {}) =>
  fileOf('x/a.json', { shapes, imagePath: '..\\a.jpg', imageWidth: 30, imageHeight: 20, ...more });
const read = (shapes: unknown, more?: object) => readLabelMe([labelme(shapes, more)]);
const maskOf = (width: number, height: number) =>
  Buffer.from(encodePng(width, height, 1, new Uint8Array(width * height).fill(255))).toString('base64');

describe('LabelMe', () => {
  it('is read shape by shape', () => {
    const { images, annotations, warnings } = read([
      { ...triangle, flags: { crowd: true, difficult: true } },
      {
        label: 'dog',
        shape_type: 'rectangle',
        points: [
          [9, 8],
          [3, 2],
        ],
      },
      { label: 'dog', shape_type: 'point', points: [[9, 8]] },
      {
        label: 'dog',
        shape_type: 'circle',
        points: [
          [10, 10],
          [13, 14],
        ],
      },
      { ...triangle, shape_type: undefined, group_id: 7 },
      {
        ...triangle,
        group_id: 7,
        points: [
          [5, 5],
          [8, 5],
          [8, 8],
        ],
      },
      { ...triangle, group_id: 7, label: 'dog' },
      {
        label: 'cat',
        shape_type: 'mask',
        points: [
          [2, 1],
          [4, 2],
        ],
        mask: maskOf(3, 2),
      },
    ]);
    expect(images).toEqual([{ id: 1, name: 'a.jpg', width: 30, height: 20 }]);
    expect(annotations[0]).toEqual({
      id: 1,
      imageId: 1,
      categoryId: 1,
      box: [0, 0, 4, 4],
      segmentation: [[0, 0, 4, 0, 4, 4]],
      crowd: true,
      difficult: true,
    });
    expect(annotations[1]).toEqual({ id: 2, imageId: 1, categoryId: 2, box: [3, 2, 6, 6] });
    expect(annotations[2]!.box!.map(Math.round)).toEqual([5, 5, 10, 10]);
    expect(annotations[3]).toMatchObject({ box: [0, 0, 8, 8], segmentation: { length: 2 } });
    expect(annotations[4]).toMatchObject({ categoryId: 2 });
    const mask = annotations[5]!;
    expect(mask.box).toEqual([2, 1, 3, 2]);
    expect(rleToRows(mask.segmentation as never).reduce((a, b) => a + b)).toBe(6);
    expect(warnings).toEqual(['left out shapes of these types: ‘point’']);
  });

  it.each<[string, unknown, object, string]>([
    ['no shapes', undefined, {}, 'x/a.json: shapes must be an array, got nothing'],
    ['a width of no height', [], { imageHeight: null }, 'imageHeight must be a finite number, got null'],
    ['no label', [{ ...triangle, label: '' }], {}, 'shapes[0].label must be a name'],
    [
      'two points',
      [
        {
          ...triangle,
          points: [
            [1, 2],
            [3, 4],
          ],
        },
      ],
      {},
      'shapes[0].points must be at least 3 points',
    ],
    [
      'half a point',
      [{ ...triangle, points: [[1]] }],
      {},
      'shapes[0].points[0] must be 2 numbers of at most 2147483647',
    ],
    ['a long rectangle', [{ ...triangle, shape_type: 'rectangle' }], {}, 'must be the 2 points of a rectangle, got 3'],
    ['an odd group', [{ ...triangle, group_id: {} }], {}, 'shapes[0].group_id must be a number, got an object'],
    [
      'a mask without pixels',
      [
        {
          label: 'a',
          shape_type: 'mask',
          points: [
            [0, 0],
            [1, 1],
          ],
        },
      ],
      {},
      'shapes[0].mask must be a PNG',
    ],
    [
      'a mask of noise',
      [
        {
          label: 'a',
          shape_type: 'mask',
          points: [
            [0, 0],
            [1, 1],
          ],
          mask: 'AAAA',
        },
      ],
      {},
      'shapes[0].mask',
    ],
    [
      'a mask outside',
      [
        {
          label: 'a',
          shape_type: 'mask',
          points: [
            [29, 0],
            [31, 1],
          ],
          mask: maskOf(3, 2),
        },
      ],
      {},
      'mask of 3×2 at 29, 0 does not lie in the image',
    ],
    [
      'a group of a box',
      [
        { ...triangle, group_id: 1 },
        {
          label: 'cat',
          group_id: 1,
          shape_type: 'rectangle',
          points: [
            [0, 0],
            [1, 1],
          ],
        },
      ],
      {},
      'only polygons and masks can be joined',
    ],
    [
      'a group of both',
      [
        { ...triangle, group_id: 1 },
        {
          label: 'cat',
          group_id: 1,
          shape_type: 'mask',
          points: [
            [0, 0],
            [2, 1],
          ],
          mask: maskOf(3, 2),
        },
      ],
      {},
      'joined to shapes of another type',
    ],
  ])('refuses %s', (_, shapes, more, message) => {
    expect(() => read(shapes, more)).toThrow(message);
  });

  it('joins a group of many shapes in one go', () => {
    const shapes = Array.from({ length: 20_000 }, () => ({ ...triangle, group_id: 1 }));
    expect(read(shapes).annotations[0]!.segmentation).toHaveLength(20_000);
  });

  it('keeps boxes, polygons and masks from writing to reading', () => {
    fc.assert(
      fc.property(datasets, (dataset) => {
        const again = readLabelMe(writeLabelMe(dataset).files, undefined, dataset);
        const expected = dataset.annotations.map(({ keypoints, score, ...rest }) => rest);
        expect(again).toEqual({ ...dataset, annotations: expected });
      }),
    );
  });
});
