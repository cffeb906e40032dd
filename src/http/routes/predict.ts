import { type Request, type Response, Router } from 'express';
import type { Engine, PredictionReply } from '../../engine.ts';
import type { Format } from '../../options.ts';
import type { Task } from '../../vision/types.ts';
import { admit } from '../admission.ts';
import { type ImageLimits, readImages } from '../images.ts';
import type { Metrics } from '../metrics.ts';
import { parseOptions, type RequestOptions } from '../options.ts';

/** The tasks that each endpoint takes. */
export const endpoints = {
  detect: ['detection', 'instance-segmentation'],
  segment: ['semantic-segmentation', 'instance-segmentation'],
  classify: ['classification'],
  predict: ['detection', 'instance-segmentation', 'semantic-segmentation', 'classification'],
} as const satisfies Record<string, readonly Task[]>;

export interface PredictSettings extends ImageLimits {
  readonly request_timeout_ms: number;
}

/** POST /detect, /segment, /classify and /predict. */
export function predictRoutes(engine: Engine, settings: PredictSettings, metrics: Metrics): Router {
  const router = Router();
  for (const [path, tasks] of Object.entries(endpoints)) {
    router.post(`/${path}`, admit(engine, settings.max_upload_bytes), async (req, res) => {
      const started = performance.now();
      const deadline = Date.now() + settings.request_timeout_ms;
      const signal = abandoned(res);
      const { images, fields } = await readImages(req, res, engine, settings);
      const { model, ...options } = parseOptions(fields);
      const format = options.format ?? acceptedFormat(req);
      const reply = await engine.predict(
        { model, tasks, images, options: { ...options, format } },
        { signal, deadline },
      );
      metrics.observePrediction(reply);
      send(res, reply, performance.now() - started);
    });
  }
  return router;
}

/** Fires when the client hangs up before it has its answer. */
function abandoned(res: Response): AbortSignal {
  const controller = new AbortController();
  res.once('close', () => {
    if (!res.writableFinished) controller.abort();
  });
  return controller.signal;
}

/** `Accept: image/png` means the same as `format=png`; JSON wins where the client takes anything. */
function acceptedFormat(req: Request): RequestOptions['format'] {
  const type = req.accepts(['application/json', 'image/png', 'image/jpeg', 'image/webp']);
  return type && type !== 'application/json' ? (type.slice('image/'.length) as Format) : 'json';
}

function send(res: Response, reply: PredictionReply, totalMs: number): void {
  const { bodies, format } = reply;
  if (format === 'json') {
    const tail = Buffer.from(`],"timing":${JSON.stringify(timing(reply, totalMs))}}`);
    const head = Buffer.from(`{"model":${JSON.stringify(reply.model)},"task":"${reply.task}","results":[`);
    res.type('json').send(Buffer.concat([head, ...joined(bodies), tail]));
  } else if (format === 'coco') {
    const filled = bodies.filter((body) => body.length > 0);
    res.type('json').send(Buffer.concat([Buffer.from('['), ...joined(filled), Buffer.from(']')]));
  } else res.type(format).send(Buffer.from(bodies[0]!.buffer, bodies[0]!.byteOffset, bodies[0]!.byteLength));
}

function joined(bodies: readonly Uint8Array[]): Uint8Array[] {
  const comma = Buffer.from(',');
  return bodies.flatMap((body, i) => (i === 0 ? [body] : [comma, body]));
}

function timing({ timing: t }: PredictionReply, totalMs: number) {
  const round = (ms: number) => Math.round(ms * 100) / 100;
  return {
    decode_ms: round(t.decode),
    preprocess_ms: round(t.preprocess),
    queue_ms: round(t.queue),
    inference_ms: round(t.inference),
    postprocess_ms: round(t.postprocess),
    total_ms: round(totalMs),
  };
}
