import { describeModel, type ModelDescription } from './catalog/describe.ts';
import type { LoadReply, LoadRequest } from './catalog/host.ts';
import type { Manifest } from './catalog/manifest.ts';
import { AppError } from './errors.ts';
import { answerIou } from './iou-request.ts';
import { type JsonBody, parseJsonBody } from './json-body.ts';
import { openModel } from './open-model.ts';
import { type LoadedModel, type PredictReply, type PredictRequest, predict } from './pipeline.ts';
import { type Checkpoint, serveTasks } from './runtime/thread.ts';

/** What the main thread asks of a worker. */
export type Task =
  | { readonly kind: 'describe'; readonly path: string; readonly manifest: Manifest }
  | ({ readonly kind: 'load'; readonly threads: number } & LoadRequest)
  | { readonly kind: 'unload'; readonly key: string }
  | { readonly kind: 'iou'; readonly body: Uint8Array }
  | { readonly kind: 'parse-json'; readonly body: Uint8Array; readonly maxImages: number }
  | ({ readonly kind: 'predict'; readonly key: string } & PredictRequest);

export interface TaskResults {
  describe: ModelDescription;
  load: LoadReply;
  unload: undefined;
  iou: Uint8Array;
  'parse-json': JsonBody;
  predict: PredictReply;
}

export type TaskResult = TaskResults[keyof TaskResults];

const models = new Map<string, Promise<LoadedModel & LoadReply>>();

async function handle(task: Task, checkpoint: Checkpoint): Promise<TaskResult> {
  switch (task.kind) {
    case 'describe':
      return describeModel(task.path, task.manifest);
    case 'load':
      return load(task);
    case 'unload':
      return unload(task.key);
    case 'iou':
      return answerIou(task.body);
    case 'parse-json':
      return parseJsonBody(task.body, task.maxImages);
    case 'predict': {
      const model = await models.get(task.key);
      if (!model) throw new AppError('model_unavailable', 'the model was unloaded; try again', { retryAfter: 1 });
      const { body, timing } = await predict(model, task, checkpoint);
      return { body: toMovable(body), timing };
    }
  }
}

type LoadTask = Extract<Task, { kind: 'load' }>;

async function load(request: LoadTask): Promise<LoadReply> {
  const loading = models.get(request.key) ?? openModel(request);
  models.set(request.key, loading);
  try {
    const { provider, fallbackReason, warmUpMs } = await loading;
    return { provider, fallbackReason, warmUpMs };
  } catch (error) {
    models.delete(request.key);
    throw error;
  }
}

async function unload(key: string): Promise<undefined> {
  const model = models.get(key);
  models.delete(key);
  await (await model?.catch(() => undefined))?.session.release();
}

/** Memory of native code, where encoded pictures lie, would be copied on the main thread; Node moves only its own. */
function toMovable(body: Uint8Array): Uint8Array {
  return Buffer.isBuffer(body) ? new Uint8Array(body) : body;
}

/** Moves the answer's bytes to the main thread, unless they are a part of a buffer that others use too. */
function transfers(result: TaskResult): ArrayBuffer[] {
  const bytes = result && 'body' in result ? result.body : result;
  if (!(bytes instanceof Uint8Array)) return [];
  const { buffer, byteLength } = bytes;
  return buffer instanceof ArrayBuffer && buffer.byteLength === byteLength ? [buffer] : [];
}

serveTasks(handle, transfers);
