import { randomUUID } from 'node:crypto';
import { access, constants, mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError, messageOf } from '../errors.ts';
import { type Manifest, parseManifest } from './manifest.ts';
import { type ModelFiles, modelIdPattern } from './scan.ts';

/** A folder inside a models directory where a model is put together; hidden, so that no scan sees half a model. */
export interface Incoming {
  readonly folder: string;
  readonly modelPath: string;
}

/** @throws AppError forbidden where none of the directories can be written to. */
export async function openIncoming(directories: readonly string[]): Promise<Incoming & { directory: string }> {
  for (const directory of directories) {
    try {
      await access(directory, constants.W_OK);
      const folder = join(directory, `.incoming-${randomUUID()}`);
      await mkdir(folder);
      return { directory, folder, modelPath: join(folder, 'model.onnx') };
    } catch {
      // The next directory may take it.
    }
  }
  throw new AppError('forbidden', `none of the models directories can be written to: ${directories.join(', ')}`);
}

/** Gives a complete model its name, in one step. @throws AppError conflict where the id is taken. */
export async function commitIncoming(
  incoming: Incoming,
  directory: string,
  id: string,
  manifest: Manifest,
): Promise<void> {
  await writeFile(join(incoming.folder, 'model.json'), `${JSON.stringify(manifest, null, 2)}\n`, { flush: true });
  try {
    await rename(incoming.folder, join(directory, id));
  } catch (error) {
    throw new AppError('conflict', `a model ‘${id}’ is already there: ${messageOf(error)}`, { cause: error });
  }
}

export async function discardIncoming({ folder }: Incoming): Promise<void> {
  await rm(folder, { recursive: true, force: true });
}

/** @throws AppError forbidden where the files cannot be removed. */
export async function removeFiles({ id, ownPaths }: ModelFiles): Promise<void> {
  try {
    for (const path of ownPaths) await rm(path, { recursive: true, force: true });
  } catch (error) {
    throw new AppError('forbidden', `the files of ‘${id}’ cannot be removed: ${messageOf(error)}`, { cause: error });
  }
}

/** `My Model.v2.onnx` → `My-Model.v2`. @throws AppError invalid_request where nothing is left. */
export function toModelId(name: string): string {
  const id = name
    .replace(/\.onnx$/i, '')
    .replace(/[^A-Za-z0-9._-]+/g, '-')
    .replace(/^[^A-Za-z0-9]+/, '')
    .slice(0, 128);
  if (modelIdPattern.test(id)) return id;
  throw new AppError(
    'invalid_request',
    `‘${name}’ gives no model id; send one in the field ‘id’: letters, digits, . _ -`,
  );
}

/** The manifest of an upload: its `manifest` field, with `labels` (JSON array, or one name per line) laid over it. */
export function manifestOfUpload(manifest: string | undefined, labels: string | undefined): Manifest {
  const parsed = parseManifest(manifest || '{}', 'the field ‘manifest’');
  if (!labels?.trim()) return parsed;
  const names = labels.trim().startsWith('[')
    ? labels
    : JSON.stringify(
        labels
          .trim()
          .split(/\r?\n/)
          .map((l) => l.trim()),
      );
  return { ...parsed, ...parseManifest(`{"labels":${names}}`, 'the field ‘labels’') };
}
