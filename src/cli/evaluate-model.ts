import { readFile, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { DetectionOptions } from '../evaluate/detection-options.ts';
import { ModelResults, type TruthImage } from '../evaluate/model-results.ts';
import { ImageFailure, type ModelRun, planRun, runOnImages } from '../evaluate/run-model.ts';
import type { ApiClient } from './api-client.ts';
import type { EvaluateFlags } from './evaluate.ts';
import { CommandError, explain } from './failure.ts';
import { count, type Prediction } from './format-result.ts';
import type { Io } from './io.ts';
import { openLocalPredictor } from './local-predictor.ts';
import type { Predictor } from './predictor.ts';
import { formatRate, formatSeconds, Progress } from './progress.ts';
import { openRemotePredictor } from './remote-predictor.ts';

export interface DatasetRun {
  /** Parsed COCO ground truth. */
  readonly truth: unknown;
  readonly flags: EvaluateFlags;
  readonly options: DetectionOptions;
  /** Absent: predict here. */
  readonly client: ApiClient | undefined;
}

/**
 * Runs a model on every image of a ground truth, the way it would serve them.
 * @throws CommandError at the first image that fails, AppError where the ground truth or the options rule out a run.
 */
export async function predictDataset(
  io: Io,
  { truth, flags, options, client }: DatasetRun,
): Promise<{ results: readonly unknown[]; warnings: readonly string[] }> {
  const plan = planRun(truth, options);
  const collected = new ModelResults(truth, options.iou_type);
  const fields = {
    model: flags.model!,
    score_threshold: String(plan.scoreThreshold),
    max_detections: String(plan.maxDetections),
  };
  const predictor = client
    ? openRemotePredictor(client, 'detect', fields)
    : await openLocalPredictor(io, { endpoint: 'detect', fields, flags, images: plan.images.length });

  const stop = new AbortController();
  io.onSignal(() => stop.abort());
  try {
    await predictor.prepare();
    const folder = flags.images ?? (await folderOf(flags.groundTruth));
    await predictAll(io, { plan, folder, predictor, collected, signal: stop.signal });
  } finally {
    stop.abort();
    await predictor.close();
  }
  return { results: collected.results, warnings: collected.warnings() };
}

async function folderOf(path: string): Promise<string> {
  return (await stat(path)).isDirectory() ? path : dirname(path);
}

interface Run {
  readonly plan: ModelRun;
  readonly folder: string;
  readonly predictor: Predictor;
  readonly collected: ModelResults;
  readonly signal: AbortSignal;
}

async function predictAll(io: Io, { plan, folder, predictor, collected, signal }: Run): Promise<void> {
  const { images, maskFormat } = plan;
  const progress = new Progress(io.stderr, { isShown: io.isTerminal, total: images.length });
  const started = performance.now();
  const detect = async ({ name }: TruthImage): Promise<Prediction> => {
    const bytes = await readFile(join(folder, name));
    const ask = { format: 'json', mask_format: maskFormat } as const;
    const body = await predictor.predict({ name: basename(name), bytes }, ask, signal);
    return JSON.parse(Buffer.from(body).toString());
  };
  const detectAndStep = (image: TruthImage) => detect(image).finally(() => progress.step());
  try {
    for await (const { image, answer } of runOnImages(images, predictor.concurrency, detectAndStep, signal)) {
      collected.add(image, answer.results[0]?.detections ?? []);
    }
  } catch (error) {
    throw error instanceof ImageFailure ? new CommandError(`${error.message}: ${explain(error.cause)}`) : error;
  } finally {
    progress.clear();
  }
  if (signal.aborted) throw new CommandError('interrupted', 130);
  const seconds = (performance.now() - started) / 1000;
  const rate = formatRate(images.length / seconds);
  io.stderr.write(`${count(images.length, 'image')} in ${formatSeconds(seconds)}, ${rate}\n`);
}
