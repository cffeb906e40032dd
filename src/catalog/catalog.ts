import { readFile } from 'node:fs/promises';
import { AppError, messageOf } from '../errors.ts';
import type { ProviderChoice } from '../runtime/provider.ts';
import type { Task } from '../vision/types.ts';
import type { ModelDescription } from './describe.ts';
import type { LoadRequest, ModelHost } from './host.ts';
import { type Manifest, parseManifest } from './manifest.ts';
import { currentDescription, type Loaded, type Loading, type Model, newModel } from './model.ts';
import { repeat } from './repeat.ts';
import { type ModelFiles, scanModels } from './scan.ts';

export interface CatalogOptions {
  readonly directories: readonly string[];
  /** Past this many, the model that was used longest ago is unloaded. */
  readonly maxLoaded: number;
  readonly provider: ProviderChoice;
  readonly defaultModel?: string | undefined;
  readonly log: (level: 'info' | 'warn', message: string, fields: object) => void;
}

/** The right to use one loaded version until `release` is called, even if it is replaced or evicted meanwhile. */
export interface Lease {
  readonly key: string;
  readonly description: ModelDescription;
  readonly manifest: Manifest;
  readonly release: () => void;
}

/** A load that failed is tried again by the first request after this. */
const RETRY_AFTER_MS = 10_000;

/** Which models there are, which are loaded, and in which version. Lives on the main thread and holds no weights. */
export class Catalog {
  readonly #options: CatalogOptions;
  readonly #host: ModelHost;
  readonly #models = new Map<string, Model>();
  /** Fingerprints of the last scan: a file that still changes is still being copied. */
  #lastSeen = new Map<string, string>();
  readonly #active = new Map<string, LoadRequest>();
  #refreshing: Promise<void> = Promise.resolve();
  #stopPolling = () => {};
  #version = 0;

  constructor(options: CatalogOptions, host: ModelHost) {
    this.#options = options;
    this.#host = host;
  }

  /** Reads the directories, then looks at them again every `pollMs`. */
  async start(pollMs: number): Promise<void> {
    await this.refresh();
    // A file that grows must be seen to grow between two looks.
    if (pollMs > 0) this.#stopPolling = repeat(pollMs, () => this.#refresh(false));
  }

  stop(): void {
    this.#stopPolling();
  }

  /** Every load that a fresh worker has to repeat. */
  get activeLoads(): LoadRequest[] {
    return [...this.#active.values()];
  }

  list(): Model[] {
    return [...this.#models.values()].sort((a, b) => (a.id < b.id ? -1 : 1));
  }

  /** @throws AppError model_not_found naming the models there are. */
  get(id: string): Model {
    const model = this.#models.get(id);
    if (model) return model;
    const ids = this.list().map((m) => m.id);
    throw new AppError('model_not_found', `there is no model ‘${id}’; there are: ${ids.join(', ') || 'none'}`);
  }

  /** The model that a request for one of `tasks` gets when it names none. */
  defaultFor(tasks: readonly Task[]): Model | undefined {
    const fitting = this.list().filter((m) => {
      const description = currentDescription(m);
      return description && tasks.includes(description.task);
    });
    return (
      fitting.find((m) => m.id === this.#options.defaultModel) ?? fitting.find((m) => m.manifest.default) ?? fitting[0]
    );
  }

  /** Takes in what changed on disk, at once, without waiting whether a file still grows. */
  refresh(): Promise<void> {
    return this.#refresh(true);
  }

  /** @throws AppError model_not_found, or model_unavailable with the reason. */
  async acquire(id: string): Promise<Lease> {
    const model = this.get(id);
    const loaded = await this.#use(model);
    let isHeld = true;
    return {
      key: loaded.request.key,
      description: loaded.description,
      manifest: loaded.manifest,
      release: () => {
        if (!isHeld) return;
        isHeld = false;
        loaded.users--;
        this.#unloadIfUnused(loaded);
      },
    };
  }

  /** Reads the model's files again and loads them; what is loaded keeps serving until the new version is ready. */
  async load(id: string): Promise<Model> {
    await this.#refresh(true, id);
    const model = this.get(id);
    if (!model.description) throw model.error;
    if (model.loaded?.description !== model.description) await this.#load(model, model.description).done;
    return model;
  }

  async unload(id: string): Promise<Model> {
    const model = this.get(id);
    await model.loading?.done.catch(() => {});
    if (model.loaded) this.#retire(model);
    return model;
  }

  /** The loaded version, with one more user. */
  async #use(model: Model): Promise<Loaded> {
    model.lastUsed = performance.now();
    if (model.loaded) {
      model.loaded.users++;
      return model.loaded;
    }
    const hasJustFailed = model.error && performance.now() - model.failedAt < RETRY_AFTER_MS;
    try {
      if (!model.description || hasJustFailed) throw model.error;
      const loading = this.#load(model, model.description);
      loading.waiting++;
      return await loading.done;
    } catch (error) {
      const wait = model.failedAt + RETRY_AFTER_MS - performance.now();
      const retryAfter = Math.max(1, Math.ceil(wait / 1_000));
      throw new AppError('model_unavailable', `model ‘${model.id}’ cannot be served: ${messageOf(error)}`, {
        cause: error,
        retryAfter,
      });
    }
  }

  #load(model: Model, description: ModelDescription): Loading {
    model.loading ??= { done: this.#loadVersion(model, description), waiting: 0 };
    return model.loading;
  }

  /** Loads the files as they are now, then lets the version before go. */
  async #loadVersion(model: Model, description: ModelDescription): Promise<Loaded> {
    const { manifest, files } = model;
    const provider = manifest.provider ?? this.#options.provider;
    const request: LoadRequest = {
      key: `${model.id}@${++this.#version}`,
      path: files.modelPath,
      description,
      provider,
    };
    this.#makeRoomFor(model);
    this.#active.set(request.key, request);
    try {
      const reply = await this.#host.load(request);
      const { log } = this.#options;
      if (reply.fallbackReason)
        log('warn', 'no CUDA, using the CPU', { model: model.id, reason: reply.fallbackReason });
      const warmUpMs = Math.round(reply.warmUpMs);
      log('info', 'model loaded', { model: model.id, provider: reply.provider, warm_up_ms: warmUpMs });
      if (model.loaded) this.#retire(model);
      model.error = undefined;
      const users = model.loading?.waiting ?? 0;
      model.loading = undefined;
      model.loaded = { ...reply, request, description, manifest, users, isRetired: false };
      model.lastUsed = performance.now();
      // Another model may have been loaded at the same time.
      this.#makeRoomFor(model);
      return model.loaded;
    } catch (error) {
      model.loading = undefined;
      this.#active.delete(request.key);
      void this.#host.unload(request.key).catch(() => {});
      throw this.#fail(model, error);
    }
  }

  #fail(model: Model, error: unknown): AppError {
    model.error = error instanceof AppError ? error : new AppError('invalid_model', messageOf(error), { cause: error });
    model.failedAt = performance.now();
    const kept = model.loaded ? ', the version before keeps serving' : '';
    this.#options.log('warn', `model cannot be served${kept}`, { model: model.id, reason: model.error.message });
    return model.error;
  }

  #makeRoomFor(model: Model): void {
    const others = this.list().filter((other) => other.loaded && other !== model);
    others.sort((a, b) => a.lastUsed - b.lastUsed);
    for (const other of others.slice(0, Math.max(0, others.length + 1 - this.#options.maxLoaded))) {
      this.#options.log('info', 'model evicted', { model: other.id, for: model.id });
      this.#retire(other);
    }
  }

  #retire(model: Model): void {
    const { loaded } = model;
    if (!loaded) return;
    model.loaded = undefined;
    loaded.isRetired = true;
    this.#unloadIfUnused(loaded);
  }

  #unloadIfUnused(loaded: Loaded): void {
    const { key } = loaded.request;
    if (!loaded.isRetired || loaded.users > 0 || !this.#active.delete(key)) return;
    void this.#host.unload(key).catch(() => {});
  }

  /** @param again id of a model that is read even if its files are the same, should it have failed. */
  #refresh(immediately: boolean, again?: string): Promise<void> {
    this.#refreshing = this.#refreshing
      .then(() => this.#takeIn(immediately, again))
      .catch((error: unknown) => {
        this.#options.log('warn', 'the model directories cannot be read', { reason: messageOf(error) });
      });
    return this.#refreshing;
  }

  async #takeIn(immediately: boolean, again: string | undefined): Promise<void> {
    const found = await scanModels(this.#options.directories);
    const settled = (files: ModelFiles) => immediately || this.#lastSeen.get(files.id) === files.fingerprint;
    for (const files of found.values()) {
      const known = this.#models.get(files.id);
      const isNews = known?.files.fingerprint !== files.fingerprint || (again === files.id && known.error);
      if (isNews && settled(files)) await this.#update(files);
    }
    for (const model of this.list()) {
      if (found.has(model.id)) continue;
      this.#models.delete(model.id);
      await model.loading?.done.catch(() => {});
      this.#retire(model);
      this.#options.log('info', 'model removed', { model: model.id });
    }
    this.#lastSeen = new Map([...found.values()].map((files) => [files.id, files.fingerprint]));
  }

  async #update(files: ModelFiles): Promise<void> {
    const known = this.#models.get(files.id);
    const model: Model = known ?? newModel(files);
    try {
      const text = await readFile(files.manifestPath, 'utf8').catch(() => '{}');
      const manifest = parseManifest(text, files.manifestPath.split('/').at(-1) ?? 'model.json');
      const description = await this.#host.describe(files.modelPath, manifest);
      // A load of the files before ends first, and is then replaced.
      await model.loading?.done.catch(() => {});
      model.manifest = manifest;
      model.description = description;
      model.error = undefined;
      const { family, recognition } = description;
      this.#options.log('info', 'model found', { model: model.id, family, recognised_by: recognition.by });
    } catch (error) {
      await model.loading?.done.catch(() => {});
      model.description = undefined;
      this.#fail(model, error);
    }
    model.files = files;
    this.#models.set(model.id, model);
    if (model.loaded && model.description) await this.#load(model, model.description).done.catch(() => {});
  }
}
