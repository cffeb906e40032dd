import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type BoxMeasure, boxIouMatrix } from '../../src/eval/iou.ts';
import { boundaryIouMatrix, maskDice, maskIouMatrix } from '../../src/eval/mask-iou.ts';
import { COCO_SIGMAS, oksMatrix } from '../../src/eval/oks.ts';
import { rotatedIouMatrix } from '../../src/eval/rotated.ts';
import { rleFromCounts, rleFromRows } from '../../src/vision/rle.ts';
import { rleFromBox } from '../../src/vision/rle-polygon.ts';
import { sharedPath } from '../helpers/shared.ts';

const coordinate = fc.integer({ min: -500, max: 500 }).map((n) => n / 10);
const side = fc.integer({ min: 1, max: 400 }).map((n) => n / 10);
const xywh = fc.tuple(coordinate, coordinate, side, side);

describe('boxes', () => {
  it('compares every box with every other, row by row', () => {
    const a = [
      [0, 0, 10, 10],
      [5, 5, 15, 15],
    ];
    const b = [
      [0, 0, 10, 10],
      [5, 0, 15, 10],
      [100, 100, 110, 110],
    ];
    expect([...boxIouMatrix(a, b)]).toEqual([1, 50 / 150, 0, 25 / 175, 50 / 150, 0]);
    const asSizes = (boxes: number[][]) => boxes.map(([x1, y1, x2, y2]) => [x1!, y1!, x2! - x1!, y2! - y1!]);
    expect(boxIouMatrix(asSizes(a), asSizes(b), { format: 'xywh' })).toEqual(boxIouMatrix(a, b));
  });

  it('divides by the box itself inside a crowd', () => {
    const options = { format: 'xywh', crowd: [1, 0] } as const;
    const b = [
      [0, 0, 100, 100],
      [0, 0, 100, 100],
    ];
    expect([...boxIouMatrix([[90, 0, 20, 10]], b, options)]).toEqual([0.5, 100 / 10100]);
    expect(() => boxIouMatrix([], [], { measure: 'giou', crowd: [] })).toThrow('crowds have no giou');
  });

  it('has hand-computed generalised, distance and complete IoU', () => {
    const value = (measure: BoxMeasure, a: number[], b: number[]) => boxIouMatrix([a], [b], { measure })[0];
    // Side by side with a gap: hull 30 × 10, union 200; centres 20 apart, diagonal² 1000.
    const [left, right] = [
      [0, 0, 10, 10],
      [20, 0, 30, 10],
    ] as [number[], number[]];
    expect(value('giou', left, right)).toBeCloseTo(-100 / 300, 15);
    expect(value('diou', left, right)).toBeCloseTo(-0.4, 15);
    expect(value('ciou', left, right)).toBeCloseTo(-0.4, 15);
    // 10 × 10 beside 10 × 20 from one corner: IoU 1/2, hull is the larger; centres 5 apart, diagonal² 500.
    const tall = [0, 0, 10, 20];
    const v = (4 / Math.PI ** 2) * (Math.atan(1 / 2) - Math.atan(1)) ** 2;
    expect(value('giou', left, tall)).toBeCloseTo(0.5, 15);
    expect(value('diou', left, tall)).toBeCloseTo(0.5 - 25 / 500, 15);
    expect(value('ciou', left, tall)).toBeCloseTo(0.45 - (v * v) / (0.5 + v), 15);
  });

  it('is symmetric, in range, and 1 for a box and itself', () => {
    fc.assert(
      fc.property(xywh, xywh, (a, b) => {
        for (const measure of ['iou', 'giou', 'diou', 'ciou'] as const) {
          const value = boxIouMatrix([a], [b], { format: 'xywh', measure })[0]!;
          expect(value).toBeCloseTo(boxIouMatrix([b], [a], { format: 'xywh', measure })[0]!, 12);
          expect(value).toBeGreaterThanOrEqual(measure === 'iou' ? 0 : measure === 'ciou' ? -2 : -1);
          expect(value).toBeLessThanOrEqual(1 + 1e-12);
          expect(boxIouMatrix([a], [a], { format: 'xywh', measure })[0]).toBeCloseTo(1, 12);
        }
      }),
    );
  });

  it('is 0, not NaN, for boxes without area', () => {
    const point = [5, 5, 5, 5];
    for (const measure of ['iou', 'giou', 'diou', 'ciou'] as const) {
      expect(boxIouMatrix([point], [point], { measure })[0]).toBe(0);
    }
  });

  it.each([
    [[[0, 0, 1]], /box 0 must be 4 finite numbers, got 0,0,1/],
    [
      [
        [0, 0, 1, 1],
        [0, 0, 1, Number.NaN],
      ],
      /box 1 must be 4 finite/,
    ],
  ])('refuses %j', (boxes, message) => {
    expect(() => boxIouMatrix(boxes, [])).toThrow(message);
    expect(() => boxIouMatrix([], boxes)).toThrow(RangeError);
  });

  const goldens = sharedPath('eval/mask_api/mask_goldens.json.gz');
  it.skipIf(!goldens)('equals bbIou of maskApi.c (skipped where the reference data is missing)', () => {
    type Golden = { dt: number[][]; gt: number[][]; iscrowd: number[]; iou: number[][] };
    const { bbIou } = JSON.parse(gunzipSync(readFileSync(goldens!)).toString()) as { bbIou: Golden[] };
    for (const { dt, gt, iscrowd, iou } of bbIou) {
      expect([...boxIouMatrix(dt, gt, { format: 'xywh', crowd: iscrowd })]).toEqual(iou.flat());
    }
  });

  const documented = sharedPath('eval/torchmetrics/EXPECTED.json');
  it.skipIf(!documented)(
    'equals the values torchmetrics documents (skipped where the reference data is missing)',
    () => {
      const { iou_family: family } = JSON.parse(readFileSync(documented!, 'utf8')).documented;
      for (const measure of ['iou', 'giou', 'diou', 'ciou'] as const) {
        expect(boxIouMatrix([family.pred], [family.target], { measure })[0]).toBeCloseTo(family[measure], 4);
      }
    },
  );
});

describe('rotated boxes', () => {
  it('has hand-computed overlaps', () => {
    const square = [0, 0, 2, 2, 0];
    // Turned by 45° the squares share an octagon: 8 (√2 − 1) of area 4 each.
    const octagon = 8 * (Math.SQRT2 - 1);
    const b = [
      [0, 0, 2, 2, Math.PI / 4],
      [0, 0, 2, 2, Math.PI / 2],
      [1, 0, 2, 2, 0],
      [9, 9, 2, 2, 1],
      [0, 0, 0, 0, 0],
    ];
    const expected = [octagon / (8 - octagon), 1, 2 / 6, 0, 0];
    rotatedIouMatrix([square], b).forEach((iou, j) => {
      expect(iou).toBeCloseTo(expected[j]!, 12);
    });
  });

  it('equals the IoU of upright boxes without rotation and turned by the half circle', () => {
    fc.assert(
      fc.property(xywh, xywh, fc.constantFrom(0, Math.PI, -Math.PI), (a, b, angle) => {
        const centred = ([x, y, w, h]: number[]) => [x! + w! / 2, y! + h! / 2, w!, h!];
        const rotated = rotatedIouMatrix([[...centred(a), angle]], [[...centred(b), 0]])[0]!;
        expect(rotated).toBeCloseTo(boxIouMatrix([a], [b], { format: 'xywh' })[0]!, 9);
      }),
    );
  });

  it('does not change when both boxes turn, and is symmetric and in [0, 1]', () => {
    const angle = fc.double({ min: -4, max: 4, noNaN: true });
    fc.assert(
      fc.property(xywh, xywh, angle, angle, angle, (a, b, first, second, turn) => {
        const [p, q] = [[...a, first] as const, [...b, second] as const];
        const iou = rotatedIouMatrix([p], [q])[0]!;
        expect(iou).toBeGreaterThanOrEqual(0);
        expect(iou).toBeLessThanOrEqual(1);
        expect(rotatedIouMatrix([q], [p])[0]).toBeCloseTo(iou, 9);
        expect(rotatedIouMatrix([p], [p])[0]).toBeCloseTo(1, 9);
        const around = ([x, y, w, h, angle]: readonly number[]) => {
          const [cos, sin] = [Math.cos(turn), Math.sin(turn)];
          return [x! * cos - y! * sin, x! * sin + y! * cos, w!, h!, angle! + turn];
        };
        expect(rotatedIouMatrix([around(p)], [around(q)])[0]).toBeCloseTo(iou, 9);
      }),
    );
  });

  it('refuses negative sides', () => {
    expect(() => rotatedIouMatrix([[0, 0, 1, -1, 0]], [])).toThrow('rotated box 0 has a negative side: 1×-1');
  });
});

describe('masks', () => {
  const [left, right, empty] = [
    rleFromCounts([0, 6, 6], 4, 3),
    rleFromCounts([3, 6, 3], 4, 3),
    rleFromCounts([12], 4, 3),
  ];

  it('has IoU and Dice', () => {
    expect([...maskIouMatrix([left, right], [right, empty])]).toEqual([3 / 9, 0, 1, 0]);
    expect([...maskIouMatrix([left], [right], [true])]).toEqual([0.5]);
    expect(maskDice(left, right)).toBe(0.5);
    expect(maskDice(left, empty)).toBe(0);
    expect(maskDice(empty, empty)).toBe(1);
    expect(() => maskDice(left, rleFromCounts([12], 3, 4))).toThrow('cannot compare a mask of 4×3 with one of 3×4');
  });

  it('has boundary IoU', () => {
    // Frames one pixel wide around 5 × 5 squares, 16 pixels each; two pixels apart they share 2 · 3 − … = 6 + 2.
    const a = rleFromBox([2, 2, 5, 5], 20, 20);
    const b = rleFromBox([4, 2, 5, 5], 20, 20);
    expect([...boundaryIouMatrix([a, b], [a, b])]).toEqual([1, 6 / 26, 6 / 26, 1]);
    expect([...boundaryIouMatrix([rleFromRows(new Uint8Array(400), 20, 20)], [a])]).toEqual([0]);
  });
});

describe('keypoints', () => {
  const pose = (dx: number, visibility: number) =>
    Array.from({ length: 51 }, (_, i) => (i % 3 === 2 ? visibility : 10 * i + (i % 3 === 0 ? dx : 0)));
  const truth = (visibility: number) => ({
    keypoints: [pose(0, visibility)],
    boxes: [[0, 0, 500, 500]],
    areas: [10_000],
  });

  it('is the mean of a Gaussian over labelled points', () => {
    const gaussians = [...COCO_SIGMAS].map((sigma) => Math.exp(-(20 ** 2) / (2 * 10_000 * (2 * sigma) ** 2)));
    const mean = gaussians.reduce((a, b) => a + b) / 17;
    expect(oksMatrix([pose(20, 1)], truth(2))[0]).toBeCloseTo(mean, 12);
    expect(oksMatrix([pose(0, 1)], truth(2))[0]).toBe(1);

    const onlyNose = truth(0);
    onlyNose.keypoints[0]![2] = 1;
    expect(oksMatrix([pose(20, 1)], onlyNose)[0]).toBeCloseTo(gaussians[0]!, 12);
  });

  it('measures the distance out of the doubled box where nothing is labelled', () => {
    expect(oksMatrix([pose(0, 1)], truth(0))[0]).toBe(1);
    expect(oksMatrix([pose(3000, 1)], truth(0))[0]).toBeLessThan(1e-6);
  });

  it('is 1 for the same points of a person without area', () => {
    expect(oksMatrix([pose(0, 1)], { ...truth(2), areas: [0] })[0]).toBe(1);
  });

  it('refuses lists that do not fit the sigmas', () => {
    expect(() => oksMatrix([[1, 2, 3]], truth(2))).toThrow('pose 0 must be 51 finite numbers');
    expect(() => oksMatrix([], { ...truth(2), areas: [] })).toThrow('1 true poses have 1 boxes and 0 areas');
  });
});
