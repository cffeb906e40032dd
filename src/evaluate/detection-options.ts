import { z } from 'zod';
import { AppError } from '../errors.ts';
import type { AreaRange, CocoOptions } from '../eval/coco/types.ts';
import { bool, nested, numbers, numeric } from './fields.ts';

export const iouTypes = ['bbox', 'segm', 'keypoints', 'boundary'] as const;
const analyses = ['sizes', 'bootstrap', 'conventions', 'worst', 'curves', 'confusion', 'errors'] as const;
export const protocols = ['coco', 'voc2007', 'voc2012'] as const;

const squarePixels = z.number().min(0);
const areaRange = z.union([
  z.tuple([squarePixels, squarePixels]),
  z.strictObject({ label: z.string().min(1).max(100), min: squarePixels, max: squarePixels }),
]);
const ids = numbers(z.int(), 10_000_000);

/** Options of POST /v1/evaluate/detection and `miru evaluate`, as they arrive. */
export const detectionOptionsSchema = z
  .strictObject({
    iou_type: z.enum(iouTypes).describe('What is compared: boxes (default), masks, keypoints, or boundaries of masks'),
    protocol: z
      .enum(protocols)
      .describe('COCO (default), or Pascal VOC with its 11-point (2007) or all-point (2012) average precision'),
    max_detections: numbers(z.int().min(1).max(1_000_000), 10).describe(
      'Limits on detections per image and class. COCO’s AP asks for 100, for keypoints 20. Default 1, 10, 100; 20',
    ),
    area_ranges: nested(z.array(areaRange).min(1).max(20)).describe(
      'Sizes of objects in square pixels: [min, max] in COCO’s order all, small, medium, large (for keypoints without small), or with labels',
    ),
    iou_thresholds: numbers(z.number().min(0).max(1), 100).describe('Default 0.5, 0.55, …, 0.95; Pascal VOC: 0.5'),
    use_categories: bool.describe('Whether a detection must be of the right class. Default true'),
    image_ids: ids.describe('Score these images only'),
    category_ids: ids.describe('Score these categories only'),
    keypoint_sigmas: numbers(z.number().gt(0), 1000).describe(
      'Standard deviation of each keypoint; default COCO’s for the 17 of a person',
    ),
    sizes: numbers(z.number().gt(0).max(1e5), 20).describe(
      'Add AP and AR by size of object, in bins between these sides of a square in pixels; 32,96 are COCO’s',
    ),
    bootstrap: numeric(z.int().min(1).max(10_000)).describe(
      'Add 95 % intervals of AP from so many resamples of the images, say 1000; also for the comparison with a baseline',
    ),
    conventions: bool.describe(
      'Add AP of boxes at IoU 0.5 as COCO, Pascal VOC and Ultralytics define it, and what causes each difference',
    ),
    worst: numeric(z.int().min(1).max(100_000)).describe('Add scores of so many images, the worst first'),
    curves: bool.describe('Add precision and recall by score, at IoU 0.5, and the score where F1 is best'),
    confusion: bool.describe('Add the confusion matrix of detections from score 0.25 at IoU 0.5'),
    errors: bool.describe('Add what kinds of errors cost how much AP (TIDE)'),
  })
  .partial();

export type DetectionOptions = z.output<typeof detectionOptionsSchema>;

/** @throws AppError invalid_option naming the option and what was expected. */
export function parseDetectionOptions(fields: Readonly<Record<string, unknown>>): DetectionOptions {
  const options = parseFields(detectionOptionsSchema, fields, 'files ‘ground_truth’ and ‘predictions’');
  const { protocol = 'coco', iou_type = 'bbox' } = options;
  if (protocol !== 'coco') {
    if (iou_type !== 'bbox') throw new AppError('invalid_option', `Pascal VOC compares boxes, not ${iou_type}`);
    for (const name of ['max_detections', 'area_ranges', 'use_categories', 'keypoint_sigmas', ...analyses] as const) {
      if (options[name] !== undefined) throw new AppError('invalid_option', `Pascal VOC has no ${name}`);
    }
  }
  if (options.conventions && (iou_type !== 'bbox' || options.use_categories === false)) {
    throw new AppError('invalid_option', 'the conventions differ on boxes of classes only');
  }
  return options;
}

/** @throws AppError invalid_option, which for unknown options names those there are. */
export function parseFields<S extends z.ZodObject>(
  schema: S,
  fields: Readonly<Record<string, unknown>>,
  besides: string,
): z.output<S> {
  const parsed = schema.safeParse(fields);
  if (parsed.success) return parsed.data;
  const { issues } = parsed.error;
  const unknown = issues.flatMap((issue) => (issue.code === 'unrecognized_keys' ? issue.keys : []));
  if (unknown.length > 0) {
    const known = Object.keys(schema.shape).join(', ');
    const given = unknown.map((name) => `‘${name}’`).join(', ');
    throw new AppError('invalid_option', `unknown option ${given}; the options are ${known}, beside the ${besides}`);
  }
  const text = issues.map(({ path, message }) => [path.join('.'), message].filter(Boolean).join(': ')).join('; ');
  throw new AppError('invalid_option', text);
}

export function toCocoOptions(options: DetectionOptions): CocoOptions {
  const { iou_type: iouType = 'bbox' } = options;
  const labels = iouType === 'keypoints' ? ['all', 'medium', 'large'] : ['all', 'small', 'medium', 'large'];
  const areaRanges = options.area_ranges?.map((range, i): AreaRange => {
    return Array.isArray(range) ? { label: labels[i] ?? `range ${i}`, min: range[0], max: range[1] } : range;
  });
  return {
    iouType,
    ...(options.max_detections && { maxDetections: options.max_detections }),
    ...(areaRanges && { areaRanges }),
    ...(options.iou_thresholds && { iouThresholds: options.iou_thresholds }),
    ...(options.use_categories !== undefined && { useCategories: options.use_categories }),
    ...(options.image_ids && { imageIds: options.image_ids }),
    ...(options.category_ids && { categoryIds: options.category_ids }),
    ...(options.keypoint_sigmas && { sigmas: options.keypoint_sigmas }),
  };
}
