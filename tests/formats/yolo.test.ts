import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readClassesTxt, readDataYaml, writeDataYaml } from '../../src/formats/class-list.ts';
import type { Annotation, Dataset } from '../../src/formats/dataset.ts';
import { maskOf } from '../../src/formats/geometry.ts';
import { readYolo } from '../../src/formats/yolo.ts';
import { writeYolo } from '../../src/formats/yolo-write.ts';
import { datasets, fileOf, textOf } from './helpers.ts';

const names = ['cat', 'dog'];
const sizes = new Map([['a', { width: 200, height: 100 }]]);
const read = (text: string) => readYolo([fileOf('a.txt', text)], { names, sizes });

describe('class lists', () => {
  it.each<[string, string[]]>([
    ["names: [cat, \"d\\\"og\", 'it''s' ]", ['cat', 'd"og', "it's"]],
    ['nc: 2\nnames:\n- cat # one\n- "a: #b"\nx: y', ['cat', 'a: #b']],
    ['names:\n  - cat\n  - hot dog\n\nroboflow:\n  names: x', ['cat', 'hot dog']],
    ['path: x\nnames:\n  1: dog\n  0: a#b\n', ['a#b', 'dog']],
    ['names: {0: cat, 1: dog}', ['cat', 'dog']],
    ['names: [12" disc]', ['12" disc']],
    ["names: [\n  'cat', # first\n  dog,\n]\ntrain: x", ['cat', 'dog']],
    ['names:\r\n  0: cat\r\n  1: dog\r\n', ['cat', 'dog']],
    ['train: a\n# names: no\nnames: []\n', []],
  ])('are read from %j', (yaml, expected) => {
    expect(readDataYaml(yaml, 'data.yaml').names).toEqual(expected);
  });

  it.each<[string, string]>([
    ['nc: 3', 'data.yaml must list the classes under names'],
    ['names: [a, b', 'names must end with ]'],
    ['names: ["a" b]', '‘b]’ where a comma or ] belongs'],
    ['names: ["a]', 'a quote that is not closed'],
    ['names: ["\\x"]', 'is not understood'],
    ['names: *all', 'a line that is not understood'],
    ['names: [*a]', 'put the name in quotes'],
    ['names: {a: b}', 'must map numbers to names, got ‘a’'],
    ['names: {0: a, 2: b}', 'names has 2 entries, but none for class 1'],
    ['names:\n  0: a\n  0: b', 'none for class 1'],
    ['names: [a]\nkpt_shape: [0, 3]', 'kpt_shape must be [points, 2 or 3]'],
  ])('are refused in %j', (yaml, message) => {
    expect(() => readDataYaml(yaml, 'data.yaml')).toThrow(message);
  });

  it('come back as they were written', () => {
    const list = fc.array(fc.string({ unit: 'binary', maxLength: 8 }), { maxLength: 6 });
    fc.assert(
      fc.property(list, fc.boolean(), (names, hasPose) => {
        const classes = { names, ...(hasPose && { keypointShape: { count: 17, size: 3 as const } }) };
        expect(readDataYaml(writeDataYaml(classes), 'data.yaml')).toEqual(classes);
      }),
    );
  });

  it('may be lines of text', () => {
    expect(readClassesTxt('cat\r\nhot dog\r\n\n')).toEqual({ names: ['cat', 'hot dog'] });
  });
});

describe('YOLO labels', () => {
  it('are boxes, polygons and scores', () => {
    const dataset = read('1 0.5 0.5 0.2 0.4\r\n\r\n0 0.5 0.5 0.2 0.4 0.75\n0 0 0 0.5 0 0.5 1\n1 0 0 0.5 0 0.5 1 0.5');
    expect(dataset.images).toEqual([{ id: 1, name: 'a', width: 200, height: 100 }]);
    expect(dataset.categories).toEqual([
      { id: 0, name: 'cat' },
      { id: 1, name: 'dog' },
    ]);
    const polygon = { box: [0, 0, 100, 100], segmentation: [[0, 0, 100, 0, 100, 100]] };
    expect(dataset.annotations).toEqual([
      { id: 1, imageId: 1, categoryId: 1, box: [80, 30, 40, 40] },
      { id: 2, imageId: 1, categoryId: 0, box: [80, 30, 40, 40], score: 0.75 },
      { id: 3, imageId: 1, categoryId: 0, ...polygon },
      { id: 4, imageId: 1, categoryId: 1, ...polygon, score: 0.5 },
    ]);
  });

  it('are poses where data.yaml says so', () => {
    const yaml = (size: number) => fileOf('data.yaml', `names: [cat]\nkpt_shape: [2, ${size}]`);
    const read = (text: string, size: number) =>
      readYolo([fileOf('a.txt', text), yaml(size)], { sizes }).annotations[0];
    expect(read('0 0.5 0.5 1 1 0.1 0.1 1 0 0 0 0.5', 3)).toMatchObject({ keypoints: [20, 10, 1, 0, 0, 0], score: 0.5 });
    expect(read('0 0.5 0.5 1 1 0.1 0.1 0 0', 2)).toMatchObject({ keypoints: [20, 10, 2, 0, 0, 0] });
    expect(() => read('0 0.5 0.5 1 1 9 0 2 0 0 0', 3)).toThrow('coordinates must be parts');
    expect(() => read('0 0.5 0.5 1 1', 3)).toThrow('expected 10 for a box and a pose');
  });

  it('lie in labels/ where there is such a folder', () => {
    const files = ['train.txt', 'README.roboflow.txt', 'x/labels/a.txt', 'x/images/a.jpg'].map((name) =>
      fileOf(name, ''),
    );
    expect(readYolo(files, { names, sizes }).images).toHaveLength(1);
    const flat = ['a.txt', 'classes.txt', 'readme.txt'].map((name) =>
      fileOf(name, name === 'classes.txt' ? 'cat' : ''),
    );
    expect(readYolo(flat, { sizes }).categories).toEqual([{ id: 0, name: 'cat' }]);
  });

  it('of predictions take sizes, ids and names from the ground truth', () => {
    const reference = {
      images: [{ id: 9, name: 'dir/a.jpg', width: 200, height: 100 }],
      categories: [
        { id: 5, name: 'dog' },
        { id: 2, name: 'cat' },
      ],
    };
    const found = (text: string, name = 'labels/a.txt') => readYolo([fileOf(name, text)], {}, reference);
    expect(found('1 0.5 0.5 0.2 0.4 0.75')).toEqual({
      ...reference,
      annotations: [{ id: 1, imageId: 9, categoryId: 5, box: [80, 30, 40, 40], score: 0.75 }],
      warnings: [],
    });
    expect(() => found('', 'b.txt')).toThrow('the ground truth has no images of these names: ‘b’');
    const sizeless = { ...reference, images: [{ id: 9, name: 'a' }] };
    expect(() => readYolo([fileOf('a.txt', '')], {}, sizeless)).toThrow('which is unknown of ‘a’');
  });

  it.each<[string, string]>([
    ['2 0.5 0.5 0.2 0.4', 'a.txt, line 1: class 2 is not one of the 2 that are named'],
    ['-1 0.5 0.5 0.2 0.4', 'the class must be 0, 1, …, got -1'],
    ['0.5 0.5 0.5 0.2 0.4', 'the class must be 0, 1, …, got 0.5'],
    ['0 0.5 0.5 0.2', 'expected 4 for a box or x and y of at least 3 points, and perhaps a score'],
    ['0', 'got 0 numbers'],
    ['\n0 50 50 20 40', 'line 2: coordinates must be parts of the image’s size'],
    ['0 NaN 0.5 0.2 0.4', 'expected numbers only, got ‘NaN’'],
    ['0 1e999 0.5 0.2 0.4', 'expected numbers only, got ‘1e999’'],
    ['cat 0.5 0.5 0.2 0.4', 'expected numbers only, got ‘cat’'],
  ])('refuse %j', (text, message) => {
    expect(() => read(text)).toThrow(message.replace('’s', "'s"));
  });

  it('need names, sizes and one file for each image', () => {
    const file = fileOf('a.txt', '');
    expect(() => readYolo([file], { sizes })).toThrow('add a data.yaml with names');
    expect(() => readYolo([file], { names })).toThrow('unknown of ‘a’');
    expect(() => readYolo([file], { names: ['a', 'a'], sizes })).toThrow('two classes have the name ‘a’');
    const twice = ['train/labels/a.txt', 'val/labels/a.txt'].map((name) => fileOf(name, ''));
    expect(() => readYolo(twice, { names, sizes })).toThrow('both describe the image ‘a’');
  });

  it('come back as they were written, masks pixel by pixel', () => {
    fc.assert(
      fc.property(datasets, (dataset) => {
        const { files } = writeYolo(dataset);
        const again = readYolo(files, {}, dataset);
        const kept = dataset.annotations.filter(({ crowd }) => !crowd);
        const hasPoses = dataset.annotations.some(({ keypoints }) => keypoints);
        expect(again.annotations).toHaveLength(kept.length);
        for (const [i, annotation] of kept.entries()) compare(again.annotations[i]!, annotation, hasPoses, dataset);
      }),
    );
  });

  function compare(after: Annotation, before: Annotation, hasPoses: boolean, { images }: Dataset): void {
    for (const key of ['imageId', 'categoryId', 'score'] as const) expect(after[key]).toBe(before[key]);
    expect(after.box!.length).toBe(4);
    for (const [i, value] of after.box!.entries()) expect(value).toBeCloseTo(before.box![i]!, 6);
    if (hasPoses) {
      expect(after.keypoints!.map(Math.round)).toEqual(before.keypoints ?? [0, 0, 0, 0, 0, 0]);
    } else if (before.segmentation) {
      const image = images.find(({ id }) => id === before.imageId)!;
      expect(maskOf(after, image)).toEqual(maskOf(before, image));
    } else {
      expect(after.segmentation).toBeUndefined();
    }
  }

  it('join the parts of a mask into one polygon that fills the same', () => {
    const ring = (x: number, y: number) => [x, y, x + 4, y, x + 4, y + 3, x, y + 3];
    const image = { id: 1, name: 'a.png', width: 20, height: 20 };
    const annotation = { id: 1, imageId: 1, categoryId: 0, segmentation: [ring(1, 1), ring(9, 4), ring(3, 12)] };
    const dataset = { images: [image], categories: [{ id: 0, name: 'x' }], annotations: [annotation], warnings: [] };
    const again = readYolo(writeYolo(dataset).files, {}, dataset).annotations[0]!;
    expect(again.segmentation).toHaveLength(1);
    expect(maskOf(again, image)).toEqual(maskOf(annotation, image));
  });

  it('leave out crowds with a warning, and masks beside poses', () => {
    const image = { id: 1, name: 'a.png', width: 20, height: 20 };
    const base = { imageId: 1, categoryId: 4, box: [0, 0, 10, 10] };
    const annotations: Annotation[] = [
      { id: 1, ...base, crowd: true },
      { id: 2, ...base, keypoints: [1, 1, 2] },
      { id: 3, ...base, segmentation: [[0, 0, 5, 0, 5, 5]] },
    ];
    const dataset = { images: [image], categories: [{ id: 4, name: 'x' }], annotations, warnings: [] };
    const { files, warnings } = writeYolo(dataset);
    expect(textOf(files[0])).toBe('0 0.25 0.25 0.5 0.5 0.05 0.05 2\n0 0.25 0.25 0.5 0.5 0 0 0\n');
    expect(textOf(files[1])).toBe('kpt_shape: [1, 3]\nnames:\n  0: "x"\n');
    expect(warnings).toEqual([expect.stringMatching(/^1 annotations/), expect.stringMatching(/^masks are left out/)]);
    const uneven = [...annotations, { id: 4, ...base, keypoints: [1, 1, 2, 3, 3, 2] }];
    expect(() => writeYolo({ ...dataset, annotations: uneven })).toThrow('as many keypoints in every pose, got 1, 2');
    expect(() => writeYolo({ ...dataset, images: [{ id: 1, name: 'a' }] })).toThrow('unknown of 1');
  });
});
