import type { Dirent } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { basename, extname, join, relative } from 'node:path';

export interface ImageFile {
  /** Where it lies; also its name in what is printed. */
  readonly path: string;
  /** Its place under the folder that was named, or its file name. */
  readonly relative: string;
}

export interface FoundImages {
  readonly images: readonly ImageFile[];
  /** What was named and cannot be read, with the reason. */
  readonly failures: readonly { readonly path: string; readonly error: unknown }[];
}

/** What the picture reader takes, by the endings that such files have. */
const endings = new Set(['.jpg', '.jpeg', '.png', '.webp', '.gif', '.tif', '.tiff', '.avif', '.bmp']);

/**
 * The files that were named, whatever their ending, and the pictures in the folders that were named and below them, in
 * the order of their names. Hidden entries are passed over.
 */
export async function findImages(paths: readonly string[]): Promise<FoundImages> {
  const images: ImageFile[] = [];
  const failures: FoundImages['failures'][number][] = [];
  for (const path of paths) {
    try {
      if ((await stat(path)).isDirectory()) {
        for (const file of await walk(path, isImage)) images.push({ path: file, relative: relative(path, file) });
      } else images.push({ path, relative: basename(path) });
    } catch (error) {
      failures.push({ path, error });
    }
  }
  return { images, failures };
}

/** The paths of the wanted files in a folder and below it, in the order of their names, without hidden ones. */
export async function walk(folder: string, isWanted: (name: string) => boolean): Promise<string[]> {
  const entries = (await readdir(folder, { withFileTypes: true })).filter(({ name }) => !name.startsWith('.'));
  entries.sort((a, b) => (a.name < b.name ? -1 : 1));
  const found: string[] = [];
  for (const entry of entries) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) found.push(...(await walk(path, isWanted)));
    else if (isWanted(entry.name) && (await isFile(entry, path))) found.push(path);
  }
  return found;
}

function isImage(name: string): boolean {
  return endings.has(extname(name).toLowerCase());
}

/** Links count as what they lead to, but folders behind links are not entered: they may lead in circles. */
async function isFile(entry: Dirent, path: string): Promise<boolean> {
  if (!entry.isSymbolicLink()) return entry.isFile();
  return (await stat(path).catch(() => undefined))?.isFile() ?? false;
}
