import { describe, expect, it } from 'vitest';
import { BLACK, classColor, contrastRatio, textColor, WHITE } from '../../src/render/color.ts';

const colors = Array.from({ length: 1000 }, (_, id) => classColor(id));

describe('classColor', () => {
  it('is a whole 8-bit colour for every class', () => {
    expect(colors.flat().every((v) => Number.isInteger(v) && v >= 0 && v <= 255)).toBe(true);
  });

  it('is the same colour every time', () => {
    expect(classColor(17)).toEqual(colors[17]);
  });

  it('tells each of the first 80 classes from all others and neighbours clearly', () => {
    const distance = (a: readonly number[], b: readonly number[]) => Math.hypot(...a.map((v, i) => v - b[i]!));
    for (let i = 0; i < 80; i++) {
      expect(distance(colors[i]!, colors[i + 1]!)).toBeGreaterThan(80);
      for (let j = 0; j < i; j++) expect(distance(colors[i]!, colors[j]!)).toBeGreaterThan(5);
    }
  });

  it('stands out from black and is neither grey nor white', () => {
    for (const color of colors) {
      expect(contrastRatio(color, BLACK)).toBeGreaterThan(4.5);
      expect(Math.max(...color) - Math.min(...color)).toBeGreaterThan(50);
    }
  });
});

describe('textColor', () => {
  it('reads with at least 4.5 to 1 on every class colour, as WCAG AA asks', () => {
    for (const color of colors) expect(contrastRatio(textColor(color), color)).toBeGreaterThanOrEqual(4.5);
  });

  it('is white on dark and black on light', () => {
    expect(textColor([0, 0, 139])).toEqual(WHITE);
    expect(textColor([255, 255, 0])).toEqual(BLACK);
  });
});

describe('contrastRatio', () => {
  it('gives the published extremes and a published grey', () => {
    expect(contrastRatio(BLACK, WHITE)).toBeCloseTo(21, 10);
    expect(contrastRatio(WHITE, WHITE)).toBe(1);
    // #767676 is the lightest grey that passes AA on white.
    expect(contrastRatio([0x76, 0x76, 0x76], WHITE)).toBeCloseTo(4.54, 2);
  });
});
