import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { families } from '../../src/families/index.ts';
import { parseNames } from '../../src/families/labels/names-literal.ts';
import { labelSets, labelsFor } from '../../src/families/labels.ts';
import { sharedPath } from '../helpers/shared.ts';
import { signature } from './fixture.ts';

const plain = signature([], []);
const withMetadata = (metadata: Record<string, string>) => signature([], [], { metadata });
const parsed = (text: string) => {
  const names = parseNames(text);
  return names && Object.fromEntries(names);
};

describe('parseNames', () => {
  it('reads the repr of Python dicts and lists', () => {
    expect(parsed(`{0: 'person', 1: "men's shoe", 12: 'say "hi"'}`)).toEqual({
      0: 'person',
      1: "men's shoe",
      12: 'say "hi"',
    });
    expect(parsed(`['a', "b",]`)).toEqual({ 0: 'a', 1: 'b' });
    expect(parsed(' { 1 : "b" , 0 : "a" , } ')).toEqual({ 0: 'a', 1: 'b' });
    expect(parsed('{}')).toEqual({});
    expect(parsed('[]')).toEqual({});
  });

  it('reads JSON', () => {
    expect(parsed('{"0": "person", "1": "cat\\u00e9"}')).toEqual({ 0: 'person', 1: 'caté' });
    expect(parsed('["a\\/b", "c"]')).toEqual({ 0: 'a/b', 1: 'c' });
  });

  it('undoes escapes', () => {
    expect(parsed(String.raw`['it\'s', "\"q\"", 'back\\slash', 'tab\t', '\xe9\u732b\U0001F431']`)).toEqual({
      0: "it's",
      1: '"q"',
      2: 'back\\slash',
      3: 'tab\t',
      4: 'é猫🐱',
    });
  });

  it.each([
    '',
    'person, cat',
    'null',
    '42',
    '{0: person}',
    "{0: 'a' 1: 'b'}",
    "{0: 'a', 0: 'b'}",
    "{-1: 'a'}",
    "{0.5: 'a'}",
    "{0: ['a']}",
    "{'a': 'b'}",
    "['a'",
    "['a\\",
    "['a]",
    "['a'] + ['b']",
    "[,'a']",
    "['a',,'b']",
    '{,}',
    String.raw`['\q']`,
    String.raw`['\x4']`,
    String.raw`['\xzz']`,
    String.raw`['\UFFFFFFFF']`,
    "{1000000: 'a'}",
    "{999999: 'a'}",
    "__import__('os')",
    `['${'a'.repeat(201)}']`,
    '['.repeat(100_000),
  ])('refuses %.30s', (text) => {
    expect(parseNames(text)).toBeUndefined();
  });

  it('reads back every list of strings that JSON writes, and never throws', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ maxLength: 20, unit: 'grapheme' })), (names) => {
        expect([...(parseNames(JSON.stringify(names)) ?? [])].map(([, name]) => name)).toEqual(names);
      }),
    );
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom('{', '}', '[', ']', "'", '"', '\\', ',', ':', '0', 'x', ' ') }),
        (text) => {
          parseNames(text);
        },
      ),
      { numRuns: 2000 },
    );
  });
});

describe('labelsFor', () => {
  it('prefers model.json, then metadata, the family, the class count', () => {
    const named = withMetadata({ names: "{0: 'a', 1: 'b'}" });
    expect(labelsFor(named, 2, ['x', 'y'])).toEqual({ labels: ['x', 'y'], source: 'manifest' });
    expect(labelsFor(named, 2)).toEqual({ labels: ['a', 'b'], source: 'metadata' });
    expect(labelsFor(named, ['f', 'g'])).toEqual({ labels: ['a', 'b'], source: 'metadata' });
    expect(labelsFor(plain, ['f', 'g'])).toEqual({ labels: ['f', 'g'], source: 'family' });
    expect(labelsFor(plain, 80).source).toBe('class count');
    expect(labelsFor(plain, 3)).toEqual({ labels: ['class_0', 'class_1', 'class_2'], source: 'numbered' });
  });

  it('distrusts metadata that does not fit', () => {
    expect(labelsFor(withMetadata({ names: "{0: 'a'}" }), 2).source).toBe('numbered');
    expect(labelsFor(withMetadata({ names: "{0: 'a', 2: 'b'}" }), 2).source).toBe('numbered');
    expect(labelsFor(withMetadata({ names: "{0: 'a', 1: ''}" }), 2).source).toBe('numbered');
    expect(labelsFor(withMetadata({ names: 'rubbish', labels: '["a", "b"]' }), 2).labels).toEqual(['a', 'b']);
  });

  it('refuses labels that are not as many as the classes', () => {
    expect(() => labelsFor(plain, 3, ['a', 'b'])).toThrow(
      new RangeError('the model has 3 classes, but 2 labels are given'),
    );
    expect(labelsFor(plain, 0, ['a', 'b']).labels).toEqual(['a', 'b']);
  });

  it('has a name for every class of a graph that does not tell how many it has', () => {
    expect(labelsFor(plain, 0).labels).toHaveLength(256);
    expect(labelsFor(withMetadata({ names: "['a', 'b', 'c']" }), 0).labels).toEqual(['a', 'b', 'c']);
  });

  it.each([
    [19, 'road', 'bicycle'],
    [20, 'aeroplane', 'tvmonitor'],
    [21, 'background', 'tvmonitor'],
    [80, 'person', 'toothbrush'],
    [90, 'person', 'toothbrush'],
    [91, 'background', 'toothbrush'],
    [1000, 'tench', 'toilet tissue'],
    [1001, 'background', 'toilet tissue'],
  ])('knows a data set of %i classes', (count, first, last) => {
    const { labels } = labelsFor(plain, count);
    expect(labels).toHaveLength(count);
    expect([labels[0], labels.at(-1)]).toEqual([first, last]);
    expect(labels.every((label) => label.trim() === label && label.length > 0)).toBe(true);
  });

  it('numbers COCO by its official ids', () => {
    const { names, ids } = labelSets.coco80;
    expect(ids).toHaveLength(80);
    const withGaps = labelsFor(plain, 90).labels;
    expect(ids.map((id) => withGaps[id - 1])).toEqual(names);
    expect(withGaps.filter((label) => label.startsWith('unused_'))).toHaveLength(10);
    expect(withGaps[16]).toBe('cat');
  });

  const list = sharedPath('data', 'coco_classes.txt');
  it.skipIf(!list)('agrees with the reference list of COCO (needs the reference data)', async () => {
    const { readFileSync } = await import('node:fs');
    const lines = readFileSync(list!, 'utf8')
      .trim()
      .split('\n')
      .map((line) => line.trim());
    expect(labelSets.coco80.names).toEqual(lines.slice(-80));
  });

  it('names faces and text by their families', () => {
    expect(
      families.blazeface.bind(signature([{ name: 'x', dtype: 'float32', dims: [1, 256, 256, 3] }], []), {}).classes,
    ).toEqual(['face']);
  });
});
