import { randomBytes } from 'node:crypto';
import { mkdir, readdir, rename, rm, rmdir, stat, writeFile } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import type { SourceFile } from '../formats/dataset.ts';
import { CommandError } from './failure.ts';

export interface WriteTarget {
  readonly path: string;
  /** Whether `path` is one file or the folder of all. */
  readonly isFile: boolean;
  /** Whether files that are there may be replaced. Others in a folder stay. */
  readonly force: boolean;
  readonly signal: AbortSignal;
}

/** @throws CommandError where something is there already that may not be replaced. */
export async function checkTarget({ path, isFile, force }: Omit<WriteTarget, 'signal'>): Promise<void> {
  const there = await stat(path).catch(() => undefined);
  if (!there) return;
  if (there.isDirectory() === isFile) throw new CommandError(`${path} is ${isFile ? 'a folder' : 'a file'} already`);
  if (force) return;
  if (isFile) throw new CommandError(`${path} is there already; --force replaces it`);
  if ((await readdir(path)).length > 0) {
    throw new CommandError(`${path} has files already; --force replaces those of the same names`);
  }
}

/**
 * Writes files so that none is ever there by half: beside the target first, and moved when all are complete.
 * @throws CommandError where `checkTarget` does, and after `signal`; then nothing is left behind.
 */
export async function writeFiles(files: readonly SourceFile[], target: WriteTarget): Promise<void> {
  await checkTarget(target);
  const path = resolve(target.path);
  await mkdir(dirname(path), { recursive: true });
  const draft = join(dirname(path), `.${basename(path)}.${randomBytes(6).toString('hex')}.part`);
  try {
    if (!target.isFile) await mkdir(draft);
    for (const { name, bytes } of files) {
      if (target.signal.aborted) throw new CommandError('interrupted', 130);
      const file = target.isFile ? draft : join(draft, name);
      await mkdir(dirname(file), { recursive: true });
      await writeFile(file, bytes, { flag: 'wx' });
    }
    if (target.isFile) await rename(draft, path);
    else await moveFolder(files, draft, path);
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
}

async function moveFolder(files: readonly SourceFile[], draft: string, path: string): Promise<void> {
  const there = await readdir(path).catch(() => undefined);
  if (!there || there.length === 0) {
    if (there) await rmdir(path);
    return rename(draft, path);
  }
  for (const { name } of files) {
    await mkdir(dirname(join(path, name)), { recursive: true });
    await rename(join(draft, name), join(path, name));
  }
}
