import { copyFileSync, cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';
import { describe, expect, test } from 'vitest';
import { prediction } from '../../src/http/responses.ts';
import { miru, temporaryFolder } from './miru.ts';

const cat = 'samples/chelsea.png';

/** good.png, nested/also-good.jpg and, between them, a file that is no picture. */
function folderWithOneBroken(): string {
  const folder = temporaryFolder();
  mkdirSync(join(folder, 'nested'));
  copyFileSync(cat, join(folder, 'good.png'));
  writeFileSync(join(folder, 'm-broken.png'), 'not a picture');
  copyFileSync('samples/rocket.jpg', join(folder, 'nested', 'also-good.JPG'));
  copyFileSync(cat, join(folder, '.hidden.png'));
  writeFileSync(join(folder, 'notes.txt'), 'passed over');
  return folder;
}

describe('what is printed', () => {
  test('a table for each image and a summary', async () => {
    const { code, stdout, stderr } = await miru(['detect', cat, 'samples/rocket.jpg']);
    expect(stdout).toMatch(
      /^samples\/chelsea\.png {2}451×300 {2}\d objects?\n {2}label +score +xmin .*\n {2}cat +0\.\d{3} /,
    );
    expect(stdout).toMatch(
      /\n\nsamples\/rocket\.jpg {2}640×427 {2}0 objects\n\n2 images in [\d.]+ s, [\d.]+ images\/s\n$/,
    );
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  });

  test('--json is the document of the HTTP API, for all images together', async () => {
    const { code, stdout, stderr } = await miru([
      'detect',
      cat,
      'samples/coffee.png',
      '--json',
      '--classes',
      'cat,cup',
    ]);
    const document = prediction.parse(JSON.parse(stdout));
    expect(document).toMatchObject({ model: 'nanodet-g-coco', task: 'detection' });
    expect(document.results.map(({ image, detections }) => [image.name, detections?.map((d) => d.label)])).toEqual([
      [cat, ['cat']],
      ['samples/coffee.png', ['cup']],
    ]);
    expect(document.timing.inference_ms).toBeGreaterThan(0);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  });

  test('--format json is --json', async () => {
    const { stdout } = await miru(['detect', cat, '--format', 'json']);
    expect(prediction.parse(JSON.parse(stdout)).results).toHaveLength(1);
  });

  test('--format coco is one array, also without any detection', async () => {
    const { stdout } = await miru(['detect', 'samples/rocket.jpg', cat, 'samples/coffee.png', '--format', 'coco']);
    const ids = JSON.parse(stdout).map((row: { image_id: unknown }) => row.image_id);
    expect([...new Set(ids)]).toEqual(['chelsea', 'coffee']);
    const none = await miru(['detect', 'samples/rocket.jpg', '--format', 'coco']);
    expect(JSON.parse(none.stdout)).toEqual([]);
  });

  test('options reach the model', async () => {
    const labels = async (...flags: string[]) => {
      const { stdout } = await miru(['detect', cat, '--json', ...flags]);
      return prediction.parse(JSON.parse(stdout)).results[0]!.detections!.length;
    };
    expect(await labels('--score-threshold', '0.05')).toBeGreaterThan(await labels());
    expect(await labels('--score-threshold', '0.05', '--max-detections', '1')).toBe(1);
    expect(await labels('--score-threshold', '1')).toBe(0);
  });

  test('semantic models answer with shares', async () => {
    const { stdout } = await miru(['segment', 'samples/astronaut.png']);
    expect(stdout).toMatch(/ {2}label +share +pixels\n {2}person +\d\d\.\d % +\d+\n {2}background /);
  });

  test('results go to a .json file on request, and stdout is for people', async () => {
    const out = join(temporaryFolder(), 'results.json');
    const { code, stdout } = await miru(['detect', cat, '--out', out]);
    expect(prediction.parse(JSON.parse(readFileSync(out, 'utf8'))).results).toHaveLength(1);
    expect(stdout).toMatch(/^1 image in/);
    expect(code).toBe(0);
  });
});

describe('pictures', () => {
  test('one picture, its format by its ending, beside the table', async () => {
    const out = join(temporaryFolder(), 'new', 'boxed.webp');
    const { code, stdout } = await miru(['detect', cat, '--out', out]);
    expect(await sharp(out).metadata()).toMatchObject({ format: 'webp', width: 451, height: 300 });
    expect(stdout).toContain('  cat ');
    expect(stdout).toContain(`drawn: ${out}\n`);
    expect(code).toBe(0);
  });

  test('a folder of them, under the same relative names, and nothing else with --format', async () => {
    const folder = folderWithOneBroken();
    const out = temporaryFolder();
    const { stdout } = await miru(['detect', folder, '--out', out, '--format', 'jpeg']);
    expect((await sharp(join(out, 'good.jpg')).metadata()).format).toBe('jpeg');
    expect((await sharp(join(out, 'nested', 'also-good.JPG')).metadata()).format).toBe('jpeg');
    expect(stdout).toContain(`${join(folder, 'good.png')} → ${join(out, 'good.jpg')}\n`);
    expect(stdout).not.toContain('label');
  });

  test('to stdout with --format and no --out', async () => {
    const { bytes, stderr } = await miru(['detect', cat, '--format', 'png']);
    expect(await sharp(bytes).metadata()).toMatchObject({ format: 'png', width: 451, height: 300 });
    expect(stderr).toBe('');
  });

  test('the label map of a semantic model', async () => {
    const { bytes } = await miru(['segment', 'samples/astronaut.png', '--format', 'png', '--mask-format', 'png']);
    const { channels, max } = await sharp(bytes)
      .stats()
      .then((s) => ({ channels: s.channels, max: s.channels[0]!.max }));
    expect({ channels: channels.length, max }).toEqual({ channels: 1, max: 1 });
  });

  test.each([
    [['samples', '--out', 'one.png'], /takes one picture; name a folder for \d+/],
    [['samples', '--format', 'png'], /name a folder for \d+/],
    [[cat, '--out', 'x.png', '--format', 'webp'], /contradict/],
    [[cat, '--out', 'x.gif'], /written as \.png, \.jpg/],
    [[cat, '--out', 'x.json', '--format', 'png'], /another ending/],
    [[cat, '--out', cat], /would overwrite samples\/chelsea\.png, which is read/],
    [['samples', '--out', 'samples'], /would overwrite/],
    [[cat, cat, '--out', 'folder'], /would overwrite that of/],
  ])('%j is refused before anything is computed', async (args, message) => {
    const { code, stdout, stderr } = await miru(['detect', ...args]);
    expect(stderr).toMatch(message);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(existsSync('folder')).toBe(false);
  });
});

describe('failures', () => {
  test('a broken file is reported, the others go on, in the order of their names', async () => {
    const folder = folderWithOneBroken();
    const { code, stdout, stderr } = await miru(['detect', folder, 'no-such-file.jpg', '--json'], {
      env: { WORKERS: '2' },
    });
    const { results } = prediction.parse(JSON.parse(stdout));
    expect(results.map(({ image }) => image.name)).toEqual([
      join(folder, 'good.png'),
      join(folder, 'nested', 'also-good.JPG'),
    ]);
    expect(stderr).toBe(
      'miru: no-such-file.jpg: no such file or folder\n' +
        `miru: ${join(folder, 'm-broken.png')}: not a picture in a format that is read: JPEG, PNG, WebP, GIF, TIFF, AVIF, BMP\n` +
        'miru: 2 of 4 images failed\n',
    );
    expect(code).toBe(1);
  });

  test('a single file that fails is one line', async () => {
    const { code, stdout, stderr } = await miru(['detect', 'no-such-file.jpg']);
    expect({ code, stdout, stderr }).toEqual({
      code: 1,
      stdout: '',
      stderr: 'miru: no-such-file.jpg: no such file or folder\n',
    });
  });

  test('only failures still leave valid JSON', async () => {
    const { code, stdout } = await miru(['detect', 'README.md', 'package.json', '--json']);
    expect(JSON.parse(stdout)).toMatchObject({ model: null, results: [] });
    expect(code).toBe(1);
  });

  test('an empty folder', async () => {
    const { code, stderr } = await miru(['detect', temporaryFolder()]);
    expect(stderr).toMatch(/^miru: no images in .*\n$/);
    expect(code).toBe(1);
  });

  test.each([
    [['--model', 'nope'], 1, /^miru: there is no model ‘nope’; there are: .*nanodet-g-coco.*\n$/],
    [['--model', './nope.onnx'], 1, /nope\.onnx: no such file or folder\n$/],
    [['--model', 'selfie-segmentation'], 1, /^miru: model ‘selfie-segmentation’ does semantic-segmentation; .*\n$/],
    [['--classes', 'kat'], 1, /^miru: this model has no class ‘kat’ among its 80; .*\n$/],
    [['--workers', 'many'], 2, /^miru: setting workers: .*\n$/],
    [['--server', 'localhost:8080'], 2, /^miru: --server: expected a URL such as .*\n$/],
  ])('%j ends the command with one line, however many images there are', async (args, expected, message) => {
    const { code, stdout, stderr } = await miru(['detect', 'samples', ...args]);
    expect(stderr).toMatch(message);
    expect({ code, stdout }).toEqual({ code: expected, stdout: '' });
  });

  test('format=coco with a model that has no boxes is wrong usage', async () => {
    const { code, stderr } = await miru(['segment', cat, '--format', 'coco']);
    expect(stderr).toMatch(/^miru: .*coco is for detections.*\n$/);
    expect(code).toBe(2);
  });
});

describe('a model by its path', () => {
  test('an .onnx file in a folder of no models directory', async () => {
    const folder = temporaryFolder();
    cpSync('models/nanodet-g-coco/model.onnx', join(folder, 'my-detector.onnx'));
    const { code, stdout } = await miru(['detect', cat, '--json', '--model', join(folder, 'my-detector.onnx')]);
    const document = prediction.parse(JSON.parse(stdout));
    expect(document.model).toBe('my-detector');
    expect(document.results[0]!.detections![0]).toMatchObject({ label: 'cat' });
    expect(code).toBe(0);
  });

  test('its name must be one that a model can have', async () => {
    const path = join(temporaryFolder(), 'my detector.onnx');
    cpSync('models/nanodet-g-coco/model.onnx', path);
    const { code, stderr } = await miru(['detect', cat, '--model', path]);
    expect(stderr).toBe(`miru: ${path}: a model's file name has only letters, digits, . _ and -\n`);
    expect(code).toBe(1);
  });
});

describe('ends', () => {
  const many = Array<string>(30).fill(cat);

  test('Ctrl-C leaves complete JSON of what is done', async () => {
    let isFirst = true;
    const { code, stdout, stderr } = await miru(['detect', ...many, '--json'], {
      onStdout: (_, interrupt) => {
        if (isFirst) interrupt();
        isFirst = false;
      },
    });
    expect(prediction.parse(JSON.parse(stdout)).results).toHaveLength(1);
    expect(stderr).toBe('miru: interrupted after 1 of 30 images\n');
    expect(code).toBe(130);
  });

  test('a reader that has seen enough is no failure', async () => {
    let writes = 0;
    const { code, stderr } = await miru(['detect', ...many], {
      onStdout: () => {
        if (++writes > 2) throw Object.assign(new Error('write EPIPE'), { code: 'EPIPE', syscall: 'write' });
      },
    });
    expect({ code, stderr, writes }).toEqual({ code: 0, stderr: '', writes: 3 });
  });

  test('a full disk is one', async () => {
    const { code, stderr } = await miru(['detect', cat], {
      onStdout: () => {
        throw Object.assign(new Error('ENOSPC: write'), { code: 'ENOSPC', syscall: 'write' });
      },
    });
    expect({ code, stderr }).toEqual({ code: 1, stderr: 'miru: no space left on the disk\n' });
  });

  test('a bar is drawn for a terminal only, and gone in the end', async () => {
    const { stderr } = await miru(['detect', cat, cat, '--json'], { isTerminal: true });
    expect(stderr).toContain('╌  0/2\r');
    expect(stderr.split('\x1b[2K').at(-1)).toMatch(/^\n2 images in /);
  });
});
