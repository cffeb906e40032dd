import { createWriteStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { type Request, type Response, Router } from 'express';
import multer, { MulterError } from 'multer';
import { currentDescription, type Model } from '../../catalog/model.ts';
import {
  commitIncoming,
  discardIncoming,
  type Incoming,
  manifestOfUpload,
  openIncoming,
  removeFiles,
  toModelId,
} from '../../catalog/store.ts';
import type { Engine } from '../../engine.ts';
import { AppError } from '../../errors.ts';
import { sameOriginOnly } from '../auth.ts';
import { detail, summarise } from '../model-view.ts';

export interface ModelSettings {
  readonly models_dir: readonly string[];
  readonly max_model_bytes: number;
}

/** /models: list, look at, add, load, unload, delete. */
export function modelRoutes(engine: Engine, settings: ModelSettings): Router {
  const { catalog } = engine;
  const router = Router();
  const isDefault = (model: Model) => {
    const task = currentDescription(model)?.task;
    return task !== undefined && catalog.defaultFor([task]) === model;
  };

  router.get('/models', (_req, res) => {
    res.json({ models: catalog.list().map((model) => summarise(model, isDefault(model))) });
  });
  router.get('/models/:id', (req, res) => {
    const model = catalog.get(req.params.id);
    res.json(detail(model, isDefault(model)));
  });
  router.post('/models', sameOriginOnly, async (req, res) => {
    const model = await addModel(req, res, engine, settings);
    res
      .status(201)
      .location(`/v1/models/${model.id}`)
      .json(detail(model, isDefault(model)));
  });
  router.post('/models/:id/load', sameOriginOnly, async (req, res) => {
    const model = await catalog.load(String(req.params.id));
    res.json(detail(model, isDefault(model)));
  });
  router.post('/models/:id/unload', sameOriginOnly, async (req, res) => {
    const model = await catalog.unload(String(req.params.id));
    res.json(detail(model, isDefault(model)));
  });
  router.delete('/models/:id', sameOriginOnly, async (req, res) => {
    await removeFiles(catalog.get(String(req.params.id)).files);
    await catalog.refresh();
    res.status(204).end();
  });
  return router;
}

/** Receives the graph straight to disk, makes sure that it can be served, and only then gives it its name. */
async function addModel(req: Request, res: Response, engine: Engine, settings: ModelSettings): Promise<Model> {
  if (!req.is('multipart/form-data')) {
    throw new AppError('unsupported_media_type', 'expected a multipart form with the graph in the field ‘file’');
  }
  const incoming = await openIncoming(settings.models_dir);
  try {
    const { name, fields } = await receive(req, res, incoming, settings.max_model_bytes);
    const id = toModelId(fields.id || name);
    if (engine.catalog.list().some((model) => model.id === id)) {
      throw new AppError('conflict', `a model ‘${id}’ is already there; delete it first, or send another ‘id’`);
    }
    const manifest = manifestOfUpload(fields.manifest, fields.labels);
    await engine.try(incoming.modelPath, manifest);
    await commitIncoming(incoming, incoming.directory, id, manifest);
    await engine.catalog.refresh();
    return engine.catalog.get(id);
  } finally {
    await discardIncoming(incoming);
  }
}

async function receive(req: Request, res: Response, incoming: Incoming, maxBytes: number) {
  const upload = multer({
    storage: {
      _handleFile(_req, file, done) {
        pipeline(file.stream, createWriteStream(incoming.modelPath)).then(() => done(null, {}), done);
      },
      _removeFile: (_req, _file, done) => done(null),
    },
    limits: { fileSize: maxBytes, files: 1, fields: 10, fieldSize: 2 ** 20 },
  }).single('file');
  await new Promise<void>((resolve, reject) => {
    upload(req, res, (error: unknown) => (error ? reject(toAppError(error, maxBytes)) : resolve()));
  });
  if (!req.file) throw new AppError('invalid_request', 'no file: send the graph in the form field ‘file’');
  return { name: req.file.originalname, fields: req.body as Record<string, string | undefined> };
}

function toAppError(error: unknown, maxBytes: number): AppError {
  if (error instanceof MulterError && error.code === 'LIMIT_FILE_SIZE') {
    return new AppError('payload_too_large', `the graph is larger than ${(maxBytes / 2 ** 20).toFixed(0)} MiB`);
  }
  return new AppError('invalid_request', `the form cannot be read: ${(error as Error).message}`, { cause: error });
}
