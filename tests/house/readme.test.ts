import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
// @ts-expect-error: a plain script without types
import { familiesTable, fillBlock, settingsTable } from '../../scripts/tables.mjs';
import * as config from '../../src/config.ts';
import { families } from '../../src/families/index.ts';

const readme = readFileSync('README.md', 'utf8');

it('README lists every family and setting as they are (npm run docs writes them)', () => {
  expect(fillBlock(readme, 'families', familiesTable(families))).toBe(readme);
  expect(fillBlock(readme, 'settings', settingsTable(config))).toBe(readme);
});

it('README starts with the two commands', () => {
  const firstScreen = readme.split('\n').slice(0, 40).join('\n');
  expect(firstScreen).toContain('npm start');
  expect(firstScreen).toContain('npm test');
});
