import { access, readFile } from 'node:fs/promises';
import { type Request, type Response, Router } from 'express';
import { type Engine, SCORED_TASKS } from '../../engine.ts';
import { AppError } from '../../errors.ts';
import { type DetectionOptions, parseDetectionOptions } from '../../evaluate/detection-options.ts';
import { type DataNames, findDataset } from '../../evaluations/data-folder.ts';
import type { Draft } from '../../evaluations/evaluations.ts';
import type { Job } from '../../evaluations/job.ts';
import type { JobRequest } from '../../evaluations/types.ts';
import { parseObject } from '../../json-body.ts';
import { sameOriginOnly } from '../auth.ts';
import { receiveDataset } from '../dataset-form.ts';
import { sendEvents } from '../job-events.ts';
import { viewOf } from '../job-view.ts';
import { collect } from '../shared-bytes.ts';

export interface EvaluationSettings {
  readonly max_dataset_bytes: number;
  readonly data_dir?: string | undefined;
}

/** A request without files; it is parsed on the main thread. */
const MAX_JSON_BYTES = 64 * 1024;

/** /evaluations: run a model on a data set, watch it, look at what came out, cancel, delete. */
export function evaluationsRoutes(engine: Engine, settings: EvaluationSettings): Router {
  const { evaluations } = engine;
  const router = Router();

  router.post('/evaluations', sameOriginOnly, async (req, res) => {
    const draft = await evaluations.draft();
    try {
      const job = await evaluations.submit(draft, await readRequest(req, res, draft, engine, settings));
      res.status(202).location(`/v1/evaluations/${job.id}`).json(viewOf(job));
    } finally {
      await evaluations.discard(draft);
    }
  });
  router.get('/evaluations', (_req, res) => {
    res.json({ evaluations: evaluations.list().map(viewOf) });
  });
  router.get('/evaluations/:id', async (req, res) => {
    const job = evaluations.get(req.params.id);
    if (job.state !== 'done') return void res.json(viewOf(job));
    const { result } = await evaluations.files(job);
    // What may be megabytes is passed on as it is.
    const head = Buffer.from(`${JSON.stringify(viewOf(job)).slice(0, -1)},"result":`);
    return void res.type('json').send(Buffer.concat([head, await readFile(result), Buffer.from('}')]));
  });
  router.get('/evaluations/:id/events', (req, res) => {
    sendEvents(evaluations.get(req.params.id), req, res);
  });
  router.get('/evaluations/:id/predictions', async (req, res) => {
    const job = evaluations.get(req.params.id);
    const { predictions } = await evaluations.files(job);
    await sendFile(res, job, predictions, 'predictions');
  });
  router.get('/evaluations/:id/report', async (req, res) => {
    const job = evaluations.get(req.params.id);
    const { report } = await evaluations.files(job);
    await sendFile(res, job, report, 'a report');
  });
  router.delete('/evaluations/:id', sameOriginOnly, async (req, res) => {
    const cancelled = await evaluations.remove(String(req.params.id));
    if (cancelled) res.json(viewOf(cancelled));
    else res.status(204).end();
  });
  return router;
}

async function readRequest(
  req: Request,
  res: Response,
  { files }: Draft,
  engine: Engine,
  { max_dataset_bytes, data_dir }: EvaluationSettings,
): Promise<JobRequest> {
  if (req.is('multipart/form-data')) {
    const { data, fields } = await receiveDataset(req, res, files.upload, max_dataset_bytes);
    return { ...whatToScore(engine, { ...req.query, ...fields }), data };
  }
  if (req.is('json')) {
    const { data, ground_truth, images, ...fields } = parseObject(await collect(req, MAX_JSON_BYTES));
    const asked = whatToScore(engine, { ...req.query, ...fields });
    return { ...asked, data: await findDataset(data_dir, textOf({ data, ground_truth, images })) };
  }
  const expected = 'a multipart form with files ‘ground_truth’ and ‘images’, or JSON that names a data set';
  throw new AppError('unsupported_media_type', `expected ${expected}`);
}

/** Refuses what could never be run before anything waits. */
function whatToScore(engine: Engine, { model, ...fields }: Readonly<Record<string, unknown>>) {
  if (model !== undefined && typeof model !== 'string') {
    throw new AppError('invalid_option', 'model: expected the id of one model');
  }
  const options: DetectionOptions = parseDetectionOptions(fields);
  const hasMasks = options.iou_type === 'segm' || options.iou_type === 'boundary';
  const tasks = hasMasks ? SCORED_TASKS.filter((task) => task === 'instance-segmentation') : SCORED_TASKS;
  return { model: engine.choose(model, tasks).id, options };
}

function textOf(names: Readonly<Record<keyof DataNames, unknown>>): DataNames {
  for (const [name, value] of Object.entries(names)) {
    if (value === undefined || (typeof value === 'string' && value !== '')) continue;
    throw new AppError('invalid_request', `${name}: expected a path in the data folder`);
  }
  return names as DataNames;
}

async function sendFile(res: Response, job: Job, path: string, what: string): Promise<void> {
  if (!job.isFinal) throw new AppError('conflict', `the evaluation is ${job.state}; it has ${what} when it is done`);
  await access(path).catch((cause) => {
    throw new AppError('not_found', `the evaluation has no ${what.replace(/^a /, '')}: it is ${job.state}`, { cause });
  });
  await new Promise<void>((resolve, reject) => {
    // A client that hangs up has no use for an error.
    res.sendFile(path, { dotfiles: 'allow', acceptRanges: false }, (error) => {
      if (error && !res.destroyed) reject(error);
      else resolve();
    });
  });
}
