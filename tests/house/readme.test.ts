import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
// @ts-expect-error: a plain script without types
import * as tables from '../../scripts/tables.mjs';
import * as config from '../../src/config.ts';
import { families } from '../../src/families/index.ts';
import { registry } from '../../src/registry/index.ts';

const { accuracyTable, familiesTable, fillBlock, mergeAccuracy, parseAccuracy, settingsTable, takeBlock } = tables;
const readme = readFileSync('README.md', 'utf8');

it('README lists every family and setting as they are (npm run docs writes them)', () => {
  expect(fillBlock(readme, 'families', familiesTable(families))).toBe(readme);
  expect(fillBlock(readme, 'settings', settingsTable(config))).toBe(readme);
});

interface AccuracyRow {
  readonly model: string;
  readonly family: string;
  readonly task: string;
  readonly data: string;
  readonly metric: string;
  readonly value: string;
  readonly license: string;
}

const row = (fields: Partial<AccuracyRow>): AccuracyRow => ({
  model: 'a',
  family: 'yolox',
  task: 'detection',
  data: 'shapes, 60 images',
  metric: 'box AP (AP50)',
  value: '.500 (.700)',
  license: 'MIT',
  ...fields,
});

describe('the accuracy table', () => {
  const table: string = takeBlock(readme, 'accuracy');
  const rows: AccuracyRow[] = parseAccuracy(table);

  it('has every model that comes along, with its license (npm run accuracy measures them)', () => {
    const models = readdirSync('models', { withFileTypes: true }).filter((entry) => entry.isDirectory());
    // Somebody may have fetched some more.
    const fetched = new Set(registry.map(({ name }) => name));
    for (const { name } of models.filter((entry) => !fetched.has(entry.name))) {
      const { license, family } = JSON.parse(readFileSync(`models/${name}/model.json`, 'utf8'));
      expect(rows.filter(({ model }) => model === name)).toContainEqual(
        expect.objectContaining(family ? { license, family } : { license }),
      );
    }
  });

  it('is read as it was written', () => {
    expect(`${accuracyTable(rows)}\n`).toBe(table);
    expect(parseAccuracy(accuracyTable([row({}), row({ model: 'b' })]))).toEqual([row({}), row({ model: 'b' })]);
    expect(parseAccuracy(accuracyTable([]))).toEqual([]);
  });

  it('keeps what was not measured again', () => {
    const old = [row({}), row({ data: 'COCO' }), row({ model: 'b', value: '–', data: '–', metric: '–' })];
    const again = row({ value: '.600 (.800)' });
    const merged = mergeAccuracy(old, [again, row({ model: 'b' })]);
    expect(merged).toEqual([row({ data: 'COCO' }), again, row({ model: 'b' })]);
    expect(mergeAccuracy(merged, [row({ model: 'a', value: '–', data: '–', metric: '–' })])).toEqual(merged);
  });
});

it('README starts with the two commands', () => {
  const firstScreen = readme.split('\n').slice(0, 40).join('\n');
  expect(firstScreen).toContain('npm start');
  expect(firstScreen).toContain('npm test');
});
