import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import type { MaskFormat } from '../options.ts';
import type { Endpoint } from '../predict-api.ts';
import { mapOrdered } from '../runtime/map-ordered.ts';
import { ApiClient } from './api-client.ts';
import { CommandError, explain, isOfOnePicture, usage } from './failure.ts';
import { findImages, type ImageFile } from './find-images.ts';
import { count } from './format-result.ts';
import type { Io } from './io.ts';
import { openLocalPredictor } from './local-predictor.ts';
import { type ImageOutput, openOutput } from './output.ts';
import { type OutputPlan, planOutput } from './plan-output.ts';
import type { PredictFlags } from './predict.ts';
import type { PredictFields, Predictor } from './predictor.ts';
import { Progress } from './progress.ts';
import { openRemotePredictor } from './remote-predictor.ts';

export interface PredictCommand {
  readonly endpoint: Endpoint;
  readonly paths: readonly string[];
  readonly flags: PredictFlags;
  readonly fields: PredictFields;
}

/**
 * Predicts every image that is named, several at a time, and prints and draws the results in their order. An image that
 * fails is reported and the others go on.
 * @throws CommandError, at the end where only some images failed.
 */
export async function predictImages(io: Io, command: PredictCommand): Promise<void> {
  const { images, failures } = await findImages(command.paths);
  const total = images.length + failures.length;
  if (total === 0) throw new CommandError(`no images in ${command.paths.join(', ')}`);
  const plan = planOutput(command.flags, images);
  const report = failureReporter(io, total);
  for (const { path, error } of failures) report(path, error);
  const done = images.length === 0 ? 0 : await withPredictor(io, command, images, plan, report);
  if (done < total) throw new CommandError(`${total - done} of ${count(total, 'image')} failed`);
}

/** @returns how many images succeeded. */
async function withPredictor(
  io: Io,
  command: PredictCommand,
  images: readonly ImageFile[],
  plan: OutputPlan,
  report: FailureReporter,
): Promise<number> {
  const predictor = await openPredictor(io, command, images.length);
  const stop = new AbortController();
  const interrupted = new Promise<void>((resolve) => {
    io.onSignal(() => resolve(stop.abort()));
  });
  try {
    await Promise.race([predictor.prepare(), interrupted]);
    const predictImage = imagePredictor(predictor, plan, command.flags, stop.signal);
    return await predictAll(io, images, { plan, report, predictImage, signal: stop.signal, ...predictor });
  } finally {
    // What is still in flight after a failure is for nobody.
    stop.abort();
    await predictor.close();
  }
}

interface Run {
  readonly plan: OutputPlan;
  readonly report: FailureReporter;
  readonly predictImage: (image: ImageFile) => Promise<Outcome>;
  readonly concurrency: number;
  readonly signal: AbortSignal;
}

async function predictAll(io: Io, images: readonly ImageFile[], run: Run): Promise<number> {
  const { plan, report, predictImage, concurrency, signal } = run;
  const output = openOutput(io, plan);
  const progress = new Progress(io.stderr, { isShown: io.isTerminal && images.length > 1, total: images.length });
  const started = performance.now();
  const predictAndStep = (image: ImageFile) => predictImage(image).finally(() => progress.step());
  let done = 0;
  try {
    for await (const { image, error, ...result } of mapOrdered(images, concurrency, predictAndStep, signal)) {
      if (signal.aborted) break;
      progress.clear();
      if (error) report(image.path, error);
      else await output.add(image, result);
      if (!error) done++;
      progress.draw();
    }
  } finally {
    progress.clear();
  }
  await output.end(done, performance.now() - started);
  if (signal.aborted) throw new CommandError(`interrupted after ${done} of ${count(images.length, 'image')}`, 130);
  return done;
}

function openPredictor(io: Io, { endpoint, flags, fields }: PredictCommand, images: number): Promise<Predictor> {
  if (flags.server === undefined) return openLocalPredictor(io, { endpoint, fields, flags, images });
  if (/\.onnx$/i.test(fields.model ?? '')) {
    throw usage(`--model ${fields.model}: a server has its own models; ‘miru models add --server’ gives it one more`);
  }
  const client = new ApiClient(flags.server, flags.apiKey ?? io.env.MIRU_API_KEY);
  return Promise.resolve(openRemotePredictor(client, endpoint, fields));
}

interface Outcome extends ImageOutput {
  readonly image: ImageFile;
  readonly error?: unknown;
}

/** Reads an image, asks for what is wanted of it and writes its picture. The function never rejects. */
function imagePredictor(
  predictor: Predictor,
  { results, picture }: OutputPlan,
  flags: PredictFlags,
  signal: AbortSignal,
): (image: ImageFile) => Promise<Outcome> {
  const mask_format = flags.maskFormat as MaskFormat | undefined;
  // A table shows no masks.
  const asked =
    results === 'table'
      ? ({ format: 'json', mask_format: 'none' } as const)
      : results && { format: results, mask_format };

  async function predictImage(image: ImageFile): Promise<ImageOutput> {
    const input = { name: basename(image.path), bytes: await readFile(image.path) };
    const [body, drawn] = await Promise.all([
      asked && predictor.predict(input, asked, signal),
      picture && predictor.predict(input, { format: picture.formatOf(image), mask_format }, signal),
    ]);
    const drawnTo = picture?.pathOf(image);
    if (!drawn || drawnTo === undefined) return { body, picture: drawn };
    await mkdir(dirname(drawnTo), { recursive: true });
    await writeFile(drawnTo, drawn);
    return { body, drawnTo };
  }

  return async (image) => {
    try {
      return { image, ...(await predictImage(image)) };
    } catch (error) {
      return { image, error };
    }
  };
}

type FailureReporter = (path: string, error: unknown) => void;

/** Reports an image that failed. @throws where it was the only one, or where every other would fail as well. */
function failureReporter(io: Io, total: number): FailureReporter {
  return (path, error) => {
    if (!isOfOnePicture(error)) throw error;
    const line = `${path}: ${explain(error, path)}`;
    if (total === 1) throw new CommandError(line, 1, { cause: error });
    io.stderr.write(`miru: ${line}\n`);
  };
}
