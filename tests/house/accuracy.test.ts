import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { expect, onTestFinished, test } from 'vitest';
import { model, node, tensor, value } from '../../src/onnx/model.ts';
import { detector, SIDE, writeModel } from '../helpers/graphs.ts';

const NAMES = ['circle', 'square'];

function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'miru-accuracy-test-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** npm run accuracy, which must leave the README alone. */
function measure(...args: string[]): string {
  const before = readFileSync('README.md', 'utf8');
  const out = execFileSync(process.execPath, ['scripts/accuracy.mjs', '--dry-run', ...args], { encoding: 'utf8' });
  expect(readFileSync('README.md', 'utf8')).toBe(before);
  return out;
}

/** Background everywhere, and a square in the upper half. */
function segmenter() {
  const scores = new Float32Array(3 * SIDE * SIDE);
  scores.fill(1, SIDE * SIDE * 2, SIDE * SIDE * 2.5);
  scores.fill(0.5, 0, SIDE * SIDE);
  return model({
    name: 'half',
    nodes: [
      node('ReduceMean', ['image'], ['mean'], { axes: [1, 2, 3], keepdims: 0 }),
      node('Reshape', ['mean', 'scalar'], ['level']),
      node('Mul', ['level', 'nothing'], ['zero']),
      node('Add', ['scores', 'zero'], ['output']),
    ],
    inputs: [value('image', 'float32', [1, 3, SIDE, SIDE])],
    outputs: [value('output', 'float32', [1, 3, SIDE, SIDE])],
    initializers: [
      tensor('scalar', 'int64', [1], [1]),
      tensor('nothing', 'float32', [1], [0]),
      tensor('scores', 'float32', [1, 3, SIDE, SIDE], scores),
    ],
  });
}

/** Two pictures; the detector is right about the first, the segmenter about half of the second. */
async function writeData(folder: string): Promise<void> {
  mkdirSync(join(folder, 'images'));
  mkdirSync(join(folder, 'labels'));
  const size = { width: SIDE, height: SIDE };
  const map = (square: number) => Buffer.alloc(SIDE * SIDE).fill(2, 0, square * SIDE * SIDE);
  for (const [name, square] of [
    ['a', 0.5],
    ['b', 1],
  ] as const) {
    await sharp({ create: { ...size, channels: 3, background: 'white' } })
      .png()
      .toFile(join(folder, 'images', `${name}.png`));
    await sharp(map(square), { raw: { ...size, channels: 1 } })
      .toColourspace('b-w')
      .png()
      .toFile(join(folder, 'labels', `${name}.png`));
  }
  const annotation = { category_id: 1, iscrowd: 0, area: 64 };
  const truth = {
    images: ['a', 'b'].map((name, i) => ({ id: i + 1, file_name: `${name}.png`, ...size })),
    categories: NAMES.map((name, i) => ({ id: i + 1, name })),
    annotations: [
      { id: 1, image_id: 1, ...annotation, bbox: [12, 12, 8, 8] },
      { id: 2, image_id: 2, ...annotation, bbox: [12, 12, 8, 8] },
      { id: 3, image_id: 2, ...annotation, bbox: [0, 0, 8, 8] },
    ],
  };
  writeFileSync(join(folder, 'instances.json'), JSON.stringify(truth));
}

test('scores what fits, says what does not', async () => {
  const [models, data] = [temporaryFolder(), temporaryFolder()];
  await writeData(data);
  const add = (id: string, graph: ReturnType<typeof detector>, manifest: object) => {
    mkdirSync(join(models, id));
    writeModel(join(models, id, 'model.onnx'), graph);
    writeFileSync(join(models, id, 'model.json'), JSON.stringify(manifest));
  };
  add('finder', detector(), { labels: [...NAMES, 'star'], metrics: { AP: 0.9, dataset: 'somewhere' } });
  add('stranger', detector(), { labels: ['x', 'y', 'z'] });
  add('halver', segmenter(), { family: 'semantic', labels: ['background', ...NAMES] });
  add('swapped', segmenter(), { family: 'semantic', labels: ['background', ...NAMES.toReversed()] });
  writeFileSync(join(models, 'broken.onnx'), 'no graph');

  const ids = ['finder', 'stranger', 'halver', 'swapped', 'broken'].flatMap((id) => ['--model', id]);
  const lines = measure('--models-dir', models, '--data', `toys=${data}`, ...ids)
    .trim()
    .split('\n');

  // Both detections are right, one of three objects is missed: precision 1 up to recall 2/3, which 67 of 101 points reach.
  expect(lines).toContainEqual('finder: box AP (AP50) .663 (.663) on toys, 2 images');
  expect(lines).toContainEqual('finder: model.json says AP 0.9 (somewhere), this run .663 (.663) on toys, 2 images');
  // Square: 1024 of 1536 pixels; background: 512 of 1024.
  expect(lines).toContainEqual('halver: mIoU .583 on toys, 2 images');
  expect(lines).toContainEqual('stranger: no data at hand for detection of x, y, z…');
  expect(lines).toContainEqual('swapped: no data at hand for semantic-segmentation of background, square, circle…');
  expect(lines).toContainEqual(expect.stringMatching(/^broken: cannot be served: /));
  expect(lines).toHaveLength(6);
});

test('says which data is missing', () => {
  const empty = temporaryFolder();
  expect(measure('--data', 'nowhere', '--data', empty, '--model', 'no-such-model')).toBe(
    `nowhere: no such folder; nothing is scored on it\n${empty}: no COCO .json in it; nothing is scored on it\n`,
  );
});
