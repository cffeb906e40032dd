import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { miru, temporaryFolder } from './miru.ts';

const boxes = [
  [0, 0, 10, 10],
  [5, 5, 15, 15],
];

async function iou(a: unknown, b: unknown, ...flags: string[]) {
  const folder = temporaryFolder();
  const paths = [a, b].map((value, i) => {
    const path = join(folder, `${'ab'[i]}.json`);
    writeFileSync(path, typeof value === 'string' ? value : JSON.stringify(value));
    return path;
  });
  return { paths, ...(await miru(['iou', ...paths, ...flags])) };
}

test('a table', async () => {
  const { code, stdout } = await iou(boxes, boxes);
  expect(stdout).toBe('        b0      b1\na0  1.0000  0.1429\na1  0.1429  1.0000\n');
  expect(code).toBe(0);
});

test('--json, of boxes by width and height', async () => {
  const { stdout } = await iou(boxes, [[0, 0, 10, 10]], '--format', 'xywh', '--json');
  expect(JSON.parse(stdout)).toEqual({ iou: [[1], [25 / 300]] });
});

test('masks are recognised', async () => {
  const all = { size: [2, 2], counts: [0, 4] };
  const half = { size: [2, 2], counts: [2, 2] };
  const { stdout } = await iou([all, half], [half], '--json');
  expect(JSON.parse(stdout)).toEqual({ iou: [[0.5], [1]] });
});

test('nothing compared with nothing', async () => {
  expect(JSON.parse((await iou([], [], '--json')).stdout)).toEqual({ iou: [] });
  expect((await iou([], boxes)).code).toBe(0);
});

test.each([
  ['{', boxes, /a\.json is not JSON: /],
  [boxes, {}, /b\.json: expected an array of boxes or masks$/],
  [[[1, 2]], boxes, /^miru: a is .*a\.json, b is .*b\.json: a\.0: /],
  [[{ size: [2, 2], counts: [0, 4] }], boxes, /^miru: a is .*: b\.0: /],
])('%j and %j fail with one line', async (a, b, message) => {
  const { code, stdout, stderr } = await iou(a, b);
  expect(stderr.trimEnd()).toMatch(message);
  expect(stderr.split('\n')).toHaveLength(2);
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
});

test('a missing file', async () => {
  const { code, stderr } = await miru(['iou', 'nope.json', 'nope.json']);
  expect({ code, stderr }).toEqual({ code: 1, stderr: 'miru: nope.json: no such file or folder\n' });
});
