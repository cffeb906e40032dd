import { copyFile, readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { currentDescription, type Model } from '../catalog/model.ts';
import {
  commitIncoming,
  discardIncoming,
  manifestOfUpload,
  openIncoming,
  removeFiles,
  toModelId,
} from '../catalog/store.ts';
import type { Config } from '../config.ts';
import type { Engine } from '../engine.ts';
import { AppError } from '../errors.ts';
import { detail, summarise } from '../http/model-view.ts';
import type { ApiClient } from './api-client.ts';
import type { Io } from './io.ts';
import { openEngine } from './local-predictor.ts';

/** The documents of the HTTP API. */
export type ModelDetail = ReturnType<typeof detail>;
export interface ModelList {
  readonly models: readonly ReturnType<typeof summarise>[];
}

export interface NewModel {
  /** The .onnx file. */
  readonly path: string;
  /** Absent: from the file's name. */
  readonly id?: string | undefined;
  /** Text of a model.json. */
  readonly manifest?: string | undefined;
  /** A JSON array of names, or one name per line. */
  readonly labels?: string | undefined;
}

/** The models of this machine or of a server, as the HTTP API tells of them. */
export interface ModelStore {
  readonly list: () => Promise<ModelList>;
  /** @throws AppError, and nothing is added, where the graph cannot be served or the id is taken. */
  readonly add: (model: NewModel) => Promise<ModelDetail>;
  /** @throws AppError model_not_found or forbidden. */
  readonly remove: (id: string) => Promise<void>;
  readonly close: () => Promise<void>;
}

export async function openLocalStore(io: Io, config: Config): Promise<ModelStore> {
  // Reading graphs needs one worker, and no session.
  const engine = openEngine(io, { ...config, workers: 1 });
  const { catalog } = engine;
  await catalog.refresh();
  const isDefault = (model: Model) => {
    const task = currentDescription(model)?.task;
    return task !== undefined && catalog.defaultFor([task]) === model;
  };
  return {
    list: async () => ({ models: catalog.list().map((model) => summarise(model, isDefault(model))) }),
    async add(model) {
      const added = await addModel(engine, config.models_dir, model);
      return detail(added, isDefault(added));
    },
    remove: async (id) => removeFiles(catalog.get(id).files),
    close: () => engine.close(),
  };
}

/** Copies the graph beside the models, makes sure that it can be served, and only then gives it its name. */
async function addModel(engine: Engine, directories: readonly string[], model: NewModel): Promise<Model> {
  const id = toModelId(model.id ?? basename(model.path));
  if (engine.catalog.list().some((other) => other.id === id)) {
    throw new AppError('conflict', `a model ‘${id}’ is already there; remove it first, or choose another --id`);
  }
  const manifest = manifestOfUpload(model.manifest, model.labels);
  const incoming = await openIncoming(directories);
  try {
    await copyFile(model.path, incoming.modelPath);
    await engine.describe(incoming.modelPath, manifest);
    await commitIncoming(incoming, incoming.directory, id, manifest);
    await engine.catalog.refresh();
    return engine.catalog.get(id);
  } finally {
    await discardIncoming(incoming);
  }
}

export function openRemoteStore(client: ApiClient): ModelStore {
  const parse = (body: Uint8Array) => JSON.parse(Buffer.from(body).toString());
  return {
    list: async () => parse(await client.request('GET', 'v1/models')),
    async add({ path, ...fields }) {
      const form = new FormData();
      // Fields go first: a server reads a form from its beginning.
      for (const [field, value] of Object.entries(fields)) if (value !== undefined) form.append(field, value);
      form.append('file', new Blob([await readFile(path)]), basename(path));
      return parse(await client.request('POST', 'v1/models', form));
    },
    async remove(id) {
      await client.request('DELETE', `v1/models/${encodeURIComponent(id)}`);
    },
    close: async () => {},
  };
}
