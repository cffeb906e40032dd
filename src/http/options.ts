import { z } from 'zod';
import { describeIssues } from '../catalog/manifest.ts';
import { AppError } from '../errors.ts';
import { formats, maskFormats, type PredictOptions } from '../options.ts';

/** Query and form values are strings; JSON values are not. Both mean the same. */
const numeric = <S extends z.ZodType>(schema: S) =>
  z.preprocess((value) => (typeof value === 'string' && value.trim() !== '' ? Number(value) : value), schema);
const bool = z.preprocess((value) => {
  if (typeof value !== 'string') return value;
  return { true: true, '1': true, false: false, '0': false }[value.toLowerCase()] ?? value;
}, z.boolean());
const unit = numeric(z.number().min(0).max(1));

/** Options of a prediction, as they arrive: the contract's names. */
export const predictOptionsSchema = z
  .strictObject({
    model: z.string().min(1).describe('Model id; absent: the default for the task'),
    score_threshold: unit.describe('Results scoring less are left out'),
    iou_threshold: unit.describe('Boxes that overlap a better one by more are suppressed'),
    max_detections: numeric(z.int().min(1).max(10_000)).describe('At most so many objects per image, or top classes'),
    classes: z
      .preprocess(
        (value) => (typeof value === 'string' ? value.split(',') : Array.isArray(value) ? value.map(String) : value),
        z.array(z.string().min(1)).min(1).max(1000),
      )
      .describe('Only these classes, by name or id; comma-separated or repeated'),
    class_agnostic: bool.describe('Suppress overlapping boxes across classes'),
    mask_format: z.enum(maskFormats).describe('How masks are written; none leaves them out'),
    format: z.enum(formats).describe('JSON, a COCO results array, or the picture with the results drawn on it'),
  })
  .partial();

export interface RequestOptions extends PredictOptions {
  readonly model?: string | undefined;
}

/** @throws AppError invalid_option naming the option and what was expected. */
export function parseOptions(fields: Readonly<Record<string, unknown>>): RequestOptions {
  const parsed = predictOptionsSchema.safeParse(fields);
  if (!parsed.success) throw new AppError('invalid_option', explain(parsed.error));
  const o = parsed.data;
  return {
    model: o.model,
    scoreThreshold: o.score_threshold,
    iouThreshold: o.iou_threshold,
    maxDetections: o.max_detections,
    classes: o.classes,
    classAgnostic: o.class_agnostic,
    maskFormat: o.mask_format,
    format: o.format,
  };
}

function explain(error: z.ZodError): string {
  const unknown = error.issues.flatMap((issue) => (issue.code === 'unrecognized_keys' ? issue.keys : []));
  if (unknown.length === 0) return describeIssues(error);
  const known = ['image', ...Object.keys(predictOptionsSchema.shape)].join(', ');
  return `unknown option ${unknown.map((name) => `‘${name}’`).join(', ')}; the options are ${known}`;
}
