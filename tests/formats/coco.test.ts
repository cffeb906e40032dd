import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { loadCoco } from '../../src/eval/coco/load.ts';
import { readCoco, readCocoResults } from '../../src/formats/coco-read.ts';
import { toCocoJson, writeCoco, writeCocoResults } from '../../src/formats/coco-write.ts';
import { jsonItems, parseJson, parseJsonLists, topLevelKeys } from '../../src/formats/json.ts';
import { rleToString } from '../../src/vision/rle-string.ts';
import { sharedPath } from '../helpers/shared.ts';
import { datasets, fileOf } from './helpers.ts';

const image = { id: 1, file_name: 'a.jpg', width: 30, height: 20 };
const category = { id: 7, name: 'cat' };
const annotation = { id: 3, image_id: 1, category_id: 7, bbox: [1, 2, 3, 4], area: 12, iscrowd: 0 };
const truth = (more: object) => ({ images: [image], categories: [category], annotations: [annotation], ...more });
const annotated = (more: object) => truth({ annotations: [{ ...annotation, ...more }] });
const readTruth = (content: string | object) => readCoco(fileOf('gt.json', content));
const readResults = (content: string | object) => readCocoResults(fileOf('dt.json', content), readTruth(truth({})));

describe('COCO ground truth', () => {
  it('is read field by field', () => {
    const dataset = readTruth({
      info: { year: 2026 },
      images: [image, { id: '2' }],
      categories: [
        { ...category, supercategory: 'animal', keypoints: ['ear', 'tail'], skeleton: [[1, 2]], isthing: 1 },
      ],
      annotations: [
        { ...annotation, iscrowd: 1, segmentation: { size: [20, 30], counts: [599, 1] } },
        {
          ...annotation,
          id: 0,
          keypoints: [1, 2, 2, 0, 0, 0],
          segmentation: [[0, 0, 5, 0, 5, 5]],
          ignore: 1,
          bbox: [],
        },
      ],
    });
    expect(dataset.images).toEqual([
      { id: 1, name: 'a.jpg', width: 30, height: 20 },
      { id: 2, name: '2' },
    ]);
    expect(dataset.categories).toEqual([
      { id: 7, name: 'cat', supercategory: 'animal', keypoints: ['ear', 'tail'], skeleton: [[1, 2]], isThing: true },
    ]);
    expect(dataset.annotations).toEqual([
      {
        id: 3,
        imageId: 1,
        categoryId: 7,
        box: [1, 2, 3, 4],
        area: 12,
        crowd: true,
        segmentation: { width: 30, height: 20, counts: Uint32Array.of(599, 1) },
      },
      {
        id: 0,
        imageId: 1,
        categoryId: 7,
        area: 12,
        difficult: true,
        keypoints: [1, 2, 2, 0, 0, 0],
        segmentation: [[0, 0, 5, 0, 5, 5]],
      },
    ]);
  });

  it.each<[string, object | string, string]>([
    ['no list', {}, 'gt.json: images must be an array, got nothing'],
    ['an array', [], 'gt.json: the whole file must be an object, got an array of 0'],
    ['no object', truth({ images: [5] }), 'gt.json: images[0] must be an object, got 5'],
    ['a missing id', truth({ images: [{}] }), 'gt.json: images[0].id must be an integer, got nothing'],
    ['a fraction for an id', annotated({ id: 1.5 }), 'annotations[0].id must be an integer, got 1.5'],
    ['a huge id', annotated({ id: 1e300 }), 'annotations[0].id must be an integer, got 1e+300'],
    [
      'a short box',
      annotated({ bbox: [1, 2] }),
      'annotations[0].bbox must be 4 numbers of at most 2147483647, got an array of 2',
    ],
    [
      'text in a box',
      annotated({ bbox: [1, '2', 3, 4] }),
      'must be 4 numbers of at most 2147483647, got ‘2’ at place 1',
    ],
    ['a box of no image', annotated({ bbox: [0, 0, 1e300, 1] }), 'got 1e+300 at place 2'],
    ['null in a box', annotated({ bbox: [1, null, 3, 4] }), 'got null at place 1'],
    ['half a polygon', annotated({ segmentation: [[1, 2, 3, 4]] }), 'annotations[0].segmentation[0] must be x and y'],
    [
      'a mask of no size',
      annotated({ segmentation: {} }),
      'annotations[0].segmentation.size must be 2 numbers of at most 2147483647',
    ],
    ['short runs', annotated({ segmentation: { size: [2, 2], counts: [3] } }), 'runs add up to 3 of 2×2 pixels'],
    ['a huge mask', annotated({ segmentation: { size: [1e9, 1e9], counts: 'a' } }), 'exceeds 268435456 pixels'],
    ['keypoints', annotated({ keypoints: [1, 2] }), 'annotations[0].keypoints must be x, y and visibility'],
    ['a width only', truth({ images: [{ id: 1, width: 3 }] }), 'images[0].height must be a finite number, got nothing'],
    ['a fraction of a pixel', truth({ images: [{ id: 1, width: 3.5, height: 3 }] }), 'a whole number of pixels'],
    ['two images of one id', truth({ images: [image, image] }), 'images must have ids that differ'],
    ['two annotations of one id', truth({ annotations: [annotation, annotation] }), 'more than once: 3'],
    ['an unknown image', annotated({ image_id: 9 }), 'annotations 3 are of images that are not in images: 9'],
    [
      'an unknown category',
      annotated({ category_id: 9 }),
      'annotations 3 are of categories that are not in categories: 9',
    ],
    ['text', 'nonsense', 'gt.json is not JSON'],
    ['nothing', '', 'gt.json is not JSON'],
    ['NaN', '{"images": NaN}', 'NaN and Infinity are not JSON'],
  ])('refuses %s', (_, content, message) => {
    expect(() => readTruth(content)).toThrow(message);
  });

  it('names what nests too deeply without following it down', () => {
    const deep = `${'['.repeat(100_000)}${']'.repeat(100_000)}`;
    expect(() => readTruth(`{"images": [], "categories": [], "annotations": [{"id": ${deep}}]}`)).toThrow(
      'annotations[0].id must be an integer, got an array of 1',
    );
  });

  it('keeps everything from writing to reading', () => {
    fc.assert(
      fc.property(datasets, (dataset) => {
        const again = readCoco(writeCoco(dataset).files[0]!);
        const arealess = again.annotations.map(({ area: _, ...rest }) => rest);
        expect({ ...again, annotations: arealess }).toEqual(dataset);
        expect(readCoco(writeCoco(again).files[0]!)).toEqual(again);
      }),
    );
  });

  it('gives masks the area of their pixels and poses the box around their labelled points', () => {
    const dataset = readTruth(annotated({ segmentation: [[0, 0, 4, 0, 4, 4, 0, 4]], bbox: null, area: null }));
    expect(toCocoJson(dataset).annotations[0]).toMatchObject({ area: 16, bbox: [0, 0, 4, 4] });
    const pose = readTruth(annotated({ keypoints: [1, 2, 1, 9, 9, 0, 5, 8, 2], bbox: null, area: null }));
    expect(toCocoJson(pose).annotations[0]).toMatchObject({ area: 24, bbox: [1, 2, 4, 6], num_keypoints: 2 });
  });
});

describe('COCO results', () => {
  const result = { image_id: 1, category_id: 7, bbox: [1, 2, 3, 4], score: 0.5 };

  it('are numbered from 1 and keep their order', () => {
    const { annotations } = readResults([result, { ...result, score: 0.9 }]);
    expect(annotations.map(({ id, score }) => [id, score])).toEqual([
      [1, 0.5],
      [2, 0.9],
    ]);
  });

  it('name images and categories by id where there is no ground truth', () => {
    const dataset = readCocoResults(fileOf('dt.json', [result, { ...result, image_id: 0 }]));
    expect(dataset.images).toEqual([
      { id: 0, name: '0' },
      { id: 1, name: '1' },
    ]);
    expect(dataset.categories).toEqual([{ id: 7, name: '7' }]);
  });

  it('reset iscrowd, as COCO does', () => {
    expect(readResults([{ ...result, iscrowd: 1 }]).annotations[0]).not.toHaveProperty('crowd');
  });

  it('of unknown categories are left out with a warning', () => {
    const { annotations, warnings } = readResults([{ ...result, category_id: 8 }, result]);
    expect(annotations.map(({ id }) => id)).toEqual([2]);
    expect(warnings).toEqual([expect.stringMatching(/lacks: 8$/)]);
  });

  it.each<[string, object | string, string | RegExp]>([
    ['an object', {}, 'dt.json must be a JSON array'],
    ['no score', [{ ...result, score: undefined }], '[0].score must be a finite number, got nothing'],
    ['an unknown image', [{ ...result, image_id: 2 }], 'lacks, by image_id: 2'],
    ['nothing to find', [{ ...result, bbox: [] }], '[0] has neither bbox nor segmentation nor keypoints'],
    ['a number', [1], '[0] must be an object, got 1'],
    ['a cut', '[{"image_id": 1}, {"ima', 'dt.json is cut short'],
    ['a comma at the end', '[{},]', /^dt.json is not JSON: .* \(in bytes 1 to 4\)$/],
    ['two arrays', '[][]', 'goes on after its array, at byte 2'],
    ['the wrong bracket', '[}', 'its array is not closed'],
    ['NaN', '[{"score": NaN}]', 'NaN and Infinity are not JSON'],
  ])('refuses %s', (_, content, message) => {
    expect(() => readResults(content)).toThrow(message);
  });

  it('keep everything from writing to reading', () => {
    fc.assert(
      fc.property(datasets, (dataset) => {
        const annotations = dataset.annotations.map(({ crowd: _, difficult: __, ...rest }) => ({
          score: 0.5,
          ...rest,
        }));
        const predictions = { ...dataset, annotations };
        expect(readCocoResults(writeCocoResults(predictions).files[0]!, dataset)).toEqual(predictions);
      }),
    );
    expect(() => writeCocoResults(readTruth(truth({})))).toThrow('1 of 1 have none, in the images');
  });
});

describe('JSON a part at a time', () => {
  it('gives what JSON.parse gives', () => {
    fc.assert(
      fc.property(fc.array(fc.jsonValue()), fc.constantFrom(0, 1, 2), (value, indent) => {
        const file = fileOf('x', JSON.stringify(value, null, indent));
        expect([...jsonItems(file)]).toEqual(JSON.parse(JSON.stringify(value)));
      }),
    );
  });

  it('accepts nothing that JSON.parse refuses', () => {
    const texts = fc.string({ unit: fc.constantFrom(...'[]{},:"\\1a ') }).map((text) => `[${text}]`);
    fc.assert(
      fc.property(texts, (text) => {
        const expected = tryParse(text);
        const read = () => [...jsonItems(fileOf('x', text))];
        if (expected === undefined) expect(read).toThrow();
        else expect(read()).toEqual(expected);
      }),
      { numRuns: 2000 },
    );
  });

  it('reads many batches, quotes and brackets in strings included', () => {
    const value = Array.from({ length: 20_000 }, (_, i) => ({ i, text: `"]},[{\\${'x'.repeat(200)}` }));
    expect([...jsonItems(fileOf('x', value))]).toEqual(value);
    const text = JSON.stringify(value);
    expect(() => [...jsonItems(fileOf('x', `${text.slice(0, -1)},]`))]).toThrow('x is not JSON');
    const long = `["${'x'.repeat(2 ** 20)}",]`;
    expect(() => [...jsonItems(fileOf('x', long))]).toThrow('has a comma without an entry after it');
  });

  it('takes the long lists out of an object, and reads the rest', () => {
    const long = (key: string) => key === 'long' || key === 'more';
    const objects = fc.array(fc.tuple(fc.constantFrom('long', 'more', 'a', 'b"c'), fc.jsonValue()), { maxLength: 5 });
    fc.assert(
      fc.property(objects, fc.constantFrom(0, 2), (entries, indent) => {
        const text = `{${entries.map(([key, value]) => `${JSON.stringify(key)}: ${JSON.stringify(value, null, indent)}`).join(' , ')}}`;
        const read = parseJsonLists(fileOf('x', text), long) as Record<string, unknown>;
        for (const key of ['long', 'more']) {
          const list = read[key];
          if (typeof list === 'object' && list !== null && Symbol.iterator in list) {
            read[key] = [...(list as Iterable<unknown>)];
            expect([...(list as Iterable<unknown>)]).toEqual(read[key]);
          }
        }
        expect(read).toEqual(JSON.parse(text));
      }),
    );
  });

  it('sees what is wrong around a long list at once, and what is in it on the way', () => {
    const read = (text: string) => parseJsonLists(fileOf('gt.json', text), (key) => key === 'a') as { a: unknown[] };
    for (const text of [
      '{"a":[1] 2}',
      '{"a":[1]',
      '{"a":[1],}',
      '{"a":[1}',
      '{"a" [1]}',
      '{:[1],"a":[1]}',
      '{"a":[1]}]',
      '',
    ]) {
      expect(() => read(text), text).toThrow('gt.json is not JSON');
    }
    expect(() => [...read('{"b": 1, "a": [1, NaN]}').a]).toThrow(/gt.json is not JSON: .*\(in bytes 15 to 21\)/);
    expect(read('\uFEFF[1]')).toEqual([1]);
  });

  it.each([
    ['UTF-16', Buffer.from('\uFEFF[1]', 'utf16le'), 'x is UTF-16 text'],
    ['UTF-16, the other way', Buffer.from('\uFEFF[1]', 'utf16le').swap16(), 'x is UTF-16 text'],
    ['Latin-1', Buffer.from('["é"]', 'latin1'), 'x is not UTF-8 text'],
  ])('refuses %s', (_, bytes, message) => {
    const file = fileOf('x', bytes);
    for (const read of [() => [...jsonItems(file)], () => parseJson(file), () => parseJsonLists(file, () => true)]) {
      expect(read).toThrow(message);
    }
  });

  it('skips a byte order mark and reads shared memory', () => {
    const shared = new Uint8Array(new SharedArrayBuffer(6));
    shared.set([0xef, 0xbb, 0xbf, 0x5b, 0x31, 0x5d]);
    expect([...jsonItems(fileOf('x', shared))]).toEqual([1]);
  });

  it('lists the keys of the outermost object', () => {
    const keys = fc.dictionary(fc.string({ maxLength: 5, unit: fc.constantFrom(...'ab:,{}') }), fc.jsonValue());
    fc.assert(
      fc.property(keys, (value) => {
        expect([...topLevelKeys(fileOf('x', value))]).toEqual(Object.keys(JSON.parse(JSON.stringify(value))));
      }),
    );
  });
});

function tryParse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const mini = sharedPath('eval', 'coco_mini');

describe.skipIf(!mini)('real COCO annotations (reference data beside the project)', () => {
  it.each([
    ['instances_val2017.json', 'segm'],
    ['person_keypoints_val2017.json', 'keypoints'],
  ] as const)('%s means the same to the evaluator after reading and writing', (name, iouType) => {
    const bytes = readFileSync(`${mini}/${name}`);
    const results = JSON.parse(readFileSync(`${mini}/dt_${iouType}.json`, 'utf8'));
    const options = { iouType };
    const before = loadCoco(JSON.parse(bytes.toString()), results, options);
    const dataset = readCoco({ name, bytes });
    expect(loadCoco(JSON.parse(JSON.stringify(toCocoJson(dataset))), results, options)).toEqual(before);
    const found = readCocoResults(fileOf('dt.json', results), dataset);
    const again = readCocoResults(writeCocoResults(found).files[0]!, dataset);
    expect(again).toEqual(found);
    expect(found.annotations.length).toBe(results.length);
    const compressed = results.filter((result: { segmentation?: unknown }) => result.segmentation);
    for (const [i, { segmentation }] of compressed.entries()) {
      const mask = found.annotations[i]!.segmentation;
      if (mask && 'counts' in mask) expect(rleToString(mask)).toBe(segmentation.counts);
    }
  });
});
