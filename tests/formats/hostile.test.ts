import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AppError } from '../../src/errors.ts';
import { readDataset, writeDataset } from '../../src/formats/convert.ts';
import type { Dataset, SourceFile } from '../../src/formats/dataset.ts';
import { FORMATS, WRITABLE_FORMATS } from '../../src/formats/format.ts';
import { recognise } from '../../src/formats/recognise.ts';
import { datasets, fileOf, orRefusal, textOf } from './helpers.ts';

/** More for a long night: FUZZ_RUNS=10000 npx vitest run tests/formats/hostile.test.ts */
const RUNS = Number(process.env.FUZZ_RUNS ?? 300);

const writable = WRITABLE_FORMATS;

const hostileText = fc.constantFrom(
  ...[
    '',
    'NaN',
    '-Infinity',
    '1e999',
    '-1',
    '0',
    '1e308',
    '-1e308',
    '99999999999999999999',
    '0.1',
    'null',
    'true',
    '[]',
    '{}',
  ],
  ...[
    '"',
    '\\',
    '\0',
    '\u{1F600}',
    '\ud800',
    '../..',
    '<a>',
    '</a>',
    '&x;',
    '<![CDATA[',
    '<!DOCTYPE x [',
    ']]>',
    '[[[[',
    '{"a":',
  ],
  ...[',', '\n', '\r\n', ' ', ':', '__proto__', 'constructor', '4294967296', '-0', '0x10', '١'],
);

const hostileValue = fc.oneof(
  fc.constantFrom<unknown>(
    null,
    true,
    '',
    'x',
    [],
    {},
    [[]],
    -1,
    0,
    1.5,
    1e308,
    -1e308,
    2 ** 53,
    2 ** 31,
    '1',
    [1, 2],
    [null],
  ),
  fc.constantFrom<unknown>(
    { size: [20, 30], counts: [600] },
    { size: [1e9, 1e9], counts: [] },
    { size: [20, 30], counts: '~~' },
  ),
  fc.constantFrom<unknown>([[1e7, 0, 0, 1e7, 5, 5]], [[0, 0, 1, 1, 1e300, 2]], [1, 1, 2, 1, 1, 0]),
  fc.jsonValue({ maxDepth: 3 }),
);

interface Edit {
  readonly file: number;
  /** A part of the file's length. */
  readonly at: number;
  readonly remove: number;
  readonly insert: string;
}

interface Swap {
  readonly file: number;
  /** Which of the values in the file. */
  readonly at: number;
  readonly value: unknown;
}

const edits: fc.Arbitrary<Edit> = fc.record({
  file: fc.nat(1000),
  at: fc.nat(1_000_000).map((millionths) => millionths / 1_000_000),
  remove: fc.constantFrom(0, 0, 1, 3, 10, 1e6),
  insert: hostileText,
});
const swaps: fc.Arbitrary<Swap> = fc.record({ file: fc.nat(1000), at: fc.nat(10_000), value: hostileValue });

function editFile(files: readonly SourceFile[], { file, at, remove, insert }: Edit): SourceFile[] {
  return files.map((entry, i) => {
    if (i !== file % files.length) return entry;
    const start = Math.floor(at * entry.bytes.length);
    const parts = [entry.bytes.subarray(0, start), Buffer.from(insert), entry.bytes.subarray(start + remove)];
    return { ...entry, bytes: Buffer.concat(parts) };
  });
}

/** Puts a value in the place of another somewhere in a JSON file. */
function swapValue(files: readonly SourceFile[], { file, at, value }: Swap): SourceFile[] {
  const jsons = files.filter(({ name }) => name.endsWith('.json'));
  const chosen = jsons[file % (jsons.length || 1)];
  return files.map((entry) => {
    if (entry !== chosen) return entry;
    const root = JSON.parse(textOf(entry));
    const places: [Record<string, unknown>, string][] = [];
    const visit = (node: unknown): void => {
      if (typeof node !== 'object' || node === null) return;
      for (const key of Object.keys(node)) {
        places.push([node as Record<string, unknown>, key]);
        visit((node as Record<string, unknown>)[key]);
      }
    };
    visit(root);
    if (places.length === 0) return entry;
    const [parent, key] = places[at % places.length]!;
    parent[key] = value;
    return fileOf(entry.name, root);
  });
}

/** What was read must be whole: ids that differ and lead somewhere, numbers that are numbers. */
function checkDataset({ images, categories, annotations }: Dataset): void {
  const [imageIds, categoryIds] = [images, categories].map((list) => new Set(list.map(({ id }) => id)));
  expect(imageIds!.size).toBe(images.length);
  expect(categoryIds!.size).toBe(categories.length);
  expect(new Set(annotations.map(({ id }) => id)).size).toBe(annotations.length);
  for (const { imageId, categoryId, box, keypoints, score = 0, area = 0, segmentation } of annotations) {
    expect(imageIds!.has(imageId) && categoryIds!.has(categoryId)).toBe(true);
    const numbers = [...(box ?? []), ...(keypoints ?? []), score, area];
    if (Array.isArray(segmentation)) numbers.push(...segmentation.flat());
    expect(numbers.every(Number.isFinite)).toBe(true);
    expect((keypoints?.length ?? 0) % 3).toBe(0);
    expect(box?.length ?? 4).toBe(4);
  }
}

const withScores = datasets.map((dataset) => ({
  ...dataset,
  annotations: dataset.annotations.map((annotation, i) => ({ score: i / 10, ...annotation })),
}));

describe.each(writable)('damaged %s files', (format) => {
  it('are read or refused, and what is read can be written or is refused', () => {
    let refused = 0;
    let read = 0;
    const damage = fc.tuple(fc.array(swaps, { maxLength: 2 }), fc.array(edits, { maxLength: 2 }), fc.boolean());
    fc.assert(
      fc.property(withScores, damage, (dataset, [swapped, edited, hasReference]) => {
        let files: readonly SourceFile[] = writeDataset(dataset, format).files;
        for (const swap of swapped) files = swapValue(files, swap);
        for (const edit of edited) files = editFile(files, edit);
        orRefusal(() => recognise(files));
        const sizes = new Map(
          dataset.images.map(({ name, width, height }) => [name.slice(0, -4), { width: width!, height: height! }]),
        );
        const options = { sizes, ...(hasReference && { reference: dataset }) };
        const again = orRefusal(() => readDataset(files, format, options));
        if (!again) return void refused++;
        read++;
        checkDataset(again);
        for (const other of writable) orRefusal(() => writeDataset(again, other));
      }),
      { numRuns: RUNS },
    );
    // Damage that never shows, or always, tests nothing.
    expect(refused).toBeGreaterThan(RUNS / 50);
    expect(read).toBeGreaterThan(RUNS / 50);
  });
});

describe('noise', () => {
  it.each(FORMATS)('is refused or read as %s', (format) => {
    const noise = fc.oneof(
      fc.uint8Array({ maxLength: 200 }),
      fc.array(hostileText, { maxLength: 30 }).map((parts) => Buffer.from(parts.join(''))),
    );
    const names = ['a.json', 'a.xml', 'labels/a.txt', 'data.yaml', 'a.png', 'a.csv', 'comp3_det_x_y.txt'];
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.constantFrom(...names), noise), { maxLength: 3 }), (parts) => {
        const files = parts.map(([name, bytes]) => ({ name, bytes }));
        orRefusal(() => recognise(files));
        orRefusal(() => readDataset(files, format, { sizes: new Map([['a', { width: 9, height: 9 }]]) }));
      }),
      { numRuns: RUNS },
    );
  });

  it('of great size is refused without effort', () => {
    const many = 2 ** 20;
    const refused = (file: SourceFile, format: (typeof FORMATS)[number]) =>
      expect(() =>
        readDataset([file], format, { names: ['a'], sizes: new Map([['a', { width: 9, height: 9 }]]) }),
      ).toThrow(AppError);
    refused(fileOf('a.json', '['.repeat(many)), 'coco');
    refused(fileOf('a.json', '['.repeat(many)), 'coco-results');
    refused(fileOf('a.json', `{"a":`.repeat(many)), 'labelme');
    refused(fileOf('a.json', '"'.repeat(many)), 'coco-panoptic');
    refused(fileOf('a.xml', '<a '.repeat(many)), 'voc');
    refused(fileOf('a.xml', `<a ${'b="c" '.repeat(many)}`), 'voc');
    refused(fileOf('a.xml', `<annotation>${'&amp;'.repeat(many)}`), 'voc');
    refused(fileOf('a.xml', `<annotation>${'<b/>'.repeat(many)}`), 'voc');
    refused(fileOf('a.csv', ','.repeat(many)), 'csv');
    refused(fileOf('a.csv', '""'.repeat(many)), 'csv');
    refused(fileOf('a.txt', ' 2'.repeat(many)), 'yolo');
    refused(fileOf('a.txt', '0 2 '.repeat(many) + '\n'.repeat(many)), 'yolo');
    refused(fileOf('data.yaml', `names: [${'a,'.repeat(many)}`), 'yolo');
    refused(fileOf('data.yaml', `names:\n${'- a\n'.repeat(many)}`), 'yolo');
    refused(fileOf('data.yaml', `names: ['${"''".repeat(many)}`), 'yolo');
    refused(fileOf('comp3_det_x_y.txt', `a${' '.repeat(many)}b`), 'voc-results');
  });
});
