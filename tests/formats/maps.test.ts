import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PanopticEvaluator } from '../../src/eval/panoptic.ts';
import type { Dataset } from '../../src/formats/dataset.ts';
import { readLabelMap, readLabelMaps, writeLabelMaps } from '../../src/formats/label-maps.ts';
import {
  findPictures,
  readPanoptic,
  readPanopticJson,
  readSegmentIds,
  writePanoptic,
} from '../../src/formats/panoptic.ts';
import { rlesOf } from '../../src/formats/pixels.ts';
import { encodePng } from '../../src/image/png.ts';
import { rleFromRows } from '../../src/vision/rle.ts';
import { sharedPath } from '../helpers/shared.ts';
import { datasets, fileOf, readFolder } from './helpers.ts';

const grey = (name: string, width: number, height: number, labels: number[]) =>
  fileOf(name, encodePng(width, height, 1, Uint8Array.from(labels)));

describe('masks of a map', () => {
  it('are those of each value', () => {
    const maps = fc.tuple(fc.integer({ min: 1, max: 6 }), fc.integer({ min: 1, max: 6 })).chain(([width, height]) =>
      fc.record({
        width: fc.constant(width),
        values: fc.array(fc.nat(3), { minLength: width * height, maxLength: width * height }),
      }),
    );
    fc.assert(
      fc.property(maps, ({ width, values }) => {
        const height = values.length / width;
        const masks = rlesOf(Uint32Array.from(values), width, height);
        expect([...masks.keys()]).toEqual([...new Set(values)].sort());
        for (const [value, mask] of masks) {
          const pixels = Uint8Array.from(values, (other) => Number(other === value));
          expect(mask).toEqual(rleFromRows(pixels, width, height));
        }
      }),
    );
  });
});

describe('label maps', () => {
  it('are masks by class', () => {
    const file = grey('gt/a.png', 3, 1, [0, 255, 2]);
    expect(readLabelMap(file)).toEqual({
      name: 'a.png',
      width: 3,
      height: 1,
      labels: Uint8Array.of(0, 255, 2),
    });
    const dataset = readLabelMaps([file, fileOf('readme', 'x')], { names: ['road', 'sky'] });
    expect(dataset.categories).toEqual([
      { id: 0, name: 'road' },
      { id: 1, name: 'sky' },
      { id: 2, name: 'class 2' },
    ]);
    expect(dataset.annotations.map(({ categoryId }) => categoryId)).toEqual([0, 2]);
    expect(readLabelMaps([file], { ignoreIndex: 0 }).annotations).toHaveLength(2);
  });

  it('come back as they were written', () => {
    const labels = fc.array(fc.constantFrom(0, 1, 7, 254, 255), { minLength: 24, maxLength: 24 });
    fc.assert(
      fc.property(labels, (values) => {
        const file = grey('a.png', 6, 4, values);
        const { files } = writeLabelMaps(readLabelMaps([file]));
        expect(readLabelMap(files[0]!).labels).toEqual(Uint8Array.from(values));
      }),
    );
  });

  it('refuse colours, labels beyond 8 bits and images of unknown or absurd size', () => {
    const color = fileOf('a.png', encodePng(1, 1, 3, new Uint8Array(3)));
    expect(() => readLabelMap(color)).toThrow('a.png must be a grey or indexed PNG');
    const write = (more: Partial<Dataset>) => () =>
      writeLabelMaps({ images: [], categories: [], annotations: [], warnings: [], ...more });
    expect(write({ categories: [{ id: 255, name: 'a' }] })).toThrow('labels are 0 to 255 without 255');
    expect(write({ images: [{ id: 4, name: 'a' }] })).toThrow('the size of image 4 is unknown');
    expect(write({ images: [{ id: 4, name: 'a', width: 2 ** 30, height: 2 ** 30 }] })).toThrow(
      'exceeds 268435456 pixels',
    );
    const segmentation = rleFromRows(new Uint8Array(6), 3, 2);
    const annotations = [{ id: 9, imageId: 1, categoryId: 1, segmentation }];
    const images = [{ id: 1, name: 'a', width: 2, height: 3 }];
    expect(write({ images, annotations })).toThrow('the mask of annotation 9 is not of the size of its image 1');
  });
});

const colors = (name: string, ids: number[]) =>
  fileOf(
    name,
    encodePng(ids.length, 1, 3, Uint8Array.from(ids.flatMap((id) => [id & 255, (id >> 8) & 255, id >> 16]))),
  );
const panoptic = (segments: unknown[], more: object = {}) =>
  fileOf('p.json', {
    images: [{ id: 5, file_name: 'a.jpg', width: 3, height: 1 }],
    categories: [{ id: 1, name: 'cat', isthing: 1 }],
    annotations: [{ image_id: 5, file_name: 'a.png', segments_info: segments }],
    ...more,
  });

describe('COCO panoptic', () => {
  it('ids are R + 256 G + 256² B', () => {
    const id = 1 + 256 * 2 + 65536 * 3;
    expect(readSegmentIds(colors('a.png', [0, id, 2 ** 24 - 1])).ids).toEqual(Uint32Array.of(0, id, 2 ** 24 - 1));
    const { images, annotations } = readPanoptic([
      panoptic([{ id, category_id: 1, area: 7, iscrowd: 1 }]),
      colors('p/a.png', [0, id, id]),
    ]);
    expect(images).toEqual([{ id: 5, name: 'a.jpg', width: 3, height: 1 }]);
    const segmentation = { width: 3, height: 1, counts: Uint32Array.of(1, 2) };
    expect(annotations).toEqual([{ id: 1, imageId: 5, categoryId: 1, segmentation, area: 7, crowd: true }]);
  });

  it.each<[string, unknown[], object, string]>([
    [
      'no pixels',
      [
        { id: 1, category_id: 1 },
        { id: 2, category_id: 1 },
      ],
      {},
      'a.png has no pixels of segment 2',
    ],
    ['no segment', [], {}, 'a.png has pixels of the segment 1, which is not in its segments_info'],
    [
      'an id twice',
      [
        { id: 1, category_id: 1 },
        { id: 1, category_id: 1 },
      ],
      {},
      'p.json: annotations[0]: segments_info must have ids that differ',
    ],
    ['an id of void', [{ id: 0, category_id: 1 }], {}, 'annotations[0].segments_info[0].id must be from 1 to 16777215'],
    ['no category', [{ id: 1 }], {}, 'annotations[0].segments_info[0].category_id must be an integer, got nothing'],
    [
      'no picture',
      [],
      { annotations: [{ image_id: 5, file_name: 'b.png', segments_info: [] }] },
      'are missing: ‘b.png’',
    ],
    [
      'no file name',
      [],
      { annotations: [{ image_id: 5, segments_info: [] }] },
      'annotations[0].file_name must name a PNG',
    ],
  ])('refuses %s', (_, segments, more, message) => {
    expect(() => readPanoptic([panoptic(segments, more), colors('a.png', [0, 1, 1])])).toThrow(message);
  });

  it('keeps what is not covered from writing to reading', () => {
    fc.assert(
      fc.property(datasets, (dataset) => {
        const again = readPanoptic(writePanoptic(dataset).files);
        expect(again.images).toEqual(dataset.images);
        expect(again.categories).toEqual(dataset.categories);
        const bare = ({ annotations }: Dataset) => annotations.map(({ area, id, ...rest }) => rest);
        expect(bare(readPanoptic(writePanoptic(again).files))).toEqual(bare(again));
        const masks = dataset.annotations.filter(({ segmentation }) => segmentation && 'counts' in segmentation);
        const first = masks[0];
        if (first && dataset.annotations.indexOf(first) === 0) {
          expect(again.annotations[0]!.segmentation).toEqual(first.segmentation);
        }
      }),
    );
  });
});

const samples = sharedPath('eval', 'panoptic', 'gen');

describe.skipIf(!samples)('panoptic files with panopticapi’s scores (reference data beside the project)', () => {
  it('score what they must when read, and when written and read', () => {
    const side = (name: string) => [
      { name: `${name}.json`, bytes: readFileSync(join(samples!, `${name}.json`)) },
      ...readFolder(join(samples!, name)),
    ];
    const images = (files: ReturnType<typeof side>) => {
      const json = readPanopticJson(files.find(({ name }) => name.endsWith('.json'))!);
      const pictures = findPictures(json, files);
      const read = json.annotations.map(
        ({ imageId, segments }, i) => [imageId, { ...readSegmentIds(pictures[i]!), segments }] as const,
      );
      return { json, byId: new Map(read) };
    };
    const [truth, found] = [images(side('gt')), images(side('pred'))];
    const categories = truth.json.categories.map(({ id, isThing }) => ({ id, isThing: isThing! }));
    const evaluator = new PanopticEvaluator(categories);
    for (const [id, image] of truth.byId) evaluator.update(image, found.byId.get(id)!);
    const expected = JSON.parse(readFileSync(join(samples!, 'EXPECTED.json'), 'utf8'));
    expect(JSON.stringify(expected)).toContain(String(evaluator.compute().all.pq).slice(0, 14));

    const again = images([...writePanoptic(readPanoptic(side('pred'))).files]);
    const second = new PanopticEvaluator(categories);
    for (const [id, image] of truth.byId) second.update(image, again.byId.get(id)!);
    expect(second.compute()).toEqual(evaluator.compute());
  });
});

const labels = sharedPath('eval', 'semantic_gen', 'gt');

describe.skipIf(!labels)('generated label maps (reference data beside the project)', () => {
  it('come back pixel by pixel', () => {
    const files = readFolder(labels!);
    const written = writeLabelMaps(readLabelMaps(files)).files;
    for (const [i, file] of files.entries()) {
      expect(readLabelMap(written[i]!)).toEqual(readLabelMap(file));
    }
  });
});
