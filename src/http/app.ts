import express, { type Express, type RequestHandler } from 'express';
import helmet from 'helmet';
import type { Logger } from 'pino';
import type { Config } from '../config.ts';
import type { Engine } from '../engine.ts';
import { requireKey } from './auth.ts';
import { createMetrics } from './metrics.ts';
import { noRoute } from './no-route.ts';
import { handleErrors } from './problem.ts';
import { docsRoutes } from './routes/docs.ts';
import { evaluateRoutes } from './routes/evaluate.ts';
import { evaluationsRoutes } from './routes/evaluations.ts';
import { iouRoutes } from './routes/iou.ts';
import { modelRoutes } from './routes/models.ts';
import { predictRoutes } from './routes/predict.ts';
import { runningRoutes } from './routes/running.ts';

export interface AppDependencies {
  readonly engine: Engine;
  readonly config: Config;
  readonly logger: Logger;
}

/** The HTTP API. Every route is mounted here, and nothing else happens here. */
export function createApp({ engine, config, logger }: AppDependencies): Express {
  const app = express();
  app.disable('etag');
  app.set('query parser', 'simple');
  const metrics = createMetrics(engine);

  // Plain http:// on a private network is a normal way to run this; browsers must not be told to upgrade.
  app.use(helmet({ contentSecurityPolicy: { directives: { upgradeInsecureRequests: null } }, hsts: false }));
  app.use(metrics.observeRequests);
  app.use(logRequests(logger));
  app.use(runningRoutes(engine, metrics));
  app.use(docsRoutes());

  const v1 = express.Router();
  v1.use(requireKey(config.api_keys));
  v1.use((_req, _res, next) => void engine.started.then(() => next(), next));
  v1.use(predictRoutes(engine, config, metrics));
  v1.use(modelRoutes(engine, config));
  v1.use(iouRoutes(engine, config));
  v1.use(evaluateRoutes(engine, config));
  v1.use(evaluationsRoutes(engine, config));
  app.use('/v1', v1);

  app.use(noRoute());
  app.use(handleErrors(logger));
  return app;
}

function logRequests(logger: Logger): RequestHandler {
  return (req, res, next) => {
    const started = performance.now();
    const { method, path } = req;
    res.once('close', () => {
      const ms = Math.round(performance.now() - started);
      const level = path === '/healthz' || path === '/readyz' || path === '/metrics' ? 'debug' : 'info';
      logger[level]({ method, path, status: res.writableFinished ? res.statusCode : 'aborted', ms }, 'request');
    });
    next();
  };
}
