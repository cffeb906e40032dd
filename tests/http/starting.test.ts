import { pino } from 'pino';
import request from 'supertest';
import { afterAll, expect, it } from 'vitest';
import { loadConfig } from '../../src/config.ts';
import { Engine } from '../../src/engine.ts';
import { createApp } from '../../src/http/app.ts';

const logger = pino({ level: 'silent' });
const config = loadConfig({}, { workers: 1, threads: 1, provider: 'cpu' });
const engine = new Engine(config, logger);
const app = createApp({ engine, config, logger });

afterAll(() => engine.close());

it('is alive but not ready before the model directories are read, and keeps early requests waiting for them', async () => {
  await request(app).get('/healthz').expect(200);
  await request(app).get('/readyz').expect(503).expect('Retry-After', '1');
  // Sent at once, not when it is awaited.
  const early = request(app)
    .post('/v1/detect')
    .attach('image', 'samples/chelsea.png')
    .then((res) => res);
  await engine.start({ watch: false });
  const { status, body } = await early;
  expect(status).toBe(200);
  expect(body.results[0].detections[0]).toMatchObject({ label: 'cat', class_id: 15 });
  expect(body.results[0].detections[0].score).toBeGreaterThan(0.3);
  await engine.preload();
  await request(app).get('/readyz').expect(200);
});
