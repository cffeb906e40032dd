import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { evaluateCoco } from '../../../src/eval/coco/evaluate.ts';
import { loadCoco } from '../../../src/eval/coco/load.ts';
import { summarizeKeypoints } from '../../../src/eval/coco/summarize.ts';
import { sharedPath } from '../../helpers/shared.ts';
import { type Case, check, compare, difference, TOLERANCE } from './compare.ts';

const folder = sharedPath('eval');
const file = (name: string) => readFileSync(`${folder}/${name}`);
const json = (name: string) => JSON.parse(file(name).toString());

describe.skipIf(!folder)('answers of pycocotools (skipped where the reference data is missing)', () => {
  it.each(['bbox', 'segm', 'keypoints'] as const)('dense edge cases: %s', (iouType) => {
    const lines = gunzipSync(file(`fuzz/${iouType}.jsonl.gz`))
      .toString()
      .trim()
      .split('\n');
    for (const line of lines) {
      const { name, gt, dt, params, expected } = JSON.parse(line) as Case;
      check(gt, dt, iouType, params, expected, name);
    }
  });

  const val2014 = 'coco_val2014_100/instances_val2014';
  it.each([
    [`${val2014}_100`, `${val2014}_fakebbox100_results`, 'bbox', 'coco_val2014_100/EXPECTED.bbox', {}],
    [
      `${val2014}_100`,
      `${val2014}_fakebbox100_results`,
      'bbox',
      'coco_val2014_100/EXPECTED.bbox.useCats0',
      { useCats: 0 },
    ],
    [`${val2014}_100`, `${val2014}_fakesegm100_results`, 'segm', 'coco_val2014_100/EXPECTED.segm', {}],
    [`${val2014}_100`, `${val2014}_fakesegm100_results`, 'bbox', 'coco_val2014_100/EXPECTED.bbox_from_segm', {}],
    ['coco_mini/instances_val2017', 'coco_mini/dt_bbox', 'bbox', 'coco_mini/EXPECTED.bbox', {}],
    ['coco_mini/instances_val2017', 'coco_mini/dt_segm', 'segm', 'coco_mini/EXPECTED.segm', {}],
    ['coco_mini/person_keypoints_val2017', 'coco_mini/dt_keypoints', 'keypoints', 'coco_mini/EXPECTED.keypoints', {}],
    ['gen_bbox1x/gt', 'gen_bbox1x/dt', 'bbox', 'gen_bbox1x/EXPECTED.bbox', {}],
    ['gen_segm/gt', 'gen_segm/dt', 'segm', 'gen_segm/EXPECTED.segm', {}],
    ['gen_keypoints/gt', 'gen_keypoints/dt', 'keypoints', 'gen_keypoints/EXPECTED.keypoints', {}],
    ['fce_small/gt_dataset', 'fce_small/dt_dataset', 'bbox', 'fce_small/EXPECTED.bbox', {}],
    ['fce_small/gt_dataset', 'fce_small/dt_dataset', 'segm', 'fce_small/EXPECTED.segm', {}],
    ['fce_keypoints/gt_dataset', 'fce_keypoints/dt_dataset', 'keypoints', 'fce_keypoints/EXPECTED.keypoints', {}],
    [`${val2014}_100`, `${val2014}_fakesegm100_results`, 'boundary', 'coco_val2014_100/EXPECTED.boundary', {}],
    ['gen_segm/gt', 'gen_segm/dt', 'boundary', 'gen_segm/EXPECTED.boundary', {}],
  ] as const)('%s with %s: %s', (gt, dt, iouType, answer, params) => {
    const { AP_per_class, ...expected } = json(`${answer}.json`);
    // boundary-iou-api gives the classes of area "all" alone.
    const perClass = Array.isArray(AP_per_class) ? { all: AP_per_class } : AP_per_class;
    check(json(`${gt}.json`), json(`${dt}.json`), iouType, params, { ...expected, AP_per_class: perClass }, answer);
  });

  it('ids written as strings', () => {
    const [gt, dt] = [json('fce_ignore/gt_ignore_test.json'), json('fce_ignore/dt_ignore_test.json')];
    compare(evaluateCoco(loadCoco(gt, dt)), json('fce_ignore/EXPECTED.bbox.json'), 'fce_ignore');
  });

  it('CrowdPose: 14 keypoints, areas from boxes, images by crowding', () => {
    const { sigmas, stats } = json('fce_crowdpose/EXPECTED.json');
    const gt = json('fce_crowdpose/example_crowdpose_val.json');
    // CrowdPose annotations have no area; faster_coco_eval takes this part of the box.
    for (const annotation of gt.annotations) annotation.area = annotation.bbox[2] * annotation.bbox[3] * 0.53;
    const data = loadCoco(gt, json('fce_crowdpose/example_crowdpose_preds.json'), { iouType: 'keypoints' });
    const result = evaluateCoco(data, { iouType: 'keypoints', sigmas });
    const { AP, AP50, AP75, AR, AR50, AR75 } = summarizeKeypoints(result);
    const expected = [stats.AP_all, stats.AP_50, stats.AP_75, stats.AR_all, stats.AR_50, stats.AR_75];
    expect(difference([AP, AP50, AP75, AR, AR50, AR75], expected)).toBeLessThanOrEqual(TOLERANCE);
  });

  it('torchmetrics cases', () => {
    type Answers = Record<'pycocotools_stats' | 'classes' | 'map_per_class' | 'mar_last_per_class', number[]>;
    type TorchmetricsCase = { coco_gt: unknown; coco_dt: unknown; expected: Answers } & Record<
      'iou_thresholds' | 'max_detection_thresholds',
      number[] | undefined
    >;
    const { cases } = json('torchmetrics/EXPECTED.json') as { cases: Record<string, TorchmetricsCase> };
    for (const [name, { coco_gt, coco_dt, expected, iou_thresholds, max_detection_thresholds }] of Object.entries(
      cases,
    )) {
      const params = {
        ...(iou_thresholds && { iouThrs: iou_thresholds }),
        ...(max_detection_thresholds && { maxDets: max_detection_thresholds }),
      };
      const { pycocotools_stats: stats, classes, map_per_class, mar_last_per_class } = expected;
      const answers = {
        stats,
        catIds: classes,
        AP_per_class: { all: map_per_class },
        AR_per_class: { all: mar_last_per_class },
      };
      check(coco_gt, coco_dt, 'bbox', params, answers, name);
    }
  });
});
