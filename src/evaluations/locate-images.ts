import { mkdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError } from '../errors.ts';
import type { TruthImage } from '../evaluate/model-results.ts';
import { baseName, listSome, quote } from '../formats/names.ts';
import { zippedFiles } from '../formats/zip.ts';
import { findInside } from './data-folder.ts';
import type { DataFile, DataFolder, DataSource } from './types.ts';

/** An image of the ground truth, found. */
export interface LocatedImage extends TruthImage {
  readonly path: string;
}

export interface ImageLimits {
  /** Of one image. */
  readonly maxImageBytes: number;
  /** Of all images in an archive together, unpacked. */
  readonly maxUnpackedBytes: number;
}

/**
 * Finds the images on disk, those of an archive by unpacking them into `into`, under names of our own.
 * @throws AppError naming the images that are missing, too large or no files, before a model is run on any.
 */
export async function locateImages(
  images: readonly TruthImage[],
  source: DataSource['images'],
  into: string,
  limits: ImageLimits,
): Promise<LocatedImage[]> {
  const names = new Set(images.map(({ name }) => name));
  const paths = source.kind === 'zip' ? await unpack(names, source, into, limits) : await look(names, source, limits);
  const missing = [...names].filter((name) => !paths.has(name));
  if (missing.length === 0) return images.map((image) => ({ ...image, path: paths.get(image.name)! }));
  const what = missing.length === 1 ? 'an image' : `${missing.length} images`;
  throw new AppError('invalid_request', `${source.name} lacks ${what} of the ground truth: ${listSome(missing)}`);
}

async function look(
  names: ReadonlySet<string>,
  folder: DataFolder,
  { maxImageBytes }: ImageLimits,
): Promise<Map<string, string>> {
  const paths = new Map<string, string>();
  for (const name of names) {
    const path = await findInside(folder.root, join(folder.name, name));
    if (path === undefined) continue;
    const file = await stat(path);
    // A pipe or a device would be read without end.
    if (!file.isFile()) throw new AppError('invalid_request', `the image ${quote(name)} is not a file`);
    if (file.size > maxImageBytes) throw tooLarge(name, file.size, maxImageBytes);
    paths.set(name, path);
  }
  return paths;
}

async function unpack(
  names: ReadonlySet<string>,
  archive: DataFile,
  into: string,
  { maxImageBytes, maxUnpackedBytes: maxBytes }: ImageLimits,
): Promise<Map<string, string>> {
  const entries: string[] = [];
  for await (const { name } of zippedFiles(archive.path, archive.name, { maxBytes: Number.POSITIVE_INFINITY })) {
    entries.push(name);
  }
  const entryOf = matchNames(names, entries);
  const wanted = new Set(entryOf.values());
  await mkdir(into, { recursive: true });
  const unpacked = new Map<string, string>();
  const options = { maxBytes, keep: (name: string) => wanted.has(name) };
  for await (const { name, size, read } of zippedFiles(archive.path, archive.name, options)) {
    if (size > maxImageBytes) throw tooLarge(name, size, maxImageBytes);
    const path = join(into, String(unpacked.size));
    await writeFile(path, await read());
    unpacked.set(name, path);
  }
  return new Map([...entryOf].map(([name, entry]) => [name, unpacked.get(entry)!]));
}

/**
 * Which entry of an archive is which image: the one of its name, else the one whose path ends with that name, or with
 * which that name ends. People pack `val2017/` as often as what is in it.
 * @throws AppError where several fit.
 */
export function matchNames(names: Iterable<string>, entries: readonly string[]): Map<string, string> {
  const exact = new Set(entries);
  const byBase = groupByBase(entries);
  const matches = new Map<string, string>();
  for (const name of names) {
    if (exact.has(name)) {
      matches.set(name, name);
      continue;
    }
    const fitting = (byBase.get(baseName(name)) ?? []).filter(
      (entry) => entry.endsWith(`/${name}`) || name.endsWith(`/${entry}`),
    );
    if (fitting.length > 1) {
      throw new AppError('invalid_request', `the image ${quote(name)} could be any of ${listSome(fitting)}`);
    }
    if (fitting[0] !== undefined) matches.set(name, fitting[0]);
  }
  return matches;
}

function groupByBase(names: readonly string[]): Map<string, string[]> {
  const groups = new Map<string, string[]>();
  for (const name of names) {
    const base = baseName(name);
    const group = groups.get(base);
    if (group) group.push(name);
    else groups.set(base, [name]);
  }
  return groups;
}

export function tooLarge(name: string, size: number, limit: number): AppError {
  return new AppError('payload_too_large', `the image ${quote(name)} has ${size} bytes; at most ${limit} are read`);
}
