import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { classColor } from '../../src/render/color.ts';
import { renderOverlay } from '../../src/render/overlay.ts';
import { styleFor } from '../../src/render/style.ts';
import type { Detections, Result } from '../../src/vision/types.ts';

const GREY = 128;
const labels = ['person', 'bicycle', 'car'];

function greyImage(width: number, height: number) {
  return { width, height, data: new Uint8Array(width * height * 3).fill(GREY) };
}

function objects(rows: readonly (readonly [classId: number, score: number, ...box: number[]])[]): Detections {
  return {
    boxes: Float32Array.from(rows.flatMap(([, , ...box]) => box)),
    scores: Float32Array.from(rows, ([, score]) => score),
    classIds: Int32Array.from(rows, ([classId]) => classId),
  };
}

function detection(...rows: Parameters<typeof objects>[0]): Result {
  return { task: 'detection', value: objects(rows) };
}

async function render(width: number, height: number, result: Result, names: readonly string[] = labels) {
  const png = await renderOverlay(greyImage(width, height), result, names, 'png');
  const { data, info } = await sharp(png).raw().toBuffer({ resolveWithObject: true });
  expect([info.width, info.height, info.channels]).toEqual([width, height, 3]);
  const at = (x: number, y: number) => [...data.subarray((y * width + x) * 3, (y * width + x) * 3 + 3)];
  const isInk = (x: number, y: number) => at(x, y).some((v) => v !== GREY);
  const inked: [x: number, y: number][] = [];
  for (let y = 0; y < height; y++) for (let x = 0; x < width; x++) if (isInk(x, y)) inked.push([x, y]);
  return { at, inked };
}

describe('renderOverlay: boxes', () => {
  it("paints the box's border in its class's colour, all around and as wide as the style says", async () => {
    const { at } = await render(400, 300, detection([1, 0.9, 50, 100, 250, 200]));
    const { stroke } = styleFor({ width: 400, height: 300 });
    for (let n = 0; n < stroke; n++) {
      // The label's own rim lies on the border's left part.
      for (let x = 150; x < 240; x++) {
        expect(at(x, 100 + n)).toEqual(classColor(1));
        expect(at(x, 199 - n)).toEqual(classColor(1));
      }
      for (let y = 110; y < 190; y++) {
        expect(at(50 + n, y)).toEqual(classColor(1));
        expect(at(249 - n, y)).toEqual(classColor(1));
      }
    }
  });

  it('darkens only a thin rim on both sides of the border', async () => {
    const { at } = await render(400, 300, detection([1, 0.9, 50, 100, 250, 200]));
    const { stroke, halo } = styleFor({ width: 400, height: 300 });
    for (const x of [50 - halo, 50 + stroke]) expect(at(x, 150)[0]).toBeLessThan(GREY);
    for (const x of [50 - halo - 1, 50 + stroke + halo]) expect(at(x, 150)).toEqual([GREY, GREY, GREY]);
  });

  it('leaves no ink outside the box, its rim and its label', async () => {
    const { inked } = await render(400, 300, detection([1, 0.9, 50, 100, 250, 200]));
    const { halo, chipHeight } = styleFor({ width: 400, height: 300 });
    expect(inked.length).toBeGreaterThan(0);
    for (const [x, y] of inked) {
      expect(x >= 50 - halo && x < 250 + halo && y >= 100 - chipHeight - halo && y < 200 + halo).toBe(true);
    }
  });

  it('frames the whole picture inside it', async () => {
    const { at } = await render(200, 200, detection([2, 0.9, 0, 0, 200, 200]));
    expect(at(0, 100)).toEqual(classColor(2));
    expect(at(199, 100)).toEqual(classColor(2));
    expect(at(100, 199)).toEqual(classColor(2));
  });

  it('frames the visible part of a box that reaches beyond the borders', async () => {
    const { at } = await render(200, 200, detection([2, 0.9, -1e9, 50, 1e9, 1e30]));
    expect(at(100, 50)).toEqual(classColor(2));
    expect(at(199, 100)).toEqual(classColor(2));
    expect(at(100, 199)).toEqual(classColor(2));
  });

  it('draws nothing for boxes outside, inside out, or not a number', async () => {
    const { inked } = await render(
      100,
      100,
      detection(
        [0, 0.9, 100, 0, 150, 50],
        [0, 0.9, -50, -50, 0, 0],
        [0, 0.9, 60, 60, 40, 80],
        [0, 0.9, Number.NaN, 10, 50, 50],
        [0, 0.9, 10, 10, Number.NaN, 50],
        [0, Number.NaN, 10, 10, 50, 50],
      ),
    );
    expect(inked).toEqual([]);
  });

  it('shows a box without width as a line of one pixel', async () => {
    const { at } = await render(100, 100, detection([0, 0.9, 50, 20, 50, 95]));
    expect(at(50, 60)).toEqual(classColor(0));
    expect(at(51, 60)).not.toEqual(classColor(0));
  });

  it('draws the better box over the worse', async () => {
    const { at } = await render(400, 300, detection([1, 0.9, 50, 100, 250, 200], [2, 0.8, 50, 100, 250, 200]));
    expect(at(150, 199)).toEqual(classColor(1));
  });

  it('does not touch the pixels it was given', async () => {
    const image = greyImage(100, 100);
    await renderOverlay(image, detection([0, 0.9, 10, 10, 90, 90]), labels, 'png');
    expect(image.data.every((v) => v === GREY)).toBe(true);
  });

  it('draws 500 boxes', async () => {
    const rows = Array.from({ length: 500 }, (_, i) => {
      const [x, y] = [(i * 37) % 600, (i * 53) % 440];
      return [i % 90, 1 - i / 500, x, y, x + 40, y + 40] as const;
    });
    const { inked } = await render(640, 480, detection(...rows));
    expect(inked.length).toBeGreaterThan(10_000);
  });
});

describe('renderOverlay: sizes and formats', () => {
  it.each([
    [1, 1],
    [1, 5000],
    [5000, 1],
    [7, 3],
    [32, 32],
  ])('draws on a picture of %i×%i', async (width, height) => {
    const { inked } = await render(width, height, detection([1, 0.9, 0, 0, width, height]));
    expect(inked.length).toBeGreaterThan(0);
  });

  it.each(['png', 'jpeg', 'webp'] as const)('encodes as %s', async (format) => {
    const bytes = await renderOverlay(greyImage(40, 30), detection(), labels, format);
    expect(await sharp(bytes).metadata()).toMatchObject({ format, width: 40, height: 30, channels: 3 });
  });

  it('says so when the format cannot hold the picture', async () => {
    const wide = greyImage(16_384, 1);
    await expect(renderOverlay(wide, detection(), labels, 'webp')).rejects.toMatchObject({ code: 'invalid_option' });
    await expect(renderOverlay(wide, detection(), labels, 'jpeg')).resolves.toBeInstanceOf(Uint8Array);
    const wider = greyImage(65_536, 1);
    await expect(renderOverlay(wider, detection(), labels, 'jpeg')).rejects.toMatchObject({ code: 'invalid_option' });
    await expect(renderOverlay(wider, detection(), labels, 'png')).resolves.toBeInstanceOf(Uint8Array);
  });

  it('refuses pixels of another size', async () => {
    const image = { width: 3, height: 3, data: new Uint8Array(26) };
    await expect(renderOverlay(image, detection(), labels, 'png')).rejects.toThrow(RangeError);
  });
});

describe('renderOverlay: labels', () => {
  const box = [0, 0.9, 20, 100, 300, 250] as const;

  it.each([
    ['emoji', '👩‍🚀🐱'],
    ['right to left', 'שלום عالم'],
    ['control characters', 'a\u0000\u0007\u001b[31m\u202eb'],
    ['markup', '</svg><script>&amp;"\''],
    ['lone surrogates', '\ud83d\udc31\udc31'],
    ['10,000 characters', 'wide '.repeat(2000)],
    ['one character of 10,000 marks', `a${'\u0301'.repeat(10_000)}`],
  ])('writes %s visibly', async (_, label) => {
    const { at } = await render(400, 300, detection(box), [label]);
    const { chipHeight } = styleFor({ width: 400, height: 300 });
    let dark = 0;
    for (let y = 100 - chipHeight + 2; y < 98; y++) for (let x = 24; x < 36; x++) if (at(x, y)[0]! < 160) dark++;
    expect(dark).toBeGreaterThan(5);
  });

  it('draws different text differently', async () => {
    const [a, b] = await Promise.all(
      ['cat', 'cow'].map((name) => renderOverlay(greyImage(400, 300), detection(box), [name], 'png')),
    );
    expect(a).not.toEqual(b);
  });
});

describe('renderOverlay: keypoints', () => {
  it('dots the visible ones and skips the hidden and those that are not numbers', async () => {
    const keypoints = {
      names: ['a', 'b', 'c', 'd'],
      points: Float32Array.of(200, 150, 1, 250, 150, 0.1, Number.NaN, 150, 1, 220, 170, Number.NaN),
    };
    const value = { ...objects([[1, 0.9, 100, 80, 300, 280]]), keypoints };
    const { at } = await render(400, 300, { task: 'detection', value });
    expect(at(200, 150)).toEqual(classColor(1));
    expect(at(250, 150)).toEqual([GREY, GREY, GREY]);
    expect(at(220, 170)).toEqual([GREY, GREY, GREY]);
  });
});

describe('renderOverlay: masks', () => {
  it('tints the mask and leaves what lies between mask and frame', async () => {
    const mask = { x: 150, y: 150, width: 40, height: 40, data: new Uint8Array(1600).fill(1) };
    const value = { ...objects([[2, 0.9, 100, 100, 300, 250]]), masks: [mask] };
    const { at } = await render(400, 300, { task: 'instance-segmentation', value });
    const mixed = classColor(2).map((v) => Math.floor(GREY + (v - GREY) * 0.45 + 0.5));
    expect(at(170, 170)).toEqual(mixed);
    expect(at(150, 170)).toEqual(classColor(2).map((v) => Math.floor(GREY + (v - GREY) * 0.9 + 0.5)));
    expect(at(130, 170)).toEqual([GREY, GREY, GREY]);
  });

  it('skips the mask of an object that is not drawn', async () => {
    const mask = { x: 0, y: 0, width: 40, height: 40, data: new Uint8Array(1600).fill(1) };
    const value = { ...objects([[2, Number.NaN, 0, 0, 40, 40]]), masks: [mask] };
    expect((await render(50, 50, { task: 'instance-segmentation', value })).inked).toEqual([]);
  });
});

describe('renderOverlay: label maps', () => {
  const map = (width: number, height: number, label: (x: number, y: number) => number): Result => ({
    task: 'semantic-segmentation',
    value: {
      width,
      height,
      labels: Uint8Array.from({ length: width * height }, (_, i) => label(i % width, Math.floor(i / width))),
    },
  });

  it('tints classes, not the background, and marks where classes meet', async () => {
    const names = ['background', 'sky', 'road'];
    const { at } = await render(
      400,
      300,
      map(400, 300, (x, y) => (y < 150 ? 0 : x < 200 ? 1 : 2)),
      names,
    );
    expect(at(300, 100)).toEqual([GREY, GREY, GREY]);
    const mix = (id: number, share: number) => classColor(id).map((v) => Math.floor(GREY + (v - GREY) * share + 0.5));
    expect(at(100, 250)).toEqual(mix(1, 0.45));
    expect(at(300, 250)).toEqual(mix(2, 0.45));
    expect(at(199, 250)).toEqual(mix(1, 0.9));
    expect(at(200, 250)).toEqual(mix(2, 0.9));
  });

  it('tints class 0 where it is not called background', async () => {
    const { at } = await render(
      400,
      300,
      map(400, 300, () => 0),
      ['road'],
    );
    expect(at(399, 299)).not.toEqual([GREY, GREY, GREY]);
  });

  it('has no legend for nothing but background', async () => {
    const empty = map(400, 300, () => 0);
    for (const name of ['background', '__background__', 'Unlabeled', ' void '])
      expect((await render(400, 300, empty, [name])).inked).toEqual([]);
  });

  it('draws all 256 classes, on any size', async () => {
    for (const [width, height] of [
      [64, 64],
      [1, 300],
      [1, 1],
    ] as const) {
      const { inked } = await render(
        width,
        height,
        map(width, height, (x, y) => (x + y * width) % 256),
        [],
      );
      expect(inked.length).toBeGreaterThan(0);
    }
  });

  it('refuses a map of another size', async () => {
    await expect(
      renderOverlay(
        greyImage(4, 4),
        map(3, 4, () => 0),
        [],
        'png',
      ),
    ).rejects.toThrow(RangeError);
  });
});

describe('renderOverlay: classification', () => {
  it('lists the best classes at the top left, the best first', async () => {
    const { at, inked } = await render(400, 300, {
      task: 'classification',
      value: { scores: Float32Array.of(0.1, 0.8, Number.NaN, 0.05) },
    });
    const { chipPadding, chipHeight } = styleFor({ width: 400, height: 300 });
    expect(at(chipPadding + 2, chipPadding + Math.floor(chipHeight / 2))).toEqual(classColor(1));
    expect(inked.every(([x, y]) => x < 200 && y < 150)).toBe(true);
  });

  it('draws nothing for no scores', async () => {
    const result: Result = { task: 'classification', value: { scores: new Float32Array() } };
    expect((await render(400, 300, result)).inked).toEqual([]);
  });
});
