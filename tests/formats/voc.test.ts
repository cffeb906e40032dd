import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { evaluateVoc } from '../../src/eval/voc.ts';
import type { Dataset } from '../../src/formats/dataset.ts';
import { readVoc, readVocResults, writeVoc } from '../../src/formats/voc.ts';
import { sharedPath } from '../helpers/shared.ts';
import { datasets, fileOf, readFolder, textOf } from './helpers.ts';

const box = '<bndbox><xmin>1</xmin><ymin>2</ymin><xmax>10</xmax><ymax>2</ymax></bndbox>';
const object = (more = '') => `<object><name>cat</name>${more}${box}</object>`;
const annotation = (content: string) => fileOf('in/a.xml', `<annotation>${content}</annotation>`);
const read = (content: string) => readVoc([annotation(content)]);

describe('Pascal VOC', () => {
  it('is read field by field', () => {
    const dataset = read(`
      <filename>other.JPG</filename><size><width>30</width><height>20</height></size>
      <object><part><name>head</name>${box}</part><name><![CDATA[dog & ]]>co</name><truncated>1</truncated>
        <difficult>1</difficult><bndbox><ymax>2.5</ymax><xmin>1</xmin><ymin>2</ymin><xmax>10</xmax></bndbox></object>
      ${object('<score>0.25</score>')}${object('<confidence>1</confidence><difficult>0</difficult>')}`);
    expect(dataset.images).toEqual([{ id: 1, name: 'a.JPG', width: 30, height: 20 }]);
    expect(dataset.categories).toEqual([
      { id: 1, name: 'cat' },
      { id: 2, name: 'dog & co' },
    ]);
    expect(dataset.annotations).toEqual([
      { id: 1, imageId: 1, categoryId: 2, box: [0, 1, 10, 1.5], difficult: true, truncated: true },
      { id: 2, imageId: 1, categoryId: 1, box: [0, 1, 10, 1], score: 0.25 },
      { id: 3, imageId: 1, categoryId: 1, box: [0, 1, 10, 1], score: 1 },
    ]);
  });

  it('counts corners as inclusive pixels from 1, or as coordinates', () => {
    const files = [annotation(object())];
    expect(readVoc(files).annotations[0]!.box).toEqual([0, 1, 10, 1]);
    expect(readVoc(files, { corners: 'continuous' }).annotations[0]!.box).toEqual([1, 2, 9, 0]);
  });

  it('gives the same ids whatever the order of the files', () => {
    const file = (name: string, label: string) =>
      fileOf(name, `<annotation><object><name>${label}</name>${box}</object></annotation>`);
    const files = [file('b.xml', 'x'), file('a.xml', 'z'), file('c.xml', 'y')];
    const dataset = readVoc(files);
    expect(readVoc(files.toReversed())).toEqual(dataset);
    expect(dataset.images.map(({ name }) => name)).toEqual(['a', 'b', 'c']);
    expect(dataset.categories.map(({ name }) => name)).toEqual(['x', 'y', 'z']);
    expect(dataset.annotations.map(({ id, imageId, categoryId }) => [id, imageId, categoryId])).toEqual([
      [1, 1, 3],
      [2, 2, 1],
      [3, 3, 2],
    ]);
  });

  it('keeps the ids of the ground truth that predictions refer to', () => {
    const reference = {
      images: [
        { id: 40, name: 'x/a.jpg', width: 30, height: 20 },
        { id: 7, name: 'b.jpg' },
      ],
      categories: [
        { id: 9, name: 'dog' },
        { id: 3, name: 'cat' },
      ],
    };
    const unknown = object().replace('cat', 'cow');
    const dataset = readVoc([annotation(object() + unknown)], {}, reference);
    expect(dataset).toMatchObject(reference);
    expect(dataset.annotations).toEqual([{ id: 1, imageId: 40, categoryId: 3, box: [0, 1, 10, 1] }]);
    expect(dataset.warnings).toEqual([
      'there is no file for these images: ‘b.jpg’',
      'left out objects of categories that the ground truth lacks: ‘cow’',
    ]);
    expect(() => readVoc([fileOf('z.xml', '<annotation/>')], {}, reference)).toThrow('no images of these names: ‘z’');
  });

  it.each<[string, string, string]>([
    ['no box', '<object><name>cat</name></object>', 'in/a.xml: object 1 (‘cat’) has no <bndbox>'],
    ['no name', `<object>${box}</object>`, 'in/a.xml: object 1 has no <name>'],
    [
      'a word for a corner',
      object().replace('>10<', '>ten<'),
      '<xmax> must be a number of at most 2147483647, got ‘ten’',
    ],
    ['infinity for a corner', object().replace('>10<', '>1e999<'), '<xmax> must be a number of at most 2147483647'],
    [
      'no corner',
      object().replace('<xmax>10</xmax>', ''),
      '<xmax> must be a number of at most 2147483647, got nothing',
    ],
    [
      'crossed corners',
      object().replace('>10<', '>0<'),
      'corners the wrong way round: xmin, ymin, xmax, ymax are 1, 2, 0, 2',
    ],
    ['a difficult flag', object('<difficult>maybe</difficult>'), '<difficult> must be 0 or 1, got ‘maybe’'],
    ['a size', '<size><width>1.5</width><height>2</height></size>', '<size> must be whole pixels, got 1.5×2'],
    ['an unclosed tag', '<object>', 'in/a.xml:1:33: unexpected close tag'],
    ['an entity', '&lol;', 'undefined entity'],
    ['depth', '<a>'.repeat(100_000), 'elements nest deeper than 32'],
  ])('refuses %s', (_, content, message) => {
    expect(() => read(content)).toThrow(message);
  });

  it.each<[string, string]>([
    ['<!DOCTYPE a [<!ENTITY x "y">]><annotation>&x;</annotation>', 'a document type'],
    ['<!DOCTYPE a SYSTEM "file:///etc/passwd"><annotation/>', 'a document type'],
    ['<html/>', 'must have the root <annotation>'],
    ['', 'not well-formed'],
    ['text', 'not well-formed'],
    ['<annotation/><annotation/>', 'not well-formed'],
  ])('refuses the file %s', (content, message) => {
    expect(() => readVoc([fileOf('a.xml', content)])).toThrow(message);
  });

  it('refuses two descriptions of one image', () => {
    const files = ['train/a.xml', 'val/a.xml'].map((name) => fileOf(name, '<annotation/>'));
    expect(() => readVoc(files)).toThrow('train/a.xml and val/a.xml both describe the image ‘a’');
  });

  it('keeps boxes, names, flags and scores from writing to reading', () => {
    fc.assert(
      fc.property(datasets, fc.constantFrom('inclusive', 'continuous'), (dataset, corners) => {
        const { files } = writeVoc(dataset, { corners });
        const again = readVoc(files, { corners }, dataset);
        const expected = dataset.annotations.map(({ segmentation, keypoints, crowd, difficult, ...rest }) => ({
          ...rest,
          ...((crowd || difficult) && { difficult: true }),
        }));
        expect(again).toEqual({ ...dataset, annotations: expected });
      }),
    );
  });

  it('says what it has no place for', () => {
    const dataset: Dataset = {
      images: [{ id: 1, name: 'dir/a.jpg', width: 9, height: 9 }],
      categories: [{ id: 1, name: 'a<b' }],
      annotations: [
        { id: 1, imageId: 1, categoryId: 1, crowd: true, segmentation: [[0, 0, 4, 0, 4, 4]] },
        { id: 2, imageId: 1, categoryId: 1 },
      ],
      warnings: [],
    };
    const { files, warnings } = writeVoc(dataset);
    expect(files.map(({ name }) => name)).toEqual(['Annotations/a.xml']);
    expect(textOf(files[0])).toContain('<name>a&lt;b</name>');
    expect(textOf(files[0])).toContain('<xmin>1</xmin><ymin>1</ymin><xmax>4</xmax><ymax>4</ymax>');
    expect(warnings).toHaveLength(3);
  });

  it.each<[string, string]>([
    ['..', 'cannot be the name of a file'],
    ['a/..', 'cannot be the name of a file'],
    ['.jpg', 'cannot be the name of a file'],
    ['a\n.jpg', 'cannot be the name of a file'],
    ['C:a.jpg', 'cannot be the name of a file'],
  ])('writes no file for an image named %j', (name, message) => {
    const images = [{ id: 1, name, width: 1, height: 1 }];
    expect(() => writeVoc({ images, categories: [], annotations: [], warnings: [] })).toThrow(message);
  });

  it('writes no two images to one file, and none of unknown size', () => {
    const write = (images: Dataset['images']) => () =>
      writeVoc({ images, categories: [], annotations: [], warnings: [] });
    const size = { width: 1, height: 1 };
    expect(
      write([
        { id: 1, name: 'x/a.jpg', ...size },
        { id: 2, name: 'y/a.png', ...size },
      ]),
    ).toThrow('would both be written to a.xml');
    expect(write([{ id: 5, name: 'a' }])).toThrow('unknown of 5');
  });
});

describe('Pascal VOC results', () => {
  it('are read by class', () => {
    const files = [
      fileOf('results/comp3_det_test_cat.txt', 'b.1 0.5 1 2 10 2\r\na 1 1 1 1 1\n\n'),
      fileOf('x.txt', '?'),
    ];
    const { images, annotations } = readVocResults(files);
    expect(images.map(({ name }) => name)).toEqual(['a', 'b.1']);
    expect(annotations.map(({ box, score }) => [box, score])).toEqual([
      [[0, 0, 1, 1], 1],
      [[0, 1, 10, 1], 0.5],
    ]);
  });

  it.each(['a 1 2 3 4', 'a x 1 2 3 4', 'a 0.5 1 2 3 NaN', 'a 0.5 1 2 3 4 5'])('refuse %s', (line) => {
    const file = fileOf('comp4_det_val_cat.txt', `\n${line}`);
    expect(() => readVocResults([file])).toThrow('comp4_det_val_cat.txt, line 2: expected image, score');
  });
});

const bccd = sharedPath('data', 'bccd', 'Annotations');

describe.skipIf(!bccd)('the BCCD annotations (reference data beside the project)', () => {
  it('keep every box from reading to writing', () => {
    const files = readFolder(bccd!);
    const dataset = readVoc(files);
    expect(dataset.images).toHaveLength(files.length);
    expect(dataset.categories.map(({ name }) => name)).toEqual(['Platelets', 'RBC', 'WBC']);
    const marks = files.map((file) => textOf(file).match(/<object>/g)?.length ?? 0);
    expect(dataset.annotations).toHaveLength(marks.reduce((a, b) => a + b, 0));
    const first = dataset.annotations[0]!;
    expect(first.box).toEqual([259, 176, 232, 200]);
    expect(readVoc(writeVoc(dataset).files)).toEqual(dataset);
  });
});

const generated = sharedPath('eval', 'voc_gen');

describe.skipIf(!generated)('Pascal VOC files with detectron2’s scores (reference data beside the project)', () => {
  it('score what they must when read', () => {
    const truth = readVoc(readFolder(join(generated!, 'Annotations')));
    const found = readVocResults(readFolder(join(generated!, 'results')), {}, truth);
    const columns = ({ annotations }: Dataset) => ({
      images: annotations.map(({ imageId }) => imageId),
      classes: annotations.map(({ categoryId }) => categoryId - 1),
      // The evaluator wants Pascal VOC's corners.
      boxes: annotations.flatMap(({ box }) => [box![0]! + 1, box![1]! + 1, box![0]! + box![2]!, box![1]! + box![3]!]),
    });
    const truths = { ...columns(truth), difficult: truth.annotations.map(({ difficult }) => (difficult ? 1 : 0)) };
    const detections = { ...columns(found), scores: found.annotations.map(({ score }) => score!) };
    const options = { interpolation: '11-point', iouThreshold: 0.5, strict: true } as const;
    const { map } = evaluateVoc(truths, detections, truth.categories.length, options);
    const { rule } = JSON.parse(readFileSync(join(generated!, 'EXPECTED.json'), 'utf8'));
    expect(map).toBeCloseTo(rule.strict_gt['11_point@0.5'].mAP, 12);
  });
});
