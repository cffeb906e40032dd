import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { describeModel } from '../../src/catalog/describe.ts';
import { parseManifest } from '../../src/catalog/manifest.ts';
import { modelIdPattern } from '../../src/catalog/scan.ts';
import { families } from '../../src/families/index.ts';
import { entryNamed, manifestOf, registry } from '../../src/registry/index.ts';
import { sharedPath } from '../helpers/shared.ts';

test('every name is there once, and so are every file’s bytes', () => {
  for (const key of ['name', 'sha256'] as const) {
    const values = registry.map((entry) => entry[key]);
    expect(values.filter((value, i) => values.indexOf(value) !== i)).toEqual([]);
  }
});

describe.each(registry)('$name', (entry) => {
  test('can be an id, in lower case', () => {
    expect(entry.name).toMatch(modelIdPattern);
    expect(entry.name).toBe(entry.name.toLowerCase());
  });

  test('says which bytes it is, where they are and on what terms', () => {
    expect(entry.sha256).toMatch(/^[0-9a-f]{64}$/);
    expect(entry.bytes).toBeGreaterThan(10_000);
    expect(entry.urls.length).toBeGreaterThan(0);
    for (const url of [...entry.urls, entry.terms]) {
      expect(new URL(url).protocol).toBe('https:');
      expect(url).toBe(new URL(url).href);
    }
    for (const url of entry.urls) expect(url).toMatch(/\.onnx$/);
    expect(['MIT', 'Apache-2.0', 'BSD-3-Clause']).toContain(entry.license);
  });

  test('has a model.json that the catalog takes', () => {
    const manifest = parseManifest(JSON.stringify(manifestOf(entry)), entry.name);
    expect(manifest).toMatchObject({ license: entry.license, sha256: entry.sha256, source: entry.urls[0] });
    if (manifest.params) expect(Object.keys(families)).toContain(manifest.family);
  });
});

const zoo = sharedPath('reference', 'zoo.tsv');
test.skipIf(zoo === undefined)('the facts are those of the collections (needs the list of their files)', () => {
  const rows = readFileSync(zoo!, 'utf8')
    .trim()
    .split('\n')
    .slice(1)
    .map((line) => line.split('\t'));
  const facts = new Map(rows.map(([, , bytes, sha256, , url]) => [url, { bytes: Number(bytes), sha256 }]));
  const listed = registry.filter(({ urls }) => facts.has(urls[0]));
  expect(listed.length).toBeGreaterThan(40);
  for (const { sha256, bytes, urls } of listed) expect({ bytes, sha256 }).toEqual(facts.get(urls[0]));
});

const weights = [
  ['yolox-nano', 'yolox-nano-coco'],
  ['nanodet-m', 'nanodet-m-coco'],
  ['fastestdet', 'fastestdet-coco'],
  ['ultraface-320', 'ultraface-rfb-320'],
].map(([name, file]) => ({ name: name!, path: sharedPath('weights', `${file}.onnx`) }));
describe.skipIf(weights.some(({ path }) => path === undefined))('with weights beside the project', () => {
  test.each(weights)('$name is taken for what it is', async ({ name, path }) => {
    const entry = entryNamed(name);
    // describeModel compares the sha256.
    const { family, task, labels } = await describeModel(path!, manifestOf(entry));
    expect(family).toBe(entry.family.toLowerCase());
    expect(task).toBe(entry.task);
    expect(labels[0]).toBe(entry.labels === 'face' ? 'face' : 'person');
  });
});

describe('entryNamed()', () => {
  test.each(['yolox-nano', 'YOLOX-Nano'])('%s', (name) => expect(entryNamed(name).name).toBe('yolox-nano'));

  test.each([
    ['yoloxnano', /did you mean yolox-nano\?$/],
    ['resnet', /did you mean .*resnet50.*\?$/],
    ['mask_rcnn_R50', /did you mean mask-rcnn, mask-rcnn-int8\?$/],
    ['whatever', /^no model ‘whatever’ can be fetched; ‘miru models available’ lists those that can$/],
    ['', /^no model ‘’ can be fetched; ‘miru models available’/],
  ])('‘%s’ is none', (name, message) => {
    expect(() => entryNamed(name)).toThrow(message);
  });
});
