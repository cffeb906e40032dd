import { readFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { DetectionOptions } from '../evaluate/detection-options.ts';
import { EVALUATION_LIMITS, imagesOf, ModelResults, type TruthImage } from '../evaluate/model-results.ts';
import type { ApiClient } from './api-client.ts';
import type { EvaluateFlags } from './evaluate.ts';
import { CommandError, explain, usage } from './failure.ts';
import { count, type Prediction } from './format-result.ts';
import type { Io } from './io.ts';
import { openLocalPredictor } from './local-predictor.ts';
import { mapOrdered } from './map-ordered.ts';
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
 * @throws CommandError at the first image that fails: scores without it would not be the model's.
 */
export async function predictDataset(
  io: Io,
  { truth, flags, options, client }: DatasetRun,
): Promise<{ results: readonly unknown[]; warnings: readonly string[] }> {
  const { iou_type = 'bbox', image_ids } = options;
  if (iou_type === 'keypoints')
    throw usage('--iou-type keypoints: no model here finds poses; score a file of --predictions');
  const images = imagesOf(truth, image_ids);
  if (images.length === 0) throw new CommandError('the ground truth has no images');
  const collected = new ModelResults(truth);
  const fields = { model: flags.model!, ...EVALUATION_LIMITS };
  const predictor = client
    ? openRemotePredictor(client, 'detect', fields)
    : await openLocalPredictor(io, { endpoint: 'detect', fields, flags, images: images.length });

  const stop = new AbortController();
  io.onSignal(() => stop.abort());
  try {
    await predictor.prepare();
    const folder = flags.images ?? dirname(flags.groundTruth);
    const maskFormat = iou_type === 'bbox' ? 'none' : 'rle';
    const detect = detector(predictor, folder, maskFormat, stop.signal);
    await predictAll(io, images, { detect, collected, concurrency: predictor.concurrency, signal: stop.signal });
  } finally {
    stop.abort();
    await predictor.close();
  }
  return { results: collected.results, warnings: collected.warnings() };
}

type Detections = NonNullable<Prediction['results'][number]['detections']>;
type Outcome = { readonly image: TruthImage } & ({ readonly detections: Detections } | { readonly error: unknown });

interface Run {
  readonly detect: (image: TruthImage) => Promise<Outcome>;
  readonly collected: ModelResults;
  readonly concurrency: number;
  readonly signal: AbortSignal;
}

async function predictAll(io: Io, images: readonly TruthImage[], run: Run): Promise<void> {
  const progress = new Progress(io.stderr, { isShown: io.isTerminal, total: images.length });
  const started = performance.now();
  const detectAndStep = (image: TruthImage) => run.detect(image).finally(() => progress.step());
  try {
    for await (const outcome of mapOrdered(images, run.concurrency, detectAndStep, run.signal)) {
      if (run.signal.aborted) break;
      if ('error' in outcome) throw new CommandError(`${outcome.image.name}: ${explain(outcome.error)}`);
      run.collected.add(outcome.image, outcome.detections);
    }
  } finally {
    progress.clear();
  }
  if (run.signal.aborted) throw new CommandError('interrupted', 130);
  const seconds = (performance.now() - started) / 1000;
  const rate = formatRate(images.length / seconds);
  io.stderr.write(`${count(images.length, 'image')} in ${formatSeconds(seconds)}, ${rate}\n`);
}

/** Reads one image and detects. The function never rejects. */
function detector(
  predictor: Predictor,
  folder: string,
  mask_format: 'none' | 'rle',
  signal: AbortSignal,
): (image: TruthImage) => Promise<Outcome> {
  return async (image) => {
    try {
      const bytes = await readFile(join(folder, image.name));
      const body = await predictor.predict(
        { name: basename(image.name), bytes },
        { format: 'json', mask_format },
        signal,
      );
      const { results }: Prediction = JSON.parse(Buffer.from(body).toString());
      return { image, detections: results[0]?.detections ?? [] };
    } catch (error) {
      return { image, error };
    }
  };
}
