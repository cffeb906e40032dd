import { mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError } from '../errors.ts';
import { readTruth, type Truth } from '../evaluate/detection-files.ts';
import type { DetectionOptions } from '../evaluate/detection-options.ts';
import { type ModelRun, planRun } from '../evaluate/run-model.ts';
import { openFiles } from '../formats/inputs.ts';
import { type ImageLimits, locateImages } from './locate-images.ts';
import { picturesOf } from './pictures.ts';
import type { DataSource } from './types.ts';

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

/** Labels compress well: what comes out of an archive may be so much larger than the archive. */
const UNPACKED = 4;

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
  const truth = await readGroundTruth(data, options, limits);
  const { images, ...run } = planRun(truth.json, options);
  const located = await locateImages(images, data.images, join(work, 'images'), limits);
  await writeFile(planPath(work), located.map((image) => `${JSON.stringify(image)}\n`).join(''));
  return { ...run, images: located.length };
}

/** The ground truth as COCO has it, whatever its format. */
export async function readGroundTruth(
  { groundTruth, images }: DataSource,
  options: DetectionOptions,
  limits: DataLimits,
): Promise<Truth> {
  const { name, path } = groundTruth;
  const { size } = await stat(path);
  const { maxTruthBytes } = limits;
  if (size > maxTruthBytes) {
    const detail = `${name} has ${size} bytes; at most ${maxTruthBytes} of ground truth are read`;
    throw new AppError('payload_too_large', detail);
  }
  const source = { name, bytes: await readFile(path) };
  const { files } = await openFiles([source], { maxBytes: UNPACKED * maxTruthBytes });
  return readTruth({ files, pictures: () => picturesOf(images, limits) }, { options });
}
