import { z } from 'zod';
import { AppError } from '../errors.ts';
import { type FamilyName, families } from '../families/index.ts';
import { providerChoices } from '../runtime/provider.ts';
import { inputSpecSchema } from '../vision/input-spec.ts';

const familyNames = Object.keys(families) as [FamilyName, ...FamilyName[]];

/** model.json: what a person knows of a model and its graph does not say. Everything may be left out. */
export const manifestSchema = z
  .strictObject({
    $schema: z.string(),
    description: z.string(),
    family: z.enum(familyNames),
    task: z.enum(['detection', 'instance-segmentation', 'semantic-segmentation', 'classification']),
    /** Class names in the order of the model's outputs. */
    labels: z.array(z.string().min(1).max(200)).min(1).max(100_000),
    /** Official category ids, one per label, for `format=coco`. */
    category_ids: z.array(z.int().min(0)).min(1).max(100_000),
    /** Overrides single fields of the family's pre-processing. */
    input: inputSpecSchema.partial(),
    /** The family's own parameters, see the families' table. */
    params: z.record(z.string(), z.unknown()),
    /** What a caller gets without asking. */
    defaults: z
      .strictObject({
        score_threshold: z.number().min(0).max(1),
        iou_threshold: z.number().min(0).max(1),
        max_detections: z.int().min(1).max(10_000),
      })
      .partial(),
    provider: z.enum(providerChoices),
    /** Preferred among the models of its task when a request names none. */
    default: z.boolean(),
    /** Where the weights come from, where they were trained, and what may be done with them. */
    source: z.string(),
    upstream: z.string(),
    license: z.string(),
    sha256: z.string().regex(/^[0-9a-f]{64}$/, 'expected 64 lower-case hexadecimal digits'),
    metrics: z.record(z.string(), z.unknown()),
  })
  .partial();

export type Manifest = z.output<typeof manifestSchema>;

/** @throws AppError invalid_model naming `origin`, the field and what was expected. */
export function parseManifest(text: string, origin: string): Manifest {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw new AppError('invalid_model', `${origin} is not JSON: ${(error as Error).message}`);
  }
  if (isDeeperThan(json, MAX_DEPTH)) {
    throw new AppError('invalid_model', `${origin} nests deeper than ${MAX_DEPTH} levels`);
  }
  const parsed = manifestSchema.safeParse(json);
  if (parsed.success) return parsed.data;
  throw new AppError('invalid_model', `${origin}: ${describeIssues(parsed.error)}`);
}

/** Manifests cross threads, and copying one that nests without end overflows the stack. */
const MAX_DEPTH = 32;

function isDeeperThan(value: unknown, depth: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return depth === 0 || Object.values(value).some((member) => isDeeperThan(member, depth - 1));
}

/** Zod's findings as one sentence: `params.strides: expected array; …`. */
export function describeIssues(error: z.ZodError): string {
  return error.issues.map((issue) => [issue.path.join('.'), issue.message].filter(Boolean).join(': ')).join('; ');
}
