import { join } from 'node:path';
import { afterAll, beforeAll, onTestFinished } from 'vitest';
import type { Config } from '../../src/config.ts';
import type { DetectionAnswer } from '../../src/evaluate/detection.ts';
import type { viewOf } from '../../src/http/job-view.ts';
import { type ZipEntry, zipOf } from '../formats/zip-writer.ts';
import { detector, scratchFolder, writeModel } from '../helpers/graphs.ts';
import { type FormValue, postForm } from '../helpers/http.ts';
import { plain } from '../helpers/pictures.ts';
import { startTestServer } from '../helpers/server.ts';

export type JobView = ReturnType<typeof viewOf> & { readonly result?: DetectionAnswer };

export const json = (name: string, value: unknown): FormValue => ({
  name,
  bytes: Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)),
});
export const zip = (entries: readonly ZipEntry[]): FormValue => ({ name: 'images.zip', bytes: zipOf(entries) });

/** What the model of the tests finds in every picture of 32×32 pixels. */
export const FOUND = [12, 12, 8, 8];
export const square = await plain(32, 32);

/** A ground truth of `count` images, all of one file, each with the object that the model finds. */
export function truthOf(count: number, file = 'a.png') {
  const ids = Array.from({ length: count }, (_, i) => i + 1);
  return {
    images: ids.map((id) => ({ id, file_name: file, width: 32, height: 32 })),
    categories: [
      { id: 7, name: 'class_0' },
      { id: 8, name: 'Class 1' },
    ],
    annotations: ids.map((id) => ({ id, image_id: id, category_id: 7, bbox: FOUND, area: 64, iscrowd: 0 })),
  };
}

type Settings = Partial<Record<keyof Config, unknown>>;

export type JobServer = Awaited<ReturnType<typeof startJobServer>>;

/** A server for all tests of a group. */
export function sharedJobServer(settings: Settings): () => JobServer {
  let server: JobServer;
  let end = async () => {};
  beforeAll(async () => {
    server = await startJobServer(settings, (whenOver) => {
      end = whenOver;
    });
  });
  afterAll(() => end());
  return () => server;
}

/** A server with the model `finds`; it ends with the test. */
export async function startJobServer(
  settings: Settings = {},
  whenOver: (end: () => Promise<void>) => void = onTestFinished,
) {
  const scratch = scratchFolder();
  writeModel(join(scratch.path, 'finds.onnx'), detector());
  const server = await startTestServer({
    models: [],
    settings: { preload: 'none', ...settings, models_dir: [scratch.path] },
  });
  let isOpen = true;
  const close = async () => {
    if (isOpen) await server.close();
    isOpen = false;
  };
  whenOver(async () => {
    await close();
    scratch.remove();
  });
  const url = `${server.url}/v1/evaluations`;

  const look = async (id: string): Promise<JobView> => (await fetch(`${url}/${id}`)).json() as Promise<JobView>;
  return {
    url,
    root: server.url,
    engine: server.engine,
    models: scratch.path,
    close,
    look,
    /** Sends a data set, by default one image of which the model finds everything. */
    send: (fields: Parameters<typeof postForm>[1] = {}) =>
      postForm(url, {
        model: 'finds',
        ground_truth: json('truth.json', truthOf(1)),
        images: zip([{ name: 'a.png', content: square }]),
        ...fields,
      }),
    sendJson: (body: unknown) =>
      fetch(url, { method: 'POST', body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
    /** The job when it has ended. */
    async ended(response: Response): Promise<JobView> {
      const { id } = (await response.json()) as JobView;
      await (await fetch(`${url}/${id}/events`)).text();
      return look(id);
    },
    remove: (id: string) => fetch(`${url}/${id}`, { method: 'DELETE' }),
  };
}
