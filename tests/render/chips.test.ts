import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Chip, listChips, nameOf, percent, placeChips } from '../../src/render/chips.ts';
import { glyphOf } from '../../src/render/font.ts';
import { styleFor } from '../../src/render/style.ts';
import type { Size } from '../../src/vision/types.ts';

const color = [200, 100, 50] as const;
const caption = (label: string, value = 0.58) => ({ label, value, color });

function expectInside(chips: readonly Chip[], { width, height }: Size): void {
  for (const { rect } of chips) {
    expect([rect.x, rect.y, rect.width, rect.height].every(Number.isInteger)).toBe(true);
    expect(rect.x).toBeGreaterThanOrEqual(0);
    expect(rect.y).toBeGreaterThanOrEqual(0);
    expect(rect.x + rect.width).toBeLessThanOrEqual(width);
    expect(rect.y + rect.height).toBeLessThanOrEqual(height);
  }
}

function place(label: string, box: { x: number; y: number; width: number; height: number }, size: Size): Chip {
  return placeChips([caption(label)], [box], size, styleFor(size))[0]!;
}

describe('placeChips', () => {
  const size = { width: 640, height: 480 };
  const { chipHeight } = styleFor(size);

  it('sits on the box', () => {
    expect(place('cat', { x: 100, y: 200, width: 300, height: 100 }, size).rect).toMatchObject({
      x: 100,
      y: 200 - chipHeight,
    });
  });

  it('goes inside the top where there is no room above', () => {
    expect(place('cat', { x: 100, y: 3, width: 300, height: 300 }, size).rect).toMatchObject({ x: 100, y: 3 });
  });

  it('moves left at the right border', () => {
    const { rect } = place('cat', { x: 630, y: 200, width: 10, height: 100 }, size);
    expect(rect.x + rect.width).toBe(640);
  });

  it('writes name and percentage', () => {
    expect(place('cat', { x: 0, y: 99, width: 9, height: 9 }, size).text.glyphs).toEqual([...'cat 58 %'].map(glyphOf));
  });

  it('shortens a long name but keeps its percentage', () => {
    const { glyphs } = place('y'.repeat(10_000), { x: 0, y: 99, width: 9, height: 9 }, size).text;
    expect(glyphs.slice(-6)).toEqual([...'… 58 %'].map(glyphOf));
  });

  it('drops the percentage where only the name fits', () => {
    const tiny = { width: 32, height: 32 };
    expect(place('cat', { x: 0, y: 20, width: 9, height: 9 }, tiny).text.glyphs).toEqual([...'cat'].map(glyphOf));
  });

  it('gives no chip to a picture without room for one', () => {
    for (const tooSmall of [
      { width: 1, height: 1 },
      { width: 1, height: 5000 },
      { width: 5000, height: 1 },
    ]) {
      const box = { x: 0, y: 0, width: 1, height: 1 };
      expect(placeChips([caption('cat')], [box], tooSmall, styleFor(tooSmall))).toEqual([]);
    }
  });

  it('nudges chips of one box apart', () => {
    const box = { x: 100, y: 200, width: 300, height: 100 };
    const chips = placeChips([caption('cat'), caption('dog'), caption('cow')], [box, box, box], size, styleFor(size));
    for (const [i, { rect: a }] of chips.entries()) {
      for (const { rect: b } of chips.slice(0, i)) {
        const apart = a.x + a.width <= b.x || b.x + b.width <= a.x || a.y + a.height <= b.y || b.y + b.height <= a.y;
        expect(apart).toBe(true);
      }
    }
  });

  it('stays inside any picture for any box', () => {
    const side = fc.oneof(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 9000 }));
    fc.assert(
      fc.property(side, side, fc.array(fc.tuple(fc.nat(), fc.nat(), fc.nat(), fc.nat(), fc.string())), (w, h, rows) => {
        const boxes = rows.map(([x, y, width, height]) => ({
          x: x % w,
          y: y % h,
          width: 1 + (width % (w - (x % w))),
          height: 1 + (height % (h - (y % h))),
        }));
        const captions = rows.map(([, , , , label]) => caption(label));
        const picture = { width: w, height: h };
        expectInside(placeChips(captions, boxes, picture, styleFor(picture)), picture);
      }),
    );
  });
});

describe('listChips', () => {
  it('lists what there is room for and counts the rest', () => {
    const size = { width: 640, height: 480 };
    const chips = listChips(
      Array.from({ length: 40 }, (_, i) => caption(`class ${i}`)),
      size,
      styleFor(size),
    );
    expect(chips.at(-1)!.text.glyphs).toEqual([...`+${40 - (chips.length - 1)} more`].map(glyphOf));
    expectInside(chips, size);
  });

  it('stays inside any picture', () => {
    const side = fc.oneof(fc.integer({ min: 1, max: 60 }), fc.integer({ min: 1, max: 9000 }));
    fc.assert(
      fc.property(side, side, fc.array(fc.string(), { maxLength: 30 }), (width, height, names) => {
        const size = { width, height };
        const chips = listChips(
          names.map((name) => caption(name)),
          size,
          styleFor(size),
        );
        expectInside(chips, size);
        expect(chips.length).toBeLessThanOrEqual(names.length);
      }),
    );
  });
});

describe('words', () => {
  it('never calls something nothing', () => {
    expect([0, 0.001, 0.005, 0.584, 1].map(percent)).toEqual(['0 %', '<1 %', '1 %', '58 %', '100 %']);
  });

  it('names classes that have no name', () => {
    expect([nameOf(['cat', '  '], 0), nameOf(['cat', '  '], 1), nameOf([], 7)]).toEqual(['cat', 'class 1', 'class 7']);
  });
});
