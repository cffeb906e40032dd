import { randomUUID } from 'node:crypto';
import { mkdir, open, rename, rm, statfs, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Manifest } from '../catalog/manifest.ts';
import type { ModelFiles } from '../catalog/scan.ts';
import { commitIncoming, discardIncoming, openIncoming } from '../catalog/store.ts';
import { AppError, messageOf } from '../errors.ts';
import { PartialFile } from './partial-file.ts';

/**
 * A partial file in the first of the directories that takes one; a directory that is not there is made.
 * @throws AppError forbidden where none of them does.
 */
export async function openPartial(
  directories: readonly string[],
  sha256: string,
): Promise<{ directory: string; file: PartialFile }> {
  const reasons: string[] = [];
  for (const directory of directories) {
    try {
      await mkdir(directory, { recursive: true });
      return { directory, file: await PartialFile.open(directory, sha256) };
    } catch (error) {
      reasons.push(messageOf(error));
    }
  }
  throw new AppError('forbidden', `none of the models directories can be written to: ${reasons.join('; ')}`);
}

/** @throws AppError payload_too_large where the disk has no room for `bytes` more. */
export async function checkRoom(directory: string, bytes: number): Promise<void> {
  const { bavail, bsize } = await statfs(directory);
  if (bavail * bsize >= bytes) return;
  const megabytes = (n: number) => `${Math.ceil(n / 1e6)} MB`;
  const reason = `no space left on the disk: ${megabytes(bytes)} are needed in ${directory}`;
  throw new AppError('payload_too_large', `${reason}, ${megabytes(bavail * bsize)} are free`);
}

/**
 * Gives a complete file its place as `<directory>/<id>/model.onnx` beside a model.json, in one step.
 * @throws AppError conflict where the id is taken.
 */
export async function install(file: PartialFile, directory: string, id: string, manifest: Manifest): Promise<void> {
  const incoming = await openIncoming([directory]);
  try {
    await file.moveTo(incoming.modelPath);
    await commitIncoming(incoming, directory, id, manifest);
    await syncFolder(directory);
  } finally {
    await discardIncoming(incoming);
  }
}

/**
 * Puts the file and the manifest in the place of a model that is there. Each of the two is replaced in one step, the
 * second at once after the first: the catalog takes in only what two looks in a row find unchanged.
 */
export async function replace(file: PartialFile, { modelPath, manifestPath }: ModelFiles, manifest: Manifest) {
  const folder = dirname(modelPath);
  const newManifest = join(folder, `.pull-${randomUUID()}.json`);
  try {
    await writeFile(newManifest, `${JSON.stringify(manifest, null, 2)}\n`, { flush: true });
    await file.moveTo(modelPath);
    await rename(newManifest, manifestPath);
    await syncFolder(folder);
  } finally {
    await rm(newManifest, { force: true });
  }
}

/** Makes renames last through a power cut, where the system has folders that can be synced. */
async function syncFolder(path: string): Promise<void> {
  const folder = await open(path).catch(() => undefined);
  await folder?.sync().catch(() => {});
  await folder?.close();
}
