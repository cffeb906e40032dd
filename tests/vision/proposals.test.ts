import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { fitFrame, fitWindow, ownFrame } from '../../src/vision/frame.ts';
import { slidingWindows, toInputBoxes } from '../../src/vision/proposals.ts';
import { stackRows } from '../../src/vision/tensor.ts';

const side = fc.integer({ min: 1, max: 5000 });

describe('slidingWindows', () => {
  test('a square picture: the whole of it first, then smaller and smaller', () => {
    const windows = slidingWindows({ width: 100, height: 100 });
    expect([...windows.subarray(0, 4)]).toEqual([0, 0, 100, 100]);
    expect(windows.length / 4).toBeGreaterThan(200);
  });

  test('they lie inside, have an extent and leave no pixel out', () => {
    fc.assert(
      fc.property(side, side, (width, height) => {
        const windows = slidingWindows({ width, height });
        let [right, bottom, inside] = [0, 0, true];
        for (let i = 0; i < windows.length; i += 4) {
          const [xmin, ymin, xmax, ymax] = windows.subarray(i, i + 4) as unknown as [number, number, number, number];
          inside &&= xmin >= 0 && ymin >= 0 && xmax > xmin && ymax > ymin;
          [right, bottom] = [Math.max(right, xmax), Math.max(bottom, ymax)];
        }
        expect(inside).toBe(true);
        expect(right).toBeCloseTo(width, 1);
        expect(bottom).toBeCloseTo(height, 1);
      }),
      { numRuns: 50 },
    );
  });

  test('there are never very many', () => {
    fc.assert(
      fc.property(side, side, (width, height) => {
        expect(slidingWindows({ width, height }).length / 4).toBeLessThan(1500);
      }),
    );
  });
});

describe('toInputBoxes', () => {
  test('boxes follow the picture into its letterbox, cut to it', () => {
    const frame = fitFrame(
      { width: 200, height: 100 },
      { mode: 'letterbox', width: 100, height: 100, anchor: 'center' },
    );
    expect([...toInputBoxes([0, 0, 200, 100, -50, 20, 400, 60], frame)]).toEqual([0, 25, 100, 75, 0, 35, 100, 55]);
  });

  test('a picture as it is', () => {
    expect([...toInputBoxes([1, 2, 30, 40], ownFrame({ width: 50, height: 50 }))]).toEqual([1, 2, 30, 40]);
  });
});

describe('fitWindow', () => {
  const input = { width: 100, height: 100 };

  test('a window and the context around it', () => {
    const { region, frame } = fitWindow([40, 40, 100, 100], { width: 200, height: 200 }, input, 20);
    expect(region).toEqual({ left: 20, top: 20, width: 100, height: 100 });
    expect(frame).toMatchObject({ content: input, offsetX: 0, offsetY: 0 });
  });

  test('what lies outside the picture is left blank', () => {
    const { region, frame } = fitWindow([0, 0, 60, 60], { width: 60, height: 200 }, input, 20);
    expect(region).toEqual({ left: 0, top: 0, width: 60, height: 80 });
    expect(frame).toMatchObject({ content: { width: 60, height: 80 }, offsetX: 20, offsetY: 20 });
  });

  test('any window, inside the picture or not, gives a region inside it and a place inside the input', () => {
    const at = fc.double({ min: -9000, max: 9000, noNaN: true });
    fc.assert(
      fc.property(
        side,
        side,
        at,
        at,
        at,
        at,
        fc.integer({ min: 0, max: 200 }),
        (width, height, a, b, c, d, context) => {
          const { region, frame } = fitWindow(
            [a, b, a + Math.abs(c), b + Math.abs(d)],
            { width, height },
            input,
            context,
          );
          expect(region.left).toBeGreaterThanOrEqual(0);
          expect(region.left + region.width).toBeLessThanOrEqual(width);
          expect(region.top + region.height).toBeLessThanOrEqual(height);
          expect(Math.min(region.width, region.height, frame.content.width, frame.content.height)).toBeGreaterThan(0);
          expect(frame.offsetX + frame.content.width).toBeLessThanOrEqual(100);
          expect(frame.offsetY + frame.content.height).toBeLessThanOrEqual(100);
        },
      ),
      { numRuns: 300 },
    );
  });
});

describe('stackRows', () => {
  const run = (...numbers: number[]) => ({
    a: { dtype: 'float32' as const, dims: [1, numbers.length], data: Float32Array.from(numbers) },
  });

  test('one row a run', () => {
    expect(stackRows([run(1, 2), run(3, 4), run(5, 6)]).a).toEqual({
      dtype: 'float32',
      dims: [3, 2],
      data: Float32Array.of(1, 2, 3, 4, 5, 6),
    });
    expect(stackRows([])).toEqual({});
  });

  test('rows of another length are an error', () => {
    expect(() => stackRows([run(1, 2), run(3)])).toThrow('before it was 1,2');
  });
});
