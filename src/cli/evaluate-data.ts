import { writeFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { type DetectionAnswer, evaluateDetection } from '../evaluate/detection.ts';
import { type Predictions, readPredictions, readTruth, type Truth } from '../evaluate/detection-files.ts';
import { type DetectionOptions, parseDetectionOptions } from '../evaluate/detection-options.ts';
import { readSizes } from '../formats/sizes.ts';
import { ApiClient } from './api-client.ts';
import { openPaths, readSource } from './data-files.ts';
import type { EvaluateFlags } from './evaluate.ts';
import { predictDataset } from './evaluate-model.ts';
import { usage } from './failure.ts';
import { formatAnswer } from './format-scores.ts';
import type { Io } from './io.ts';
import { write, writeJson } from './write.ts';

type Fields = Readonly<Record<string, string>>;

/** What is compared with what. */
interface Sides {
  readonly truth: Truth;
  readonly found: Predictions;
  readonly baseline: Predictions | undefined;
}

/** Scores files of predictions, or what a model finds in the images of the ground truth, and prints the scores. */
export async function evaluate(io: Io, flags: EvaluateFlags, fields: Fields): Promise<void> {
  const options = parseDetectionOptions(fields);
  if (flags.predictions === undefined && flags.model === undefined) {
    throw usage('what is to be scored? --predictions names a file of results, --model a model to run');
  }
  const client =
    flags.server === undefined ? undefined : new ApiClient(flags.server, flags.apiKey ?? io.env.MIRU_API_KEY);
  const sides = await readSides(io, flags, options, client);
  const { truth, found, baseline } = sides;
  const scored = client ? await scoreThere(client, sides, fields) : await scoreHere(flags, sides, options);
  const warnings = [...truth.warnings, ...found.warnings, ...(baseline?.warnings ?? []), ...scored.warnings];
  const answer = { ...scored, warnings };

  if (flags.json) return writeJson(io.stdout, answer);
  for (const warning of answer.warnings) io.stderr.write(`miru: ${warning}\n`);
  return write(io.stdout, formatAnswer(answer, { perClass: flags.perClass ?? false }));
}

async function readSides(
  io: Io,
  flags: EvaluateFlags,
  options: DetectionOptions,
  client: ApiClient | undefined,
): Promise<Sides> {
  const { groundTruth, images, imageSizes } = flags;
  const sizes = imageSizes === undefined ? undefined : readSizes(await readSource(imageSizes));
  const context = { options, ...(sizes && { sizes }) };
  const truth = await readTruth(await openPaths([groundTruth], { images }), context);
  const read = async (path: string, side?: string) =>
    readPredictions(await openPaths([path], { images }), truth, context, side);
  const predict = async (): Promise<Predictions> => {
    const { results, warnings } = await predictDataset(io, { truth: truth.json, flags, options, client });
    return { json: results, warnings };
  };
  const found = flags.predictions === undefined ? await predict() : await read(flags.predictions);
  const baseline = flags.baseline === undefined ? undefined : await read(flags.baseline, 'the baseline');
  return { truth, found, baseline };
}

async function scoreHere(
  flags: EvaluateFlags,
  { truth, found, baseline }: Sides,
  options: DetectionOptions,
): Promise<DetectionAnswer> {
  const answer = evaluateDetection(truth.json, found.json, options, baseline?.json);
  if (flags.html !== undefined) {
    const { reportDetections } = await import('../evaluate/report.ts');
    const title = flags.model ?? basename(flags.predictions ?? '');
    await writeFile(flags.html, reportDetections(truth.json, found.json, options, { title, baseline: baseline?.json }));
  }
  return answer;
}

/** Sends COCO JSON, whatever it was: so the server need not see folders, nor images for their sizes. */
async function scoreThere(
  client: ApiClient,
  { truth, found, baseline }: Sides,
  fields: Fields,
): Promise<DetectionAnswer> {
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) form.append(name, value);
  for (const [field, side] of Object.entries({ ground_truth: truth, predictions: found, baseline })) {
    if (!side) continue;
    const bytes = side.file?.bytes ?? Buffer.from(JSON.stringify(side.json));
    form.append(field, new Blob([Uint8Array.from(bytes)]), basename(side.file?.name ?? `${field}.json`));
  }
  const body = await client.request('POST', 'v1/evaluate/detection', form);
  return JSON.parse(Buffer.from(body).toString());
}
