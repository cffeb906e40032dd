import { type Request, Router } from 'express';
import type { Engine } from '../../engine.ts';
import { type Format, isPicture } from '../../options.ts';
import { endpoints, toBody } from '../../predict-api.ts';
import { abandoned } from '../abandoned.ts';
import { admit } from '../admission.ts';
import { type ImageLimits, readImages } from '../images.ts';
import type { Metrics } from '../metrics.ts';
import { parseOptions, type RequestOptions } from '../options.ts';

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
      res.type(isPicture(reply.format) ? reply.format : 'json').send(toBody(reply, performance.now() - started));
    });
  }
  return router;
}

/** `Accept: image/png` means the same as `format=png`; JSON wins where the client takes anything. */
function acceptedFormat(req: Request): RequestOptions['format'] {
  const type = req.accepts(['application/json', 'image/png', 'image/jpeg', 'image/webp']);
  return type && type !== 'application/json' ? (type.slice('image/'.length) as Format) : 'json';
}
