import { existsSync, readdirSync, readFileSync, statSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { scanModels } from '../../src/catalog/scan.ts';
import { PartialFile, removePartials } from '../../src/registry/partial-file.ts';
import { temporaryFolder } from '../cli/miru.ts';

const sha256 = 'a'.repeat(64);
const other = 'b'.repeat(64);

test('no scan sees it, and it gets its name in one step', async () => {
  const folder = temporaryFolder();
  const file = await PartialFile.open(folder, sha256);
  await file.append(Buffer.from('half a model'));
  expect((await scanModels([folder])).size).toBe(0);
  await file.moveTo(join(folder, 'whole.onnx'));
  await file.release();
  expect(readdirSync(folder)).toEqual(['whole.onnx']);
  expect(readFileSync(join(folder, 'whole.onnx'), 'utf8')).toBe('half a model');
});

test('what was released is taken over, not copied', async () => {
  const folder = temporaryFolder();
  const first = await PartialFile.open(folder, sha256);
  await first.append(Buffer.from('begun'));
  await first.release();
  const stranger = await PartialFile.open(folder, other);
  expect(stranger.size).toBe(0);
  await stranger.release();
  const second = await PartialFile.open(folder, sha256);
  expect(second.size).toBe(5);
  expect(readdirSync(folder)).toHaveLength(1);
  await second.append(Buffer.from(' and ended'));
  expect(readFileSync(second.path, 'utf8')).toBe('begun and ended');
  await second.release();
});

test('what somebody still writes to is copied', async () => {
  const folder = temporaryFolder();
  const first = await PartialFile.open(folder, sha256);
  await first.append(Buffer.from('begun'));
  const second = await PartialFile.open(folder, sha256);
  expect(second.size).toBe(5);
  await first.append(Buffer.from(' by one'));
  await second.append(Buffer.from(' by two'));
  expect(readFileSync(first.path, 'utf8')).toBe('begun by one');
  expect(readFileSync(second.path, 'utf8')).toBe('begun by two');
  await first.release();
  await second.release();
  await removePartials(folder, sha256);
  expect(readdirSync(folder)).toEqual([]);
});

test('the largest of several is taken, also one that was left by a dead process', async () => {
  const folder = temporaryFolder();
  const dead = await PartialFile.open(folder, sha256);
  const small = await PartialFile.open(folder, sha256);
  await dead.append(Buffer.from('the longer one'));
  await small.append(Buffer.from('short'));
  const longAgo = Date.now() / 1000 - 3600;
  utimesSync(dead.path, longAgo, longAgo);
  const next = await PartialFile.open(folder, sha256);
  expect(next.size).toBe(14);
  expect(existsSync(dead.path)).toBe(false);
  await Promise.all([dead, small, next].map((file) => file.release()));
});

test('nothing is left of one without bytes', async () => {
  const folder = temporaryFolder();
  const file = await PartialFile.open(folder, sha256);
  await file.append(Buffer.from('wrong'));
  await file.restart();
  expect(statSync(file.path).size).toBe(0);
  await file.release();
  expect(readdirSync(folder)).toEqual([]);
});
