import { connect } from 'node:net';
import { expect } from 'vitest';
import type { z } from 'zod';
import type { ErrorCode } from '../../src/errors.ts';
import { prediction, problem } from '../../src/http/responses.ts';

export type PredictionBody = z.output<typeof prediction>;

export type Body = string | Uint8Array | AsyncIterable<Uint8Array>;

/** Posts bytes as they are; a stream goes in chunks, without a length. */
export function post(url: string, body: Body, type = 'image/png', headers: Record<string, string> = {}) {
  const init = { method: 'POST', duplex: 'half', headers: { 'content-type': type, ...headers } } as const;
  return fetch(url, { ...init, body: body as NonNullable<RequestInit['body']> });
}

export function postJson(url: string, value: unknown) {
  const body = typeof value === 'string' ? value : JSON.stringify(value);
  return post(url, body, 'application/json');
}

/** A form; bytes become files, text becomes fields, lists are repeated. */
export function postForm(url: string, fields: Readonly<Record<string, FormValue | readonly FormValue[]>>) {
  const form = new FormData();
  for (const [name, given] of Object.entries(fields)) {
    for (const value of (Array.isArray(given) ? given : [given]) as FormValue[]) {
      if (typeof value === 'string') form.append(name, value);
      else form.append(name, new Blob([new Uint8Array(value.bytes)]), value.name);
    }
  }
  return fetch(url, { method: 'POST', body: form });
}

export type FormValue = string | { readonly name: string; readonly bytes: Uint8Array };

/** A part of a multipart body with the boundary `x`, written by hand so that it can be wrong. */
export function part(disposition: string, value: Uint8Array | string): Buffer {
  const head = `--x\r\nContent-Disposition: form-data; ${disposition}\r\n\r\n`;
  return Buffer.concat([Buffer.from(head), Buffer.from(value as string), Buffer.from('\r\n')]);
}

export const formType = 'multipart/form-data; boundary=x';
export const formEnd = Buffer.from('--x--\r\n');

/** An RFC 9457 problem with exactly the five members, and the status in both places. @returns its detail. */
export async function expectProblem(
  response: Response,
  status: number | readonly number[],
  code?: ErrorCode,
): Promise<string> {
  const text = await response.text();
  expect([status].flat(), text).toContain(response.status);
  expect(response.headers.get('content-type')).toMatch(/^application\/problem\+json/);
  const body = problem.parse(JSON.parse(text));
  expect(Object.keys(JSON.parse(text)).sort()).toEqual(['code', 'detail', 'status', 'title', 'type']);
  expect(body.status).toBe(response.status);
  expect(body.detail.length).toBeGreaterThan(0);
  if (code) expect(body.code).toBe(code);
  return body.detail;
}

/** A prediction that keeps every promise of the contract. */
export async function expectPrediction(response: Response): Promise<PredictionBody> {
  const text = await response.text();
  expect(response.status, text.slice(0, 500)).toBe(200);
  expect(response.headers.get('content-type')).toMatch(/^application\/json/);
  const body = prediction.parse(JSON.parse(text));
  // The schema drops members it does not know; there may be none.
  expect(JSON.parse(text)).toEqual(body);
  for (const { image, detections = [], classes = [] } of body.results) {
    for (const scored of [detections, classes]) {
      const scores = scored.map(({ score }) => score);
      expect(scores).toEqual(scores.toSorted((a, b) => b - a));
    }
    for (const { box } of detections) {
      expect(box.xmin).toBeGreaterThanOrEqual(0);
      expect(box.ymin).toBeGreaterThanOrEqual(0);
      expect(box.xmax).toBeLessThanOrEqual(image.width);
      expect(box.ymax).toBeLessThanOrEqual(image.height);
      expect(box.xmax).toBeGreaterThan(box.xmin);
      expect(box.ymax).toBeGreaterThan(box.ymin);
    }
  }
  return body;
}

/** Writes to a bare socket, waits until `until` is in what came back (or the connection closed), gives it all. */
export function talk(url: string, chunks: readonly (string | Uint8Array)[], until: RegExp): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(Number(new URL(url).port), '127.0.0.1');
    let received = '';
    const finish = () => {
      socket.destroy();
      resolve(received);
    };
    socket.setTimeout(20_000, () => reject(new Error(`no answer but: ${received}`)));
    socket.on('error', reject);
    socket.on('close', finish);
    socket.on('data', (data) => {
      received += data.toString('latin1');
      if (until.test(received)) finish();
    });
    for (const chunk of chunks) socket.write(chunk);
  });
}
