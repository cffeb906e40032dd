import { stat } from 'node:fs/promises';
import { basename, dirname, extname, resolve } from 'node:path';
import { pino } from 'pino';
import type { Config } from '../config.ts';
import { Engine } from '../engine.ts';
import { parseOptions } from '../http/options.ts';
import { type Endpoint, endpoints, toBody } from '../predict-api.ts';
import { CommandError } from './failure.ts';
import type { Io } from './io.ts';
import type { PredictFields, Predictor } from './predictor.ts';
import { configOf } from './settings.ts';

/** Per worker: one image computes, one is decoded, and one is read from disk meanwhile. */
const IMAGES_PER_WORKER = 3;

export interface LocalOptions {
  readonly endpoint: Endpoint;
  readonly fields: PredictFields;
  /** The command's flags, those of settings among them. */
  readonly flags: Readonly<Record<string, unknown>>;
  /** How many there are to predict. */
  readonly images: number;
}

/** Predicts in this process, with the same engine that serves HTTP. */
export async function openLocalPredictor(io: Io, options: LocalOptions): Promise<Predictor> {
  const { endpoint, fields, flags, images } = options;
  const graph = await findGraph(fields.model);
  const config = fitTo(images, configOf(io, flags), flags.threads ?? io.env.THREADS);
  const engine = openEngine(io, graph ? { ...config, models_dir: [dirname(graph)] } : config);
  const { model: id, ...limits } = fields;
  const model = graph ? basename(graph, extname(graph)) : id;
  const tasks = endpoints[endpoint];

  async function prepare(): Promise<void> {
    await engine.start({ watch: false });
    const chosen = graph ? engine.catalog.list().find(({ files }) => files.modelPath === graph) : undefined;
    if (graph && !chosen) throw new CommandError(`${graph}: a model's file name has only letters, digits, . _ and -`);
    const lease = await engine.catalog.acquire(engine.choose(model, tasks).id);
    lease.release();
  }

  return {
    concurrency: config.workers * IMAGES_PER_WORKER,
    prepare,
    async predict({ name, bytes }, ask, signal) {
      const started = performance.now();
      const image = { name, bytes: toShared(bytes) };
      const { model: _, ...predictOptions } = parseOptions({ ...limits, ...ask });
      const reply = await engine.predict({ model, tasks, images: [image], options: predictOptions }, { signal });
      return toBody(reply, performance.now() - started);
    },
    close: () => engine.close(),
  };
}

/** An engine that logs only where the environment asks for it. */
export function openEngine(io: Io, config: Config): Engine {
  const level = io.env.LOG_LEVEL ? config.log_level : 'silent';
  return new Engine(config, pino({ level, base: null }, io.stderr));
}

/** Memory that the workers read where it lies. */
function toShared(bytes: Uint8Array): Uint8Array {
  const shared = new Uint8Array(new SharedArrayBuffer(bytes.length));
  shared.set(bytes);
  return shared;
}

/** `--model ./my.onnx` names a file, not a model of the models directories. */
async function findGraph(model: string | undefined): Promise<string | undefined> {
  if (!model || !/\.onnx$/i.test(model)) return undefined;
  const path = resolve(model);
  await stat(path);
  return path;
}

/** No more workers than images, and the threads of those that are left out go to the others. */
function fitTo(images: number, config: Config, threads: unknown): Config {
  const workers = Math.max(1, Math.min(config.workers, images));
  const share = Math.max(1, Math.floor((config.workers * config.threads) / workers));
  return {
    ...config,
    workers,
    threads: threads === undefined ? share : config.threads,
    queue_limit: Math.max(config.queue_limit, workers * IMAGES_PER_WORKER),
  };
}
