import { setMaxListeners } from 'node:events';
import type { Logger } from 'pino';
import { Catalog, type Lease } from './catalog/catalog.ts';
import type { ModelDescription } from './catalog/describe.ts';
import type { ModelHost } from './catalog/host.ts';
import { currentDescription, type Model } from './catalog/model.ts';
import type { Config } from './config.ts';
import { AppError } from './errors.ts';
import type { ScoringTask } from './evaluate/tasks.ts';
import { Evaluations } from './evaluations/evaluations.ts';
import type { BorrowedModel, ModelLender } from './evaluations/types.ts';
import { labelSets } from './families/labels.ts';
import { refusalOf } from './families/proposals.ts';
import type { JsonBody } from './json-body.ts';
import { type Format, isPicture, type PredictOptions, toLimits } from './options.ts';
import type { Timing } from './pipeline.ts';
import { runIsolated } from './runtime/isolated.ts';
import type { RunOptions } from './runtime/job.ts';
import { WorkerPool } from './runtime/pool.ts';
import { scriptOf } from './runtime/script.ts';
import { ThreadPerTask } from './runtime/thread-per-task.ts';
import type { Trial } from './trial.ts';
import type { Task as VisionTask } from './vision/types.ts';
import type { Task, TaskResult, TaskResults } from './worker.ts';

export interface EncodedImage {
  /** File name, for the answer. */
  readonly name: string;
  /** In shared memory, so that no thread copies it. */
  readonly bytes: Uint8Array;
}

export interface PredictionRequest {
  /** Absent: the default for `tasks`. */
  readonly model?: string | undefined;
  /** Tasks that the caller can take; a model of another is refused. */
  readonly tasks: readonly VisionTask[];
  readonly images: readonly EncodedImage[];
  readonly options: PredictOptions;
}

export interface PredictionReply {
  readonly model: string;
  readonly task: VisionTask;
  readonly format: Format;
  /** One per image, as `PredictReply.body`. */
  readonly bodies: readonly Uint8Array[];
  /** Milliseconds, added up over the images. */
  readonly timing: Timing & { readonly queue: number };
}

/** Tasks of models that can be run on a data set and scored. */
export const SCORED_TASKS = ['detection', 'instance-segmentation'] as const satisfies VisionTask[];

const POLL_MS = 1_000;
/** The largest models take half a minute to load. */
const TRIAL_MS = 120_000;
/** One picture is computed while the next one is decoded. */
const JOBS_PER_WORKER = 2;
/** Each holds what was uploaded for it. */
const WAITING_EVALUATIONS = 16;
/** Pictures hardly compress; what comes out of an archive of them may be so much larger than a request. */
const UNPACKED = 2;

/** The models, the workers and the way between them: what the HTTP API and the command line both stand on. */
export class Engine implements ModelHost, ModelLender {
  readonly catalog: Catalog;
  readonly pool: WorkerPool<Task, TaskResult>;
  /** Scores data sets, apart from the pool: seconds and gigabytes of that must not stand in the way of predictions. */
  readonly scoring: ThreadPerTask<ScoringTask, Uint8Array>;
  /** Models that are run on whole data sets. */
  readonly evaluations: Evaluations;
  /** The model directories have been read: before that, "no such model" is not known. */
  readonly started: Promise<void>;
  isStarted = false;
  #resolveStarted = () => {};
  readonly #config: Config;

  constructor(config: Config, logger: Logger) {
    this.#config = config;
    this.started = new Promise((resolve) => {
      this.#resolveStarted = resolve;
    });
    this.catalog = new Catalog(
      {
        directories: config.models_dir,
        maxLoaded: config.max_loaded_models,
        provider: config.provider,
        defaultModel: config.default_model,
        log: (level, message, fields) => logger[level](fields, message),
      },
      this,
    );
    this.pool = new WorkerPool({
      script: scriptOf('worker'),
      size: config.workers,
      queueLimit: config.queue_limit,
      jobsPerWorker: JOBS_PER_WORKER,
      setup: () => this.catalog.activeLoads.map((request) => this.#loadTask(request)),
      onWorkerLost: (error, jobs) => logger.error({ err: error, jobs }, 'a worker was lost and is being replaced'),
    });
    this.scoring = new ThreadPerTask({
      script: scriptOf('evaluate/thread'),
      size: config.evaluation_threads,
      queueLimit: WAITING_EVALUATIONS,
    });
    this.evaluations = new Evaluations({
      stateFolder: config.state_dir,
      script: scriptOf('evaluations/thread'),
      models: this,
      atOnce: config.evaluation_jobs,
      width: config.workers,
      mostKept: config.max_evaluations,
      timeoutMs: config.evaluation_timeout_ms,
      limits: {
        maxTruthBytes: config.max_evaluation_bytes,
        maxImageBytes: config.max_upload_bytes,
        maxUnpackedBytes: UNPACKED * config.max_dataset_bytes,
      },
      onError: (error, id) => logger.error({ err: error, evaluation: id }, 'an evaluation failed'),
    });
  }

  /** Reads the model directories, and keeps watching them if `watch`. */
  async start({ watch }: { watch: boolean }): Promise<void> {
    await this.catalog.start(watch ? POLL_MS : 0);
    this.isStarted = true;
    this.#resolveStarted();
  }

  /** Ids that `preload` stands for. */
  get requiredModels(): string[] {
    return this.#config.preload.flatMap((name) => {
      if (name === 'none') return [];
      const byDefault = this.catalog.defaultFor(['detection', 'instance-segmentation'])?.id;
      return name === 'default' ? (byDefault ?? []) : name;
    });
  }

  /** Those of them that cannot serve yet. */
  missingModels(): string[] {
    return this.requiredModels.filter((id) => !this.catalog.list().some((model) => model.id === id && model.loaded));
  }

  /** @throws AppError of the first model that cannot be loaded. */
  async preload(): Promise<void> {
    for (const id of this.requiredModels) (await this.catalog.acquire(id)).release();
  }

  /** The model that a request means. @throws AppError model_not_found, model_unavailable or task_mismatch. */
  choose(id: string | undefined, tasks: readonly VisionTask[]): Model {
    if (id === undefined) {
      const model = this.catalog.defaultFor(tasks);
      if (model) return model;
      throw new AppError(
        'model_not_found',
        `there is no model for ${tasks.join(' or ')}; put one into the models directory`,
      );
    }
    const model = this.catalog.get(id);
    const description = currentDescription(model);
    if (!description) {
      throw new AppError('model_unavailable', `model ‘${id}’ cannot be served: ${model.error?.message}`);
    }
    if (!tasks.includes(description.task)) {
      throw new AppError(
        'task_mismatch',
        `model ‘${id}’ does ${description.task}; this endpoint takes ${tasks.join(' or ')}`,
      );
    }
    return model;
  }

  /** @throws AppError for everything that can go wrong with a request. */
  async predict({ model, tasks, images, options }: PredictionRequest, run: RunOptions = {}): Promise<PredictionReply> {
    const chosen = this.choose(model, tasks);
    const format = options.format ?? 'json';
    if (images.length !== 1 && isPicture(format)) {
      throw new AppError(
        'invalid_option',
        `format=${format} answers with one picture; send one image, not ${images.length}`,
      );
    }
    this.pool.checkRoom(images.length);
    const lease = await this.catalog.acquire(chosen.id);
    try {
      return await this.#predictAll(chosen.id, lease, images, format, options, run);
    } finally {
      lease.release();
    }
  }

  /** One version of a model, for many images that wait behind those of requests. */
  async borrow(id: string): Promise<BorrowedModel> {
    const lease = await this.catalog.acquire(this.choose(id, SCORED_TASKS).id);
    return {
      sha256: lease.description.sha256,
      release: lease.release,
      predict: async ({ name, bytes }, options, signal) => {
        const task = this.#predictTask(lease, options.format ?? 'json', options);
        const { result } = await this.pool.run({ ...task, name, image: bytes }, { signal, isBackground: true });
        return (result as TaskResults['predict']).body;
      },
    };
  }

  /** What all images of a request have in common. */
  #predictTask({ key, description, manifest }: Lease, format: Format, options: PredictOptions) {
    return {
      kind: 'predict' as const,
      key,
      maxPixels: this.#config.max_pixels,
      limits: toLimits(options, description.labels, description.defaults),
      proposals: toProposals(options, description),
      format,
      maskFormat: options.maskFormat,
      categoryIds: manifest.category_ids ?? officialCategoryIds(description),
    };
  }

  async #predictAll(
    id: string,
    lease: Lease,
    images: readonly EncodedImage[],
    format: Format,
    options: PredictOptions,
    run: RunOptions,
  ): Promise<PredictionReply> {
    const shared = this.#predictTask(lease, format, options);
    // One image that fails, fails the request: the others are not computed for nothing.
    const stop = new AbortController();
    const signal = run.signal ? AbortSignal.any([run.signal, stop.signal]) : stop.signal;
    // Every image listens; Node takes more than ten for a leak.
    setMaxListeners(images.length, signal);
    const jobs = images.map(async ({ name, bytes }) => {
      const { result, queueMs } = await this.pool.run({ ...shared, name, image: bytes }, { ...run, signal });
      return { ...(result as TaskResults['predict']), queueMs };
    });
    const replies = await Promise.all(jobs).catch((error: unknown) => {
      stop.abort();
      throw error;
    });
    const sum = (pick: (reply: (typeof replies)[number]) => number) => replies.reduce((ms, r) => ms + pick(r), 0);
    return {
      model: id,
      task: lease.description.task,
      format,
      bodies: replies.map((reply) => reply.body),
      timing: {
        decode: sum((r) => r.timing.decode),
        preprocess: sum((r) => r.timing.preprocess),
        queue: sum((r) => r.queueMs),
        inference: sum((r) => r.timing.inference),
        postprocess: sum((r) => r.timing.postprocess),
      },
    };
  }

  /** Reads a JSON body with images where that blocks nobody. */
  async parseJson(body: Uint8Array): Promise<JsonBody> {
    return (await this.pool.runAside({ kind: 'parse-json', body, maxImages: this.#config.max_images })) as JsonBody;
  }

  /** Answers POST /v1/iou. */
  async iou(body: Uint8Array): Promise<Uint8Array> {
    return (await this.pool.runAside({ kind: 'iou', body })) as Uint8Array;
  }

  async describe(path: string, manifest: Model['manifest']): Promise<ModelDescription> {
    return (await this.pool.runAside({ kind: 'describe', path, manifest })) as ModelDescription;
  }

  /** Loads and warms up a model that is not in the catalog, at no risk. @throws AppError where it cannot be served. */
  async try(path: string, manifest: Model['manifest']): Promise<void> {
    const trial: Trial = { path, manifest, provider: this.#config.provider };
    await runIsolated(scriptOf('trial'), trial, TRIAL_MS);
  }

  async load(request: Parameters<ModelHost['load']>[0]): Promise<TaskResults['load']> {
    const replies = await this.pool.broadcast(this.#loadTask(request));
    const [first] = replies as TaskResults['load'][];
    if (!first) throw new AppError('worker_lost', 'no worker is running', { retryAfter: 1 });
    return first;
  }

  async unload(key: string): Promise<void> {
    await this.pool.broadcast({ kind: 'unload', key });
  }

  /** Finishes what is running, then stops the workers. */
  async close(): Promise<void> {
    this.catalog.stop();
    await this.evaluations.close();
    this.scoring.close();
    await this.pool.close(this.#config.shutdown_timeout_ms);
  }

  #loadTask(request: Parameters<ModelHost['load']>[0]): Task {
    return { kind: 'load', threads: this.#config.threads, ...request };
  }
}

/** COCO's own ids, 1–90 with gaps, for models that know all of COCO's categories. */
function officialCategoryIds({ labels }: ModelDescription): readonly number[] | undefined {
  const { names, ids } = labelSets.coco80;
  if (!names.every((name) => labels.includes(name))) return undefined;
  return labels.map((label) => ids[names.indexOf(label)] ?? 0);
}

/** The boxes to look into, 4n. @throws AppError invalid_option for models that do not ask, or take fewer. */
function toProposals({ proposals }: PredictOptions, description: ModelDescription): Float32Array | undefined {
  if (!proposals) return undefined;
  const refusal = refusalOf(proposals.length, description);
  if (refusal) throw new AppError('invalid_option', `proposals: ${refusal}`);
  return Float32Array.from(proposals.flat());
}
