import { readdir, realpath, stat } from 'node:fs/promises';
import { isAbsolute, join, relative, sep } from 'node:path';
import { AppError } from '../errors.ts';
import { listSome, quote } from '../formats/names.ts';
import type { DataSource } from './types.ts';

/** What a request names of the data folder, relative to it. */
export interface DataNames {
  /** A folder with one JSON file, and the images beside it or in its folder `images`. */
  readonly data?: string | undefined;
  readonly ground_truth?: string | undefined;
  /** Default: the folder of the ground truth. */
  readonly images?: string | undefined;
}

const IMAGES = 'images';

/**
 * Where `name` really lies, or undefined where nothing does.
 * @throws AppError forbidden where that is outside of `root`, by its name or through a link.
 */
export async function findInside(root: string, name: string): Promise<string | undefined> {
  const leadsOut = () => new AppError('forbidden', `${quote(name)} leads out of its folder`);
  const path = join(root, name);
  // Before the disk is asked: whether something is there is no one's business either.
  if (name.includes('\0') || isAbsolute(name) || !isInside(root, path)) throw leadsOut();
  const [realRoot, real] = await Promise.all([realpath(root), realpath(path).catch(() => undefined)]);
  if (real === undefined) return undefined;
  if (!isInside(realRoot, real)) throw leadsOut();
  return real;
}

function isInside(root: string, path: string): boolean {
  const way = relative(root, path);
  return way !== '..' && !way.startsWith(`..${sep}`);
}

/**
 * Finds a data set in the data folder of the settings.
 * @param root absent: there is none.
 * @throws AppError forbidden, or invalid_request naming what is missing.
 */
export async function findDataset(root: string | undefined, names: DataNames): Promise<DataSource> {
  if (root === undefined) {
    const why = 'this server has no data folder (DATA_DIR); send ground truth and images as files of a multipart form';
    throw new AppError('forbidden', why);
  }
  const { data, ground_truth, images } = names;
  if ((data === undefined) === (ground_truth === undefined)) {
    throw new AppError('invalid_request', 'name a folder with ‘data’, or a file with ‘ground_truth’ and ‘images’');
  }
  const truthName = ground_truth ?? (await onlyJson(root, data!));
  const truthPath = await requirePath(root, truthName);
  if (!(await stat(truthPath)).isFile()) throw new AppError('invalid_request', `${quote(truthName)} is not a file`);
  const imagesName = images ?? (await imagesBeside(root, truthName));
  const imagesPath = await requirePath(root, imagesName);
  if (!(await stat(imagesPath)).isDirectory()) {
    throw new AppError('invalid_request', `${quote(imagesName)} is not a folder`);
  }
  return {
    groundTruth: { name: truthName, path: truthPath },
    images: { kind: 'folder', name: imagesName, root },
  };
}

async function requirePath(root: string, name: string): Promise<string> {
  const path = await findInside(root, name);
  if (path !== undefined) return path;
  throw new AppError('invalid_request', `there is no ${quote(name)} in the data folder`);
}

async function onlyJson(root: string, folder: string): Promise<string> {
  const path = await requirePath(root, folder);
  if (!(await stat(path)).isDirectory()) throw new AppError('invalid_request', `${quote(folder)} is not a folder`);
  const files = (await readdir(path)).filter((name) => /\.json$/i.test(name));
  if (files.length === 1) return join(folder, files[0]!);
  const found = files.length === 0 ? 'no JSON file' : `several JSON files (${listSome(files)})`;
  throw new AppError('invalid_request', `${quote(folder)} has ${found}; name one with ‘ground_truth’`);
}

async function imagesBeside(root: string, truthName: string): Promise<string> {
  const folder = join(truthName, '..');
  const images = join(folder, IMAGES);
  return (await findInside(root, images)) === undefined ? folder : images;
}
