import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { loadCoco } from '../../../src/eval/coco/load.ts';
import { DETECTION_STATES, matchCoco } from '../../../src/eval/coco/matches.ts';
import { sharedPath } from '../../helpers/shared.ts';
import { type Case, optionsOf } from './compare.ts';
import { groundTruth, result, truth } from './helpers.ts';

const BOX = [10, 10, 40, 40];

describe('matchCoco', () => {
  it('tells which truth each detection got, and what it counts for', () => {
    const truths = [truth(1, [60, 60, 30, 30], { iscrowd: 1 }), truth(2, BOX)];
    const results = [result(0.9, [0, 80, 10, 10]), result(0.8, BOX), result(0.7, [65, 65, 5, 5]), result(0.6, BOX)];
    const data = loadCoco(groundTruth(truths), results);
    const { truths: rows, states } = matchCoco(data, { iouThresholds: [0.5], maxDetections: [3] });
    const names = (from: number) => Array.from(states.subarray(from, from + 4), (state) => DETECTION_STATES[state]);
    expect([...rows.subarray(0, 4)]).toEqual([-1, 1, 0, -1]);
    expect(names(0)).toEqual(['false-positive', 'true-positive', 'ignored', 'beyond-limit']);
    // Large objects: the truth is too small to count, and so is the unmatched detection.
    expect([...rows.subarray(12, 16)]).toEqual([-1, 1, 0, -1]);
    expect(names(12)).toEqual(['ignored', 'ignored', 'ignored', 'beyond-limit']);
  });

  /** Image, category, area range, ids of detections and truths, then for each threshold what each detection got. */
  type EvalImage = [number, number, [number, number], number[], number[], number[][], number[], number[][]] | null;
  type MatchCase = Omit<Case, 'dt' | 'expected'> & {
    dt: { category_id: number }[];
    expected: { evalImgs?: EvalImage[] };
  };

  const folder = sharedPath('eval/fuzz');
  it.skipIf(!folder).each(['bbox', 'segm', 'keypoints'])(
    'decides as pycocotools does: %s (skipped where the reference data is missing)',
    (kind) => {
      const lines = gunzipSync(readFileSync(`${folder}/${kind}.jsonl.gz`))
        .toString()
        .trim()
        .split('\n');
      let compared = 0;
      for (const { iouType, params, gt, dt, expected } of lines.map((line) => JSON.parse(line) as MatchCase)) {
        if (!expected.evalImgs) continue;
        const data = loadCoco(gt, dt, { iouType });
        const options = optionsOf(iouType, params);
        const { truths, states, params: resolved } = matchCoco(data, options);
        // Results that name unknown categories have ids in COCO and no rows here.
        const known = dt.flatMap(({ category_id }, i) => (data.categoryIds.includes(category_id) ? [i + 1] : []));
        for (const image of expected.evalImgs) {
          if (!image) continue;
          const [, , range, ids, , matches, , ignored] = image;
          const a = resolved.areaRanges.findIndex(({ min, max }) => min === range[0] && max === range[1]);
          ids.forEach((id, i) => {
            const row = known.indexOf(id);
            matches.forEach((byThreshold, t) => {
              const at = (a * matches.length + t) * known.length + row;
              expect(truths[at]! < 0 ? 0 : data.truths.ids[truths[at]!]).toBe(byThreshold[i]);
              expect(DETECTION_STATES[states[at]!] === 'ignored').toBe(ignored[t]![i] === 1);
              compared++;
            });
          });
        }
      }
      expect(compared).toBeGreaterThan(1000);
    },
  );
});
