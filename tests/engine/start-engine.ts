import { readFileSync } from 'node:fs';
import { pino } from 'pino';
import { loadConfig } from '../../src/config.ts';
import { Engine, type PredictionReply } from '../../src/engine.ts';
import type { PredictOptions } from '../../src/options.ts';
import type { RunOptions } from '../../src/runtime/job.ts';

export const chelsea = new Uint8Array(readFileSync('samples/chelsea.png'));
export const rocket = new Uint8Array(readFileSync('samples/rocket.jpg'));

export interface Finding {
  readonly label: string;
  readonly score: number;
  readonly box: { readonly xmin: number; readonly ymin: number; readonly xmax: number; readonly ymax: number };
}

export interface PredictSettings extends RunOptions {
  readonly model?: string;
  readonly images?: readonly Uint8Array[];
  readonly options?: PredictOptions;
}

/** An engine on the CPU that has read its models. */
export async function startEngine(settings: Readonly<Record<string, unknown>> = {}) {
  const config = loadConfig({}, { provider: 'cpu', workers: 2, threads: 1, shutdown_timeout_ms: 5_000, ...settings });
  const engine = new Engine(config, pino({ level: 'silent' }));
  await engine.start({ watch: false });
  const predict = ({ model, images = [chelsea], options = {}, ...run }: PredictSettings): Promise<PredictionReply> =>
    engine.predict(
      {
        model,
        tasks: ['detection', 'instance-segmentation', 'semantic-segmentation', 'classification'],
        images: images.map((bytes, i) => ({ name: `${i}`, bytes })),
        options,
      },
      run,
    );
  return { engine, predict };
}

/** The results of a reply in format json. */
export function resultsOf<Result = { readonly detections: readonly Finding[] }>(reply: PredictionReply): Result[] {
  return reply.bodies.map((body) => JSON.parse(Buffer.from(body).toString()) as Result);
}
