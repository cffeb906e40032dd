import { z } from 'zod';
import { statusByCode } from '../errors.ts';
import { iouTypes, protocols } from '../evaluate/detection-options.ts';
import { inputSpecSchema } from '../vision/input-spec.ts';

/** Schemas of the answers: the OpenAPI document shows them and the tests hold the answers against them. */

const name = { label: z.string(), class_id: z.int().min(0) };
const score = z.number().min(0).max(1);
const rle = z.object({ size: z.tuple([z.int(), z.int()]), counts: z.string() }).describe('COCO compressed RLE');
const mask = z.union([rle, z.array(z.array(z.number())), z.string()]).describe('RLE, polygons, or a base64 PNG');

const detection = z.object({
  ...name,
  score,
  box: z.object({ xmin: z.number(), ymin: z.number(), xmax: z.number(), ymax: z.number() }),
  mask: mask.optional(),
  keypoints: z.array(z.object({ name: z.string(), x: z.number(), y: z.number(), score })).optional(),
  /** Oriented boxes: width is the longer side, angle in radians from x towards y, 0 to π. */
  rotated_box: z
    .object({ cx: z.number(), cy: z.number(), width: z.number(), height: z.number(), angle: z.number() })
    .optional(),
  /** The four corners of an oriented box, in order around it. */
  polygon: z.array(z.tuple([z.number(), z.number()])).optional(),
});
const segment = z.object({ ...name, pixels: z.int(), fraction: z.number(), mask: mask.optional() });
const task = z.enum(['detection', 'instance-segmentation', 'semantic-segmentation', 'classification']);
const ms = z.number().min(0);

export const prediction = z.object({
  model: z.string(),
  task,
  results: z.array(
    z.object({
      image: z.object({ name: z.string(), width: z.int(), height: z.int() }),
      detections: z.array(detection).optional(),
      segments: z.array(segment).optional(),
      map: z.object({ encoding: z.literal('png'), data: z.string() }).optional(),
      classes: z.array(z.object({ ...name, score })).optional(),
    }),
  ),
  timing: z.object({
    decode_ms: ms,
    preprocess_ms: ms,
    queue_ms: ms,
    inference_ms: ms,
    postprocess_ms: ms,
    total_ms: ms,
  }),
});

const side = z.int().nullable();
const modelSummary = z.object({
  id: z.string(),
  task: task.nullable(),
  family: z.string().nullable(),
  classes: z.int().nullable(),
  input: z.object({ width: side, height: side }).nullable(),
  provider: z.string().nullable(),
  state: z.enum(['ready', 'loading', 'unloaded', 'failed']),
  default: z.boolean(),
  license: z.string().nullable(),
  source: z.string().nullable(),
  error: z.string().optional().describe('Why it cannot be served'),
});

export const modelList = z.object({ models: z.array(modelSummary) });

const values = z.array(
  z.object({ name: z.string(), dtype: z.string(), dims: z.array(z.union([z.int(), z.string(), z.null()])) }),
);

export const modelDetail = modelSummary.extend({
  description: z.string().nullable(),
  upstream: z.string().nullable(),
  metrics: z.record(z.string(), z.unknown()).nullable(),
  provider_fallback: z.string().optional(),
  labels: z.array(z.string()).optional(),
  labels_from: z.string().optional(),
  input_spec: inputSpecSchema.optional(),
  params: z.unknown().optional(),
  defaults: z.object({ score_threshold: z.number(), iou_threshold: z.number(), max_detections: z.int() }).optional(),
  recognition: z
    .object({
      by: z.enum(['manifest', 'graph']),
      confidence: z.number(),
      evidence: z.array(z.string()),
      alternatives: z.array(z.unknown()),
    })
    .optional(),
  signature: z
    .object({
      inputs: values,
      outputs: values,
      metadata: z.record(z.string(), z.string()),
      producer: z.string(),
      irVersion: z.int(),
      opsets: z.record(z.string(), z.int()),
      operators: z.record(z.string(), z.int()),
    })
    .optional(),
  sha256: z.string().optional(),
});

const ap = z.number().min(-1).max(1);

const values01 = z.array(z.number().min(0).max(1));
const best = z.object({ score: z.number(), precision: ap, recall: ap, f1: ap }).nullable();
const curve = { scores: z.array(z.number()), precision: values01, recall: values01, best };
const cost = z.object({ count: z.int(), cost: ap });
const interval = { value: z.number(), low: z.number(), high: z.number() };
const classId = { class_id: z.int(), label: z.string() };
const imageName = { image_id: z.int(), file_name: z.string().optional() };
const imageScores = { lrp: ap, f1: ap, true_positives: z.int(), false_positives: z.int(), missed: z.int() };
const imageChanges = z.array(
  z.object({
    ...imageName,
    baseline: z.object(imageScores),
    predictions: z.object(imageScores),
    difference: z.number().describe('Of the LRP errors; below 0 is better'),
  }),
);
const compared = { baseline: ap, predictions: ap, difference: z.object(interval) };

const sizes = z.array(
  z.object({ label: z.string(), min: z.number(), max: z.number().nullable(), AP: ap, AR: ap, ground_truth: z.int() }),
);
const bootstrap = z.object({
  resamples: z.int(),
  confidence: z.number(),
  AP: z.object(interval),
  per_class: z.array(z.object({ ...classId, ...interval })),
});
const comparison = z.object({
  resamples: z.int(),
  confidence: z.number(),
  AP: z.object(compared),
  better: z.number().describe('Part of the resamples in which the predictions are better than the baseline'),
  per_class: z.array(z.object({ ...classId, ...compared })).describe('Most improved first'),
  images: z.object({
    better: z.int(),
    worse: z.int(),
    same: z.int(),
    most_improved: imageChanges,
    most_worsened: imageChanges,
  }),
});
const conventions = z.object({
  iou_threshold: z.number(),
  definitions: z.array(
    z.object({
      name: z.string(),
      AP: ap,
      causes: z
        .array(z.object({ rule: z.string(), explanation: z.string(), AP: ap, change: z.number() }))
        .describe('What leads from COCO’s number to this one, step by step'),
    }),
  ),
});
const worst = z.object({
  iou_threshold: z.number(),
  score_threshold: z.number(),
  images: z.array(z.object({ ...imageName, ...imageScores })).describe('By LRP error, worst first'),
});

export const detectionScores = z.object({
  protocol: z.enum(protocols),
  iou_type: z.enum(iouTypes),
  stats: z.record(z.string(), ap).describe('AP, AP50, AP75, APs, APm, APl, AR1, … as COCO has them'),
  per_class: z.array(
    z.object({
      class_id: z.int(),
      label: z.string(),
      AP: ap,
      AP50: ap,
      AP75: ap,
      AR100: ap,
      ground_truth: z.int(),
      predictions: z.int(),
    }),
  ),
  images: z.int(),
  parameters: z.object({
    iou_thresholds: z.array(z.number()),
    max_detections: z.array(z.int()).optional(),
    area_ranges: z.array(z.object({ label: z.string(), min: z.number(), max: z.number() })).optional(),
  }),
  areas: z.array(z.object({ label: z.string(), AP: ap, AR: ap })).optional(),
  sizes: sizes.optional(),
  bootstrap: bootstrap.optional(),
  comparison: comparison.optional(),
  conventions: conventions.optional(),
  worst: worst.optional(),
  curves: z
    .object({
      iou_threshold: z.number(),
      overall: z.object(curve),
      per_class: z.array(z.object({ class_id: z.int(), label: z.string(), ...curve })),
    })
    .optional(),
  confusion: z
    .object({
      iou_threshold: z.number(),
      score_threshold: z.number(),
      labels: z.array(z.string()),
      matrix: z
        .array(z.array(z.int()))
        .describe('Rows are true classes, columns predicted ones; the last is the background'),
    })
    .optional(),
  errors: z
    .object({
      iou_threshold: z.number(),
      AP: ap,
      kinds: z.record(z.string(), cost),
      false_positives: cost,
      false_negatives: cost,
    })
    .optional(),
  warnings: z.array(z.string()),
});

export const segmentationScores = z.object({
  mean_iou: ap,
  mean_iou_present: ap,
  mean_iou_all: ap,
  frequency_weighted_iou: ap,
  pixel_accuracy: ap,
  mean_accuracy: ap,
  mean_dice: ap,
  per_class: z.array(z.object({ ...name, iou: ap, dice: ap, accuracy: ap, pixels: z.int() })),
  images: z.int(),
  confusion: z.array(z.array(z.int())).optional(),
});

const quality = { PQ: ap, SQ: ap, RQ: ap };
const meanQuality = { ...quality, n: z.int().describe('Classes that occur') };

export const panopticScores = z.object({
  ...meanQuality,
  things: z.object(meanQuality),
  stuff: z.object(meanQuality),
  per_class: z.array(
    z.object({
      ...name,
      is_thing: z.boolean(),
      ...quality,
      true_positives: z.int(),
      false_positives: z.int(),
      false_negatives: z.int(),
    }),
  ),
  images: z.int(),
});

export const iou = z.object({ iou: z.array(z.array(z.number())) });
export const readiness = z.object({ status: z.enum(['ready', 'starting']), missing: z.array(z.string()) });
export const problem = z.object({
  type: z.string(),
  title: z.string(),
  status: z.int(),
  detail: z.string(),
  code: z.enum(Object.keys(statusByCode) as [keyof typeof statusByCode]),
});
