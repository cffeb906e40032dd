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
    const isReady = engine.isStarted && missing.length === 0;
    if (!isReady) res.setHeader('Retry-After', '1');
    res.status(isReady ? 200 : 503).json({ status: isReady ? 'ready' : 'starting', missing });
  });
  router.get('/metrics', async (_req, res) => {
    res.type(metrics.registry.contentType).send(await metrics.registry.metrics());
  });
  return router;
}
