import { mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError } from '../errors.ts';
import type { DetectionOptions } from '../evaluate/detection-options.ts';
import { type ModelRun, planRun } from '../evaluate/run-model.ts';
import { parseJson } from '../formats/json.ts';
import { type ImageLimits, locateImages } from './locate-images.ts';
import type { DataFile, DataSource } from './types.ts';

export interface PrepareTask {
  readonly kind: 'prepare';
  readonly data: DataSource;
  readonly options: DetectionOptions;
  /** A folder for what comes out. */
  readonly work: string;
  readonly limits: DataLimits;
}

export interface DataLimits extends ImageLimits {
  readonly maxTruthBytes: number;
}

/** How the model has to be run; the images are in the plan. */
export interface PreparedRun extends Omit<ModelRun, 'images'> {
  readonly images: number;
}

/** Lines of JSON, a `LocatedImage` each. */
export function planPath(work: string): string {
  return join(work, 'plan.ndjson');
}

/** Reads the ground truth and finds its images. @throws AppError naming what is wrong with them. */
export async function prepare({ data, options, work, limits }: PrepareTask): Promise<PreparedRun> {
  await mkdir(work, { recursive: true });
  const { images, ...run } = planRun(await readTruth(data.groundTruth, limits.maxTruthBytes), options);
  const located = await locateImages(images, data.images, join(work, 'images'), limits);
  await writeFile(planPath(work), located.map((image) => `${JSON.stringify(image)}\n`).join(''));
  return { ...run, images: located.length };
}

/** The parsed COCO ground truth. */
export async function readTruth({ name, path }: DataFile, maxBytes: number): Promise<unknown> {
  const { size } = await stat(path);
  if (size > maxBytes) {
    throw new AppError('payload_too_large', `${name} has ${size} bytes; at most ${maxBytes} of ground truth are read`);
  }
  return parseJson({ name, bytes: await readFile(path) });
}
