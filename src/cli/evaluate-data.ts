import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { type DetectionAnswer, evaluateDetection } from '../evaluate/detection.ts';
import { parseDetectionOptions } from '../evaluate/detection-options.ts';
import { parseJson } from '../formats/json.ts';
import { ApiClient } from './api-client.ts';
import type { EvaluateFlags } from './evaluate.ts';
import { predictDataset } from './evaluate-model.ts';
import { usage } from './failure.ts';
import { formatClasses, formatScores } from './format-scores.ts';
import type { Io } from './io.ts';
import { write, writeJson } from './write.ts';

/** Scores a file of predictions, or what a model finds in the images of the ground truth, and prints the scores. */
export async function evaluate(io: Io, flags: EvaluateFlags, fields: Readonly<Record<string, string>>): Promise<void> {
  const options = parseDetectionOptions(fields);
  const path = flags.groundTruth;
  const groundTruth = { name: path, bytes: await readFile(path) };
  const client =
    flags.server === undefined ? undefined : new ApiClient(flags.server, flags.apiKey ?? io.env.MIRU_API_KEY);

  let answer: DetectionAnswer;
  if (flags.predictions !== undefined) {
    const predictions = { name: flags.predictions, bytes: await readFile(flags.predictions) };
    answer = client
      ? await ask(client, fields, groundTruth.bytes, predictions.bytes, [path, predictions.name])
      : evaluateDetection(parseJson(groundTruth), parseJson(predictions), options);
  } else if (flags.model !== undefined) {
    const truth = parseJson(groundTruth);
    const { results, warnings } = await predictDataset(io, { truth, flags, options, client });
    const scored = client
      ? await ask(client, fields, groundTruth.bytes, Buffer.from(JSON.stringify(results)), [path, 'results.json'])
      : evaluateDetection(truth, results, options);
    answer = { ...scored, warnings: [...warnings, ...scored.warnings] };
  } else throw usage('what is to be scored? --predictions names a file of results, --model a model to run');

  if (flags.json) return writeJson(io.stdout, answer);
  for (const warning of answer.warnings) io.stderr.write(`miru: ${warning}\n`);
  return write(io.stdout, formatScores(answer) + (flags.perClass ? `\n${formatClasses(answer)}` : ''));
}

async function ask(
  client: ApiClient,
  fields: Readonly<Record<string, string>>,
  groundTruth: Uint8Array,
  predictions: Uint8Array,
  [truthName, predictionsName]: readonly [string, string],
): Promise<DetectionAnswer> {
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) form.append(name, value);
  form.append('ground_truth', new Blob([Uint8Array.from(groundTruth)]), basename(truthName));
  form.append('predictions', new Blob([Uint8Array.from(predictions)]), basename(predictionsName));
  const body = await client.request('POST', 'v1/evaluate/detection', form);
  return JSON.parse(Buffer.from(body).toString());
}
