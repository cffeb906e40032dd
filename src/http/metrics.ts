import type { RequestHandler } from 'express';
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { Engine, PredictionReply } from '../engine.ts';

export interface Metrics {
  readonly registry: Registry;
  readonly observeRequests: RequestHandler;
  readonly observePrediction: (reply: PredictionReply) => void;
}

const LATENCY_BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

/** Prometheus metrics of one server. */
export function createMetrics(engine: Engine): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const requests = new Histogram({
    name: 'miru_http_request_duration_seconds',
    help: 'Time from the request line to the end of the answer',
    labelNames: ['method', 'route', 'status'],
    buckets: LATENCY_BUCKETS,
    registers: [registry],
  });
  const images = new Counter({
    name: 'miru_images_total',
    help: 'Images predicted',
    labelNames: ['model'],
    registers: [registry],
  });
  const stages = new Counter({
    name: 'miru_stage_seconds_total',
    help: 'Time that images spent in each stage',
    labelNames: ['model', 'stage'],
    registers: [registry],
  });
  gauge(registry, 'miru_queue_length', 'Images that wait for a worker', () => engine.pool.stats.queued);
  gauge(registry, 'miru_running', 'Images that a worker holds', () => engine.pool.stats.running);
  const { evaluations } = engine;
  gauge(registry, 'miru_evaluations_queued', 'Evaluations of models that wait', () => evaluations.stats.queued);
  gauge(registry, 'miru_evaluations_running', 'Evaluations of models that run', () => evaluations.stats.running);
  gauge(registry, 'miru_workers', 'Worker threads', () => engine.pool.stats.workers);
  gauge(registry, 'miru_workers_lost', 'Worker threads that died and were replaced', () => engine.pool.stats.lost);
  gauge(
    registry,
    'miru_models_loaded',
    'Models that are loaded',
    () => engine.catalog.list().filter((m) => m.loaded).length,
  );
  return {
    registry,
    observeRequests(req, res, next) {
      const stop = requests.startTimer({ method: req.method });
      // Ids and typing errors in paths must not become labels: the route's pattern does.
      res.once('close', () => {
        // Not baseUrl: an error that leaves a router takes it away.
        const base = /^\/v1\//i.test(req.originalUrl) ? '/v1' : '';
        const route = req.route ? `${base}${(req.route as { path: string }).path}` : 'none';
        stop({ route, status: String(res.statusCode) });
      });
      next();
    },
    observePrediction({ model, bodies, timing }) {
      images.inc({ model }, bodies.length);
      for (const [stage, ms] of Object.entries(timing)) stages.inc({ model, stage }, ms / 1000);
    },
  };
}

function gauge(registry: Registry, name: string, help: string, read: () => number): void {
  new Gauge({
    name,
    help,
    registers: [registry],
    collect() {
      this.set(read());
    },
  });
}
