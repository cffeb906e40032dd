import { describe, expect, it } from 'vitest';
import { convert, readDataset, writeDataset } from '../../src/formats/convert.ts';
import type { Dataset, SourceFile } from '../../src/formats/dataset.ts';
import { type Format, WRITABLE_FORMATS } from '../../src/formats/format.ts';
import { recognise } from '../../src/formats/recognise.ts';
import { unpack } from '../../src/formats/zip.ts';
import { encodePng } from '../../src/image/png.ts';
import { rleFromBox } from '../../src/vision/rle-polygon.ts';
import { fileOf } from './helpers.ts';
import { zipOf } from './zip-writer.ts';

const size = { width: 30, height: 20 };
const dataset: Dataset = {
  images: [
    { id: 1, name: 'a.jpg', ...size },
    { id: 2, name: 'b.jpg', ...size },
  ],
  categories: [
    { id: 1, name: 'cat' },
    { id: 2, name: 'dog' },
  ],
  annotations: [
    {
      id: 1,
      imageId: 1,
      categoryId: 2,
      box: [1, 2, 10, 8],
      segmentation: rleFromBox([1, 2, 10, 8], 30, 20),
      score: 0.5,
    },
    { id: 2, imageId: 2, categoryId: 1, box: [20, 4, 6, 5], segmentation: rleFromBox([20, 4, 6, 5], 30, 20), score: 1 },
  ],
  warnings: [],
};
const writable = WRITABLE_FORMATS;
const boxes = ({ images, categories, annotations }: Dataset) =>
  annotations.map(({ imageId, categoryId, box, segmentation }) => [
    images.find(({ id }) => id === imageId)!.name.replace(/\..*/, ''),
    categories.find(({ id }) => id === categoryId)!.name,
    (box ?? boxOfMask(segmentation)).map((value) => Number(value.toFixed(6))),
  ]);

function boxOfMask(segmentation: Dataset['annotations'][number]['segmentation']): readonly number[] {
  const written = writeDataset(
    { ...dataset, annotations: [{ id: 1, imageId: 1, categoryId: 1, segmentation: segmentation! }] },
    'coco',
  );
  return JSON.parse(Buffer.from(written.files[0]!.bytes).toString()).annotations[0].bbox;
}

describe('recognition', () => {
  it.each(writable)('of what is written as %s', (format) => {
    expect(recognise(writeDataset(dataset, format).files)).toBe(format);
  });

  it.each<[Format, SourceFile[]]>([
    ['coco', [fileOf('x', ' \uFEFF{"info": {"annotations": 1}, "annotations": []}'.trimStart())]],
    ['coco-results', [fileOf('x.txt', '\n [')]],
    ['coco-panoptic', [fileOf('x.json', { annotations: [{ segments_info: [] }] })]],
    ['labelme', [fileOf('x.json', { version: '5', flags: { annotations: [] }, shapes: [] })]],
    ['voc', [fileOf('x', '<annotation/>'), fileOf('x.jpg', 'jpeg')]],
    ['voc-results', [fileOf('comp3_det_test_cat.txt', '')]],
    ['yolo', [fileOf('labels/x.txt', ''), fileOf('data.yaml', 'names: []'), fileOf('README.md', 'x')]],
    ['yolo', [fileOf('x.txt', '0 0.5 0.5 1 1\n')]],
    ['csv', [fileOf('x.csv', 'filename,class,xmin,ymin,xmax,ymax\n')]],
    ['label-maps', [fileOf('x.png', encodePng(1, 1, 1, Uint8Array.of(0))), fileOf('readme.txt', 'x')]],
    ['yolo', [fileOf('images/x.png', encodePng(1, 1, 1, Uint8Array.of(0))), fileOf('labels/x.txt', '')]],
  ])('of %s', (format, files) => {
    expect(recognise(files)).toBe(format);
  });

  it('says what it knows where nothing fits', () => {
    for (const files of [
      [],
      [fileOf('a.txt', 'hello')],
      [fileOf('a.json', {})],
      [fileOf('a.html', '<html>')],
      [fileOf('a', '')],
    ]) {
      expect(() => recognise(files)).toThrow('no data set of a known format: send COCO JSON');
    }
    const two = [fileOf('gt.json', { annotations: [] }), fileOf('dt.json', '[]')];
    expect(() => recognise(two)).toThrow('files of two formats: ‘gt.json’ is of coco, ‘dt.json’ of coco-results');
  });
});

describe('conversion', () => {
  it.each(writable.flatMap((from) => writable.map((to) => [from, to] as const)))(
    'from %s to %s keeps the boxes',
    (from, to) => {
      const options = { reference: dataset };
      const files = writeDataset(dataset, from).files;
      const isScoreless = ['label-maps', 'coco-panoptic', 'labelme'].includes(from);
      const isMaskless = ['voc', 'csv'].includes(from);
      if (isScoreless && to === 'coco-results') {
        expect(() => convert(files, from, to, options)).toThrow('results need a score each');
        return;
      }
      const { files: converted } = convert(files, from, to, options);
      const again = readDataset(converted, undefined, options);
      const hasMasks = !isMaskless || !['label-maps', 'coco-panoptic'].includes(to);
      expect(boxes(again)).toEqual(hasMasks ? boxes(dataset) : []);
    },
  );

  it('is the same bytes every time, whatever the order of an archive', async () => {
    const { files } = writeDataset(dataset, 'voc');
    const archive = (order: readonly SourceFile[]) =>
      unpack({ name: 'a.zip', bytes: zipOf(order.map(({ name, bytes }) => ({ name, content: bytes }))) });
    const once = convert(await archive(files), undefined, 'coco');
    expect(convert(await archive(files.toReversed()), undefined, 'coco')).toEqual(once);
  });

  it('passes on what was lost on both sides', () => {
    const unknown = { ...dataset, categories: dataset.categories.slice(0, 1) };
    const { warnings } = convert(writeDataset(dataset, 'coco-results').files, 'coco-results', 'voc', {
      reference: unknown,
    });
    expect(warnings).toEqual([
      expect.stringContaining('left out results'),
      expect.stringContaining('masks and keypoints of 1'),
    ]);
  });

  it('holds no larger pictures than it may, and needs one file where a format has one', () => {
    expect(() => readDataset(writeDataset(dataset, 'label-maps').files, undefined, { maxPixels: 20 })).toThrow(
      'pixels are more than 20',
    );
    const two = [fileOf('a.json', { annotations: [] }), fileOf('b.json', { annotations: [] })];
    expect(() => readDataset(two)).toThrow('there are several .json files: a.json, b.json; send one');
    expect(() => readDataset([fileOf('a', ''), fileOf('b', '')], 'csv')).toThrow('there is no .csv file');
  });
});
