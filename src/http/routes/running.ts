import { Router } from 'express';
import type { Engine } from '../../engine.ts';
import type { Metrics } from '../metrics.ts';

/** GET /healthz, /readyz and /metrics: what an orchestrator asks. */
export function runningRoutes(engine: Engine, metrics: Metrics): Router {
  const router = Router();
  router.get('/healthz', (_req, res) => {
    res.json({ status: 'ok' });
  });
  router.get('/readyz', (_req, res) => {
    const missing = engine.missingModels();
    if (missing.length > 0) res.setHeader('Retry-After', '1');
    res.status(missing.length > 0 ? 503 : 200).json({ status: missing.length > 0 ? 'starting' : 'ready', missing });
  });
  router.get('/metrics', async (_req, res) => {
    res.type(metrics.registry.contentType).send(await metrics.registry.metrics());
  });
  return router;
}
