import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { connectedComponents } from '../../src/vision/components.ts';
import { convexHull, depthInside, halfExtents, minAreaRect } from '../../src/vision/rotated-rect.ts';

function components(rows: readonly string[]) {
  const text = rows.join('');
  return connectedComponents(rows[0]!.length, rows.length, (cell) => text[cell] === '#');
}

describe('connectedComponents', () => {
  it('joins cells over corners, in the order of their first cells', () => {
    const { count, labels } = components(['#..#', '.#..', '...#', '#.#.']);
    expect(count).toBe(4);
    expect([...labels]).toEqual([1, 0, 0, 2, 0, 1, 0, 0, 0, 0, 0, 3, 4, 0, 3, 0]);
  });

  it('does not join the end of a row with the start of the next', () => {
    expect(components(['..#', '#..']).count).toBe(2);
    expect(components(['...', '...']).count).toBe(0);
  });

  it('follows a spiral', () => {
    expect(components(['#####', '....#', '###.#', '#...#', '#####']).count).toBe(1);
  });

  it('gives neighbours one label, whatever the map', () => {
    fc.assert(
      fc.property(fc.array(fc.boolean(), { minLength: 48, maxLength: 48 }), (set) => {
        const { count, labels } = connectedComponents(8, 6, (cell) => set[cell]!);
        expect(new Set(labels.filter((l) => l > 0)).size).toBe(count);
        labels.forEach((label, i) => {
          expect(label > 0).toBe(set[i]);
          for (const j of [i + 1, i + 7, i + 8, i + 9]) {
            const adjacent = j < 48 && Math.abs((j % 8) - (i % 8)) <= 1;
            if (adjacent && label > 0 && labels[j]! > 0) expect(labels[j]).toBe(label);
          }
        });
      }),
    );
  });
});

describe('convexHull', () => {
  it('keeps corners only, whatever the order', () => {
    const hull = convexHull([1, 1, 0, 0, 2, 0, 2, 2, 0, 2, 1, 0, 1, 2, 0, 0]);
    expect(hull).toEqual([0, 0, 2, 0, 2, 2, 0, 2]);
  });
});

describe('minAreaRect', () => {
  it('finds a rectangle again at any angle', () => {
    fc.assert(
      fc.property(
        fc.double({ min: -3, max: 3, noNaN: true }),
        fc.double({ min: 4, max: 50, noNaN: true }),
        fc.double({ min: 1, max: 3.5, noNaN: true }),
        (angle, long, short) => {
          const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
          const corner = (u: number, v: number) => [
            10 + (u * long * cos) / 2 - (v * short * sin) / 2,
            20 + (u * long * sin) / 2 + (v * short * cos) / 2,
          ];
          const rect = minAreaRect(convexHull([corner(-1, -1), corner(1, -1), corner(1, 1), corner(-1, 1)].flat()));
          expect(rect.centerX).toBeCloseTo(10, 6);
          expect(rect.centerY).toBeCloseTo(20, 6);
          expect(Math.max(rect.width, rect.height)).toBeCloseTo(long, 6);
          expect(Math.min(rect.width, rect.height)).toBeCloseTo(short, 6);
        },
      ),
    );
  });

  it('is empty for no points', () => {
    expect(minAreaRect([])).toEqual({ centerX: 0, centerY: 0, width: 0, height: 0, angle: 0 });
  });
});

describe('rotated rectangles', () => {
  const tilted = { centerX: 5, centerY: 5, width: 4 * Math.SQRT2, height: 2 * Math.SQRT2, angle: Math.PI / 4 };

  it('have an upright box around them', () => {
    expect(halfExtents(tilted).x).toBeCloseTo(3, 9);
    expect(halfExtents(tilted).y).toBeCloseTo(3, 9);
    expect(halfExtents({ ...tilted, angle: 0 })).toEqual({ x: 2 * Math.SQRT2, y: Math.SQRT2 });
  });

  it('measure depth from the nearest side', () => {
    expect(depthInside(tilted, 5, 5)).toBeCloseTo(Math.SQRT2, 9);
    // Two along the diagonal that the long side follows: 2√2 of 2√2.
    expect(depthInside(tilted, 7, 7)).toBeCloseTo(0, 9);
    expect(depthInside(tilted, 3, 7)).toBeCloseTo(-Math.SQRT2, 9);
  });
});
