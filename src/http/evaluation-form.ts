import type { Request, Response } from 'express';
import { AppError } from '../errors.ts';
import type { SourceFile } from '../formats/dataset.ts';
import { readForm } from './multipart.ts';

export interface EvaluationForm {
  readonly groundTruth: readonly SourceFile[];
  readonly predictions: readonly SourceFile[];
  /** Other predictions to compare with. */
  readonly baseline: readonly SourceFile[];
  /** Lists of sizes of images. */
  readonly imageSizes: readonly SourceFile[];
  /** What is no file: the options. */
  readonly fields: Readonly<Record<string, string | string[]>>;
}

const REQUIRED = { ground_truth: 'groundTruth', predictions: 'predictions' } as const;
const OPTIONAL = { baseline: 'baseline', image_sizes: 'imageSizes' } as const;
type Side = (typeof REQUIRED)[keyof typeof REQUIRED] | (typeof OPTIONAL)[keyof typeof OPTIONAL];
/** A folder of labels has a file per image. */
const MAX_FILES = 20_000;

/**
 * Reads a form with files in `ground_truth`, `predictions` and, where they are taken, `baseline` and `image_sizes`; JSON
 * may also come as the text of these fields.
 * @throws AppError naming the field that is missing or not known.
 */
export async function readEvaluationForm(
  req: Request,
  res: Response,
  { maxBytes, isForDetection = false }: { readonly maxBytes: number; readonly isForDetection?: boolean },
): Promise<EvaluationForm> {
  if (!req.is('multipart/form-data')) {
    throw new AppError(
      'unsupported_media_type',
      'expected a multipart form with files ‘ground_truth’ and ‘predictions’',
    );
  }
  const form = await readForm(req, res, { fileBytes: maxBytes, files: MAX_FILES });
  const found: Record<Side, SourceFile[]> = { groundTruth: [], predictions: [], baseline: [], imageSizes: [] };
  const sides = new Map<string, Side>(Object.entries({ ...REQUIRED, ...(isForDetection && OPTIONAL) }));
  const sideOf = (field: string) => sides.get(field.replace(/\[\]$/, ''));
  for (const { field, name, bytes } of form.files) {
    const side = sideOf(field);
    if (!side) {
      throw new AppError(
        'invalid_request',
        `a file came in the field ‘${field}’; ${listOf([...sides.keys()])} take files`,
      );
    }
    found[side].push({ name, bytes });
  }
  const fields = { ...form.fields };
  for (const [field, text] of Object.entries(form.fields)) {
    const side = sideOf(field);
    if (!side) continue;
    found[side].push({ name: field, bytes: new TextEncoder().encode([text].flat().join()) });
    delete fields[field];
  }
  for (const [field, side] of Object.entries(REQUIRED)) {
    if (found[side].length === 0) throw new AppError('invalid_request', `there is no file in the field ‘${field}’`);
  }
  return { ...found, fields };
}

function listOf(fields: readonly string[]): string {
  return fields.map((field) => `‘${field}’`).join(', ');
}
