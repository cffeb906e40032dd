import { readFile, writeFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { type DetectionAnswer, evaluateDetection } from '../evaluate/detection.ts';
import { type DetectionOptions, parseDetectionOptions } from '../evaluate/detection-options.ts';
import type { SourceFile } from '../formats/dataset.ts';
import { parseJson } from '../formats/json.ts';
import { ApiClient } from './api-client.ts';
import type { EvaluateFlags } from './evaluate.ts';
import { predictDataset } from './evaluate-model.ts';
import { usage } from './failure.ts';
import { formatAnswer } from './format-scores.ts';
import type { Io } from './io.ts';
import { write, writeJson } from './write.ts';

type Fields = Readonly<Record<string, string>>;

/** Scores a file of predictions, or what a model finds in the images of the ground truth, and prints the scores. */
export async function evaluate(io: Io, flags: EvaluateFlags, fields: Fields): Promise<void> {
  const options = parseDetectionOptions(fields);
  if (flags.predictions === undefined && flags.model === undefined) {
    throw usage('what is to be scored? --predictions names a file of results, --model a model to run');
  }
  const groundTruth = await readSource(flags.groundTruth);
  const answer =
    flags.server === undefined
      ? await scoreHere(io, flags, options, groundTruth)
      : await scoreThere(io, flags, options, fields, groundTruth, flags.server);

  if (flags.json) return writeJson(io.stdout, answer);
  for (const warning of answer.warnings) io.stderr.write(`miru: ${warning}\n`);
  return write(io.stdout, formatAnswer(answer, { perClass: flags.perClass ?? false }));
}

async function scoreHere(
  io: Io,
  flags: EvaluateFlags,
  options: DetectionOptions,
  groundTruth: SourceFile,
): Promise<DetectionAnswer> {
  const truth = parseJson(groundTruth);
  const { results, warnings } =
    flags.predictions === undefined
      ? await predictDataset(io, { truth, flags, options, client: undefined })
      : { results: parseJson(await readSource(flags.predictions)), warnings: [] };
  const baseline = flags.baseline === undefined ? undefined : parseJson(await readSource(flags.baseline));
  const answer = evaluateDetection(truth, results, options, baseline);
  if (flags.html !== undefined) {
    const { reportDetections } = await import('../evaluate/report.ts');
    const title = flags.model ?? basename(flags.predictions ?? '');
    await writeFile(flags.html, reportDetections(truth, results, options, { title, baseline }));
  }
  return { ...answer, warnings: [...warnings, ...answer.warnings] };
}

async function scoreThere(
  io: Io,
  flags: EvaluateFlags,
  options: DetectionOptions,
  fields: Fields,
  groundTruth: SourceFile,
  server: string,
): Promise<DetectionAnswer> {
  const client = new ApiClient(server, flags.apiKey ?? io.env.MIRU_API_KEY);
  const baseline = flags.baseline === undefined ? undefined : await readSource(flags.baseline);
  const ask = async (predictions: SourceFile): Promise<DetectionAnswer> => {
    const form = new FormData();
    for (const [name, value] of Object.entries(fields)) form.append(name, value);
    const files = { ground_truth: groundTruth, predictions, ...(baseline && { baseline }) };
    for (const [field, { name, bytes }] of Object.entries(files)) {
      form.append(field, new Blob([Uint8Array.from(bytes)]), basename(name));
    }
    const body = await client.request('POST', 'v1/evaluate/detection', form);
    return JSON.parse(Buffer.from(body).toString());
  };
  if (flags.predictions !== undefined) return ask(await readSource(flags.predictions));
  const { results, warnings } = await predictDataset(io, { truth: parseJson(groundTruth), flags, options, client });
  const answer = await ask({ name: 'results.json', bytes: Buffer.from(JSON.stringify(results)) });
  return { ...answer, warnings: [...warnings, ...answer.warnings] };
}

async function readSource(path: string): Promise<SourceFile> {
  return { name: path, bytes: await readFile(path) };
}
