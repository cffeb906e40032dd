import { type FileHandle, open, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError } from '../errors.ts';
import { evaluateDetection } from '../evaluate/detection.ts';
import type { DetectionOptions } from '../evaluate/detection-options.ts';
import { type Detection, ModelResults } from '../evaluate/model-results.ts';
import { reportDetections } from '../evaluate/report.ts';
import { type JobFiles, readJsonLines } from './files.ts';
import type { LocatedImage } from './locate-images.ts';
import { type DataLimits, planPath, readGroundTruth } from './prepare.ts';
import type { DataSource } from './types.ts';

export interface ScoreTask {
  readonly kind: 'score';
  readonly data: DataSource;
  readonly options: DetectionOptions;
  readonly files: JobFiles;
  readonly limits: DataLimits;
  /** Of the report. */
  readonly title: string;
}

const WRITE_BYTES = 2 ** 20;

/** Lines of JSON, the model's answer to each image of the plan in its order. */
export function answersPath(work: string): string {
  return join(work, 'answers.ndjson');
}

/** Scores the model's answers; writes the predictions, the scores and the report. @throws AppError. */
export async function score({ data, options, files, limits, title }: ScoreTask): Promise<void> {
  const truth = await readGroundTruth(data, options, limits);
  const { results, warnings } = await collect(truth.json, options, files.work);
  await writeArray(files.predictions, results);
  const answer = evaluateDetection(truth.json, results, options);
  const report = tryReport(() => reportDetections(truth.json, results, options, { title }));
  if ('html' in report) await writeFile(files.report, report.html);
  const noReport = 'why' in report ? [`there is no report: ${report.why}`] : [];
  const scores = { ...answer, warnings: [...truth.warnings, ...warnings, ...answer.warnings, ...noReport] };
  await writeFile(files.result, JSON.stringify(scores));
}

async function collect(truth: unknown, { iou_type }: DetectionOptions, work: string) {
  const collected = new ModelResults(truth, iou_type);
  const answers = readJsonLines<{ readonly detections?: readonly Detection[] }>(answersPath(work));
  for await (const image of readJsonLines<LocatedImage>(planPath(work))) {
    const answer = await answers.next();
    if (answer.done) throw new Error('there are fewer answers than images');
    collected.add(image, answer.value.detections ?? []);
  }
  return { results: collected.results, warnings: collected.warnings() };
}

/** A report that cannot be made must not cost the scores. */
function tryReport(make: () => string): { readonly html: string } | { readonly why: string } {
  try {
    return { html: make() };
  } catch (error) {
    if (error instanceof AppError) return { why: error.message };
    throw error;
  }
}

/** Writes a JSON array that may be longer than a string; it is there as a whole or not at all. */
async function writeArray(path: string, items: readonly unknown[]): Promise<void> {
  const file = await open(`${path}.new`, 'w');
  try {
    await writeItems(file, items);
  } finally {
    await file.close();
  }
  await rename(`${path}.new`, path);
}

async function writeItems(file: FileHandle, items: readonly unknown[]): Promise<void> {
  let text = '[';
  for (const [i, item] of items.entries()) {
    text += `${i === 0 ? '' : ',\n'}${JSON.stringify(item)}`;
    if (text.length < WRITE_BYTES) continue;
    await file.appendFile(text);
    text = '';
  }
  await file.appendFile(`${text}]\n`);
}
