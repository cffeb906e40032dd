import type { Express, Router } from 'express';
import supertest from 'supertest';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { statusByCode } from '../../src/errors.ts';
import { createApp } from '../../src/http/app.ts';
import { openApiDocument } from '../../src/http/openapi.ts';
import { readiness } from '../../src/http/responses.ts';
import { post } from '../helpers/http.ts';
import { smallCat } from '../helpers/pictures.ts';
import { startTestServer, type TestServer } from '../helpers/server.ts';

let server: TestServer;
let app: Express;

beforeAll(async () => {
  server = await startTestServer();
  app = createApp({ engine: server.engine, config: server.config, logger: server.logger });
});
afterAll(() => server.close());

describe('health', () => {
  it('healthz and readyz', async () => {
    expect(await (await fetch(`${server.url}/healthz`)).json()).toEqual({ status: 'ok' });
    const ready = await (await fetch(`${server.url}/readyz`)).json();
    expect(readiness.parse(ready)).toEqual({ status: 'ready', missing: [] });
  });

  it('a model that must be loaded and is not there keeps the server from being ready, not from being alive', async () => {
    const flawed = { ...server.engine, missingModels: () => ['absent'] };
    const waiting = createApp({ ...server, engine: flawed as unknown as typeof server.engine });
    const answer = await supertest(waiting).get('/readyz').expect(503).expect('Retry-After', '1');
    expect(readiness.parse(answer.body)).toEqual({ status: 'starting', missing: ['absent'] });
    await supertest(waiting).get('/healthz').expect(200);
  });

  it('metrics count by route, never by what clients invent', async () => {
    await post(`${server.url}/v1/detect`, await smallCat());
    await fetch(`${server.url}/v1/models/invented-id`);
    await fetch(`${server.url}/invented-path`);
    const response = await fetch(`${server.url}/metrics`);
    expect(response.headers.get('content-type')).toMatch(/^text\/plain; version=0\.0\.4/);
    const text = await response.text();
    expect(text).toMatch(
      /miru_http_request_duration_seconds_count\{method="POST",route="\/v1\/detect",status="200"\} 1/,
    );
    expect(text).toMatch(/route="\/v1\/models\/:id",status="404"\} 1/);
    expect(text).toMatch(/miru_images_total\{model="nanodet-g-coco"\} 1/);
    expect(text).toMatch(/miru_queue_length 0/);
    expect(text).not.toContain('invented');
    for (const line of text.split('\n')) expect(line).toMatch(/^(#.*|[a-zA-Z_:][\w:]*(\{.*\})? [-+\w.]+)?$/);
  });
});

interface Layer {
  readonly route?: { readonly path: string; readonly stack: readonly { readonly method: string }[] };
  readonly handle: { readonly stack?: readonly Layer[] };
  match(path: string): false | { readonly path: string };
}

/** `post /v1/models/{id}/load` for every route of the app. */
function routesOf(layers: readonly Layer[], prefix = ''): string[] {
  return layers.flatMap((layer) => {
    if (layer.route) {
      const path = `${prefix}${layer.route.path}`.replace(/:(\w+)/g, '{$1}');
      return layer.route.stack.map(({ method }) => `${method} ${path}`);
    }
    const mount = prefix || (layer.match('/v1/x') || { path: '' }).path;
    return layer.handle.stack ? routesOf(layer.handle.stack, mount) : [];
  });
}

describe('openapi.json', () => {
  type Json = Record<string, unknown>;
  const document = openApiDocument() as Json & { paths: Record<string, Record<string, Json>> };

  it('is served, and is what the code says', async () => {
    const { body } = await supertest(app)
      .get('/openapi.json')
      .expect(200)
      .expect('Content-Type', /^application\/json/);
    expect(body).toEqual(JSON.parse(JSON.stringify(document)));
    expect(body.openapi).toMatch(/^3\.1\./);
  });

  it('every $ref leads somewhere', () => {
    const refs = [...JSON.stringify(document).matchAll(/"\$ref":"([^"]+)"/g)].map(([, ref]) => ref!);
    expect(refs.length).toBeGreaterThan(0);
    for (const ref of refs) {
      expect(ref).toMatch(/^#\//);
      const target = ref
        .slice(2)
        .split('/')
        .reduce<unknown>((node, key) => (node as Json | undefined)?.[key], document);
      expect(target, ref).toBeTypeOf('object');
    }
  });

  it('knows every route of the app, and no other', () => {
    const documented = Object.entries(document.paths).flatMap(([path, operations]) =>
      Object.keys(operations)
        .filter((key) => key !== 'parameters')
        .map((method) => `${method} ${path}`),
    );
    const stack = (app.router as Router & { stack: readonly Layer[] }).stack;
    // The document itself and the pages that show it.
    const own = /^get \/(openapi\.json|docs.*)?$/;
    const served = [...new Set(routesOf(stack))].filter((route) => !own.test(route));
    expect(served).toContain('post /v1/models/{id}/load');
    expect(documented.sort()).toEqual(served.sort());
  });

  it('declares every path parameter, and a problem for every operation', () => {
    for (const [path, { parameters, ...operations }] of Object.entries(document.paths)) {
      const named = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
      const declared = ((parameters ?? []) as unknown as { name: string; in: string; required: boolean }[])
        .filter((parameter) => parameter.in === 'path' && parameter.required)
        .map(({ name }) => name);
      expect(declared, path).toEqual(named);
      for (const { responses } of Object.values(operations)) {
        const problem = (responses as Record<string, Json>).default?.content as Json;
        expect(problem, path).toHaveProperty(['application/problem+json', 'schema', '$ref']);
      }
    }
  });

  it('the problem’s codes are all there are', () => {
    const { Problem } = (document.components as { schemas: Record<string, { properties: Json }> }).schemas;
    expect((Problem!.properties.code as { enum: string[] }).enum).toEqual(Object.keys(statusByCode));
  });
});

describe('docs', () => {
  it('the page’s scripts, styles and icon are all served by the server itself', async () => {
    const page = await fetch(`${server.url}/docs`);
    expect(page.url).toBe(`${server.url}/docs/`);
    const html = await page.text();
    const links = [...html.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, link]) => link!);
    expect(links.length).toBeGreaterThanOrEqual(3);
    for (const link of links) {
      const response = await fetch(new URL(link, page.url));
      expect(response.status, link).toBe(200);
      expect(new URL(response.url).origin).toBe(server.url);
      expect((await response.arrayBuffer()).byteLength).toBeGreaterThan(50);
      if (link.endsWith('.js')) expect(response.headers.get('content-type')).toMatch(/javascript/);
    }
  });

  it('keeps within its content security policy: no inline script', async () => {
    const page = await fetch(`${server.url}/docs/`);
    expect(page.headers.get('content-security-policy')).toContain("script-src 'self'");
    expect(page.headers.get('content-security-policy')).not.toContain('upgrade-insecure-requests');
    expect(await page.text()).not.toMatch(/<script>|<script [^>]*>[^<]|\son\w+=/);
  });

  it('the root leads somewhere', async () => {
    const response = await fetch(server.url);
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toMatch(/^text\/html/);
  });
});
