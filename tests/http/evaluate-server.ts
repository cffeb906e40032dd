import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { pino } from 'pino';
import { afterAll, beforeAll } from 'vitest';
import { loadConfig } from '../../src/config.ts';
import { Engine } from '../../src/engine.ts';
import type { DetectionAnswer } from '../../src/evaluate/detection.ts';
import type { PanopticAnswer } from '../../src/evaluate/panoptic.ts';
import type { SegmentationAnswer } from '../../src/evaluate/segmentation.ts';
import { createApp } from '../../src/http/app.ts';
import type { Problem } from '../../src/http/problem.ts';

/** A file of a form: its name and its text or bytes. */
export type FilePart = readonly [name: string, content: unknown];

export interface Answer {
  readonly status: number;
  readonly body: DetectionAnswer & SegmentationAnswer & PanopticAnswer & Problem;
}

/** A server without models for one test file; `settings` as in the environment. */
export function scoringServer(settings: Record<string, string> = {}) {
  const config = loadConfig({ WORKERS: '1', MODELS_DIR: '/nonexistent', ...settings });
  const logger = pino({ level: 'silent' });
  let engine: Engine;
  let base = '';
  const server = createServer();
  beforeAll(async () => {
    engine = new Engine(config, logger);
    await engine.start({ watch: false });
    server.on('request', createApp({ engine, config, logger }));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterAll(async () => {
    server.closeAllConnections();
    server.close();
    await engine.close();
  });

  async function send(path: string, init: RequestInit): Promise<Answer> {
    const response = await fetch(`${base}${path}`, init);
    return { status: response.status, body: (await response.json()) as Answer['body'] };
  }

  return {
    get base() {
      return base;
    },
    get engine() {
      return engine;
    },
    /** Sends a form; arrays of file parts become files, everything else fields. */
    form(path: string, parts: Record<string, string | readonly FilePart[]>): Promise<Answer> {
      const form = new FormData();
      for (const [field, value] of Object.entries(parts)) {
        if (typeof value === 'string') form.append(field, value);
        else for (const [name, content] of value) form.append(field, new Blob([toBytes(content)]), name);
      }
      return send(path, { method: 'POST', body: form });
    },
    json(path: string, body: unknown): Promise<Answer> {
      const text = typeof body === 'string' ? body : JSON.stringify(body);
      return send(path, { method: 'POST', body: text, headers: { 'content-type': 'application/json' } });
    },
    send,
  };
}

function toBytes(content: unknown): Uint8Array<ArrayBuffer> {
  if (content instanceof Uint8Array) return Uint8Array.from(content);
  return Uint8Array.from(Buffer.from(typeof content === 'string' ? content : JSON.stringify(content)));
}
