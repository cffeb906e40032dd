import { createHash, randomUUID } from 'node:crypto';
import { constants, createReadStream } from 'node:fs';
import { copyFile, type FileHandle, open, readdir, rename, rm, stat, utimes } from 'node:fs/promises';
import { join } from 'node:path';

/** A download writes at least this often, or has given up. */
const IDLE_MS = 120_000;

/**
 * The bytes of a model that have arrived so far, in a hidden file of the models directory: no scan takes it for a model,
 * and it reaches its final name by a rename. Each download writes to a file of its own, which begins with what an earlier
 * one of the same model has left.
 */
export class PartialFile {
  readonly path: string;
  readonly #handle: FileHandle;
  #size: number;

  private constructor(path: string, handle: FileHandle, size: number) {
    this.path = path;
    this.#handle = handle;
    this.#size = size;
  }

  /** @throws the system's error where `directory` cannot be written to. */
  static async open(directory: string, sha256: string): Promise<PartialFile> {
    const path = join(directory, `${prefixOf(sha256)}${randomUUID()}.part`);
    await takeOver(directory, sha256, path);
    const handle = await open(path, constants.O_RDWR | constants.O_CREAT, 0o644);
    return new PartialFile(path, handle, (await handle.stat()).size);
  }

  get size(): number {
    return this.#size;
  }

  async append(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length; ) {
      const { bytesWritten } = await this.#handle.write(bytes, at, bytes.length - at, this.#size);
      at += bytesWritten;
      this.#size += bytesWritten;
    }
  }

  /** Forgets all bytes. */
  async restart(): Promise<void> {
    await this.#handle.truncate(0);
    this.#size = 0;
  }

  /** Of the bytes as they are on disk. */
  sha256(): Promise<string> {
    return sha256Of(this.path);
  }

  /** Gives the file its name, once its bytes are on the disk for good. */
  async moveTo(path: string): Promise<void> {
    await this.#handle.sync();
    await this.#handle.close();
    await rename(this.path, path);
  }

  /** Leaves the bytes to the next download of the same model; does nothing after `moveTo`. */
  async release(): Promise<void> {
    await this.#handle.close().catch(() => {});
    if (this.#size === 0) return rm(this.path, { force: true });
    // A time long ago says that nobody writes to it.
    return utimes(this.path, 0, 0).catch(() => {});
  }
}

/** Of any file. */
export async function sha256Of(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const piece of createReadStream(path)) hash.update(piece);
  return hash.digest('hex');
}

/** Removes what other downloads of the same model have left; one that still runs finds the model in place. */
export async function removePartials(directory: string, sha256: string): Promise<void> {
  for (const { path } of await partialsOf(directory, sha256)) await rm(path, { force: true }).catch(() => {});
}

/** Takes the largest partial file for `path`, or a copy of it while its own download may still write to it. */
async function takeOver(directory: string, sha256: string, path: string): Promise<void> {
  for (const { path: found, isIdle } of await partialsOf(directory, sha256)) {
    try {
      await (isIdle ? rename(found, path) : copyFile(found, path, constants.COPYFILE_FICLONE));
      return;
    } catch {
      // Another download was faster.
    }
  }
}

/** The largest first. */
async function partialsOf(directory: string, sha256: string) {
  const names = (await readdir(directory)).filter((name) => name.startsWith(prefixOf(sha256)));
  const found = await Promise.all(
    names.map(async (name) => {
      const path = join(directory, name);
      const info = await stat(path).catch(() => undefined);
      return info ? [{ path, size: info.size, isIdle: info.mtimeMs < Date.now() - IDLE_MS }] : [];
    }),
  );
  return found.flat().sort((a, b) => b.size - a.size);
}

function prefixOf(sha256: string): string {
  return `.pull-${sha256.slice(0, 16)}-`;
}
