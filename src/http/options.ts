import { z } from 'zod';
import { describeIssues } from '../catalog/manifest.ts';
import { AppError } from '../errors.ts';
import { formats, maskFormats, type PredictOptions } from '../options.ts';

/** Query and form values are strings; JSON values are not. Both mean the same. */
const numeric = <S extends z.ZodType>(schema: S) =>
  z.preprocess((value) => (typeof value === 'string' && DECIMAL.test(value) ? Number(value) : value), schema);
const DECIMAL = /^\s*[+-]?(\d+(\.\d*)?|\.\d+)(e[+-]?\d+)?\s*$/i;
const bool = z.preprocess((value) => {
  if (typeof value !== 'string') return value;
  return { true: true, '1': true, false: false, '0': false }[value.toLowerCase()] ?? value;
}, z.boolean());
/** `cat,15`, `["cat", 15]` and `["cat,dog", "15"]` alike; what is no name stays, for the schema to refuse. */
const splitNames = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.flatMap((item) => (Array.isArray(item) ? [item] : splitNames(item)));
  return typeof value === 'string' || typeof value === 'number' ? String(value).split(',') : value;
};
/** JSON in a query or a form. */
const parsed = (value: unknown): unknown => {
  if (typeof value !== 'string') return value;
  try {
    return JSON.parse(value);
  } catch {
    return value;
  }
};
const MAX_PROPOSALS = 4000;
const pixel = z.number().min(-65_536).max(65_536);
const box = z
  .tuple([pixel, pixel, pixel, pixel])
  .refine(([xmin, ymin, xmax, ymax]) => xmax > xmin && ymax > ymin, 'expected xmin < xmax and ymin < ymax');
const unit = numeric(z.number().min(0).max(1));

/** Options of a prediction, as they arrive: the contract's names. */
export const predictOptionsSchema = z
  .strictObject({
    model: z.string().min(1).describe('Model id; absent: the default for the task'),
    score_threshold: unit.describe('Results scoring less are left out'),
    iou_threshold: unit.describe('Boxes that overlap a better one by more are suppressed'),
    max_detections: numeric(z.int().min(1).max(10_000)).describe('At most so many objects per image, or top classes'),
    classes: z
      .preprocess(splitNames, z.array(z.string().min(1)).min(1).max(1000))
      .describe('Only these classes, by name or id; comma-separated or repeated. A name with a comma goes by its id'),
    class_agnostic: bool.describe('Suppress overlapping boxes across classes'),
    proposals: z
      .preprocess(parsed, z.array(box).min(1).max(MAX_PROPOSALS))
      .describe(
        'For R-CNN and Fast R-CNN: boxes to look into, [[xmin, ymin, xmax, ymax], …] in pixels. Absent: windows all over',
      ),
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
    proposals: o.proposals,
    maskFormat: o.mask_format,
    format: o.format,
  };
}

function explain(error: z.ZodError): string {
  const unknown = error.issues.flatMap((issue) => (issue.code === 'unrecognized_keys' ? issue.keys : []));
  if (unknown.length === 0) return describeIssues(error);
  const known = Object.keys(predictOptionsSchema.shape).join(', ');
  const names = unknown.map((name) => `‘${name}’`).join(', ');
  return `unknown option ${names}; the options are ${known}, and the picture goes into the body, as its field ‘image’`;
}
