import type { CocoData } from '../eval/coco/types.ts';
import { evaluateVoc, type VocDetections, type VocResult, type VocTruths } from '../eval/voc.ts';
import type { DetectionAnswer } from './detection.ts';
import type { DetectionOptions } from './detection-options.ts';

const DEFAULT_THRESHOLDS = [0.5];

/** Everything but AP at some IoUs is COCO's own. */
const UNDEFINED = { APs: -1, APm: -1, APl: -1, AR1: -1, AR10: -1, AR100: -1, ARs: -1, ARm: -1, ARl: -1 };

/**
 * Average precision as Pascal VOC has it, at one IoU threshold or as the mean over several. Boxes are continuous here:
 * VOC's inclusive corners and its +1 have become widths and heights when the data set was read.
 */
export function evaluateAsVoc(
  data: CocoData,
  protocol: 'voc2007' | 'voc2012',
  options: DetectionOptions,
): DetectionAnswer {
  const thresholds = options.iou_thresholds ?? DEFAULT_THRESHOLDS;
  const { truths, detections } = data;
  const isImage = among(data.imageIds, options.image_ids);
  const isClass = among(data.categoryIds, options.category_ids);
  const keep = (rows: { images: Int32Array; categories: Int32Array }) =>
    Array.from(rows.images, (_, row) => row).filter(
      (row) => isImage(rows.images[row]!) && isClass(rows.categories[row]!),
    );
  const found = keep(detections);
  const asked = keep(truths);
  const vocTruths: VocTruths = {
    ...toColumns(truths, asked),
    difficult: asked.map((row) => truths.ignore[row]! || (truths.difficult?.[row] ?? 0)),
  };
  const vocDetections: VocDetections = {
    ...toColumns(detections, found),
    scores: found.map((row) => detections.scores[row]!),
  };

  const interpolation = protocol === 'voc2007' ? '11-point' : 'all-point';
  const results = new Map<number, VocResult>();
  for (const iouThreshold of thresholds) {
    const vocOptions = { interpolation, iouThreshold, inclusive: false } as const;
    results.set(iouThreshold, evaluateVoc(vocTruths, vocDetections, data.categoryIds.length, vocOptions));
  }
  const all = [...results.values()];
  const apOf = (k: number, of: readonly (VocResult | undefined)[]) =>
    mean(of.map((result) => result?.classes[k]?.ap ?? -1));
  const classes = Array.from(data.categoryIds, (id, k) => ({
    class_id: id,
    label: data.categoryNames[k]!,
    AP: apOf(k, all),
    AP50: apOf(k, [results.get(0.5)]),
    AP75: apOf(k, [results.get(0.75)]),
    AR100: -1,
    ground_truth: all[0]!.classes[k]!.truths,
    predictions: all[0]!.classes[k]!.detections,
  })).filter((_, k) => isClass(k));
  return {
    protocol,
    iou_type: 'bbox',
    stats: {
      AP: mean(all.map(({ map }) => map)),
      AP50: results.get(0.5)?.map ?? -1,
      AP75: results.get(0.75)?.map ?? -1,
      ...UNDEFINED,
    },
    per_class: classes,
    images: Array.from(data.imageIds).filter((_, i) => isImage(i)).length,
    parameters: { iou_thresholds: thresholds },
    warnings: data.warnings,
  };
}

/** Whether the place of an id is one of those that are wanted. */
function among(ids: Float64Array, wanted: readonly number[] | undefined): (place: number) => boolean {
  if (!wanted) return () => true;
  const set = new Set(wanted);
  return (place) => set.has(ids[place]!);
}

function toColumns(rows: CocoData['truths'] | CocoData['detections'], kept: readonly number[]) {
  const boxes = new Float64Array(4 * kept.length);
  kept.forEach((row, i) => {
    const [x, y, width, height] = rows.boxes.subarray(4 * row, 4 * row + 4) as unknown as [
      number,
      number,
      number,
      number,
    ];
    boxes.set([x, y, x + width, y + height], 4 * i);
  });
  return { images: kept.map((row) => rows.images[row]!), classes: kept.map((row) => rows.categories[row]!), boxes };
}

/** −1 where all are. */
function mean(values: readonly number[]): number {
  const defined = values.filter((value) => value >= 0);
  return defined.length ? defined.reduce((a, b) => a + b, 0) / defined.length : -1;
}
