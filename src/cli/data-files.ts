import { open, readFile, stat } from 'node:fs/promises';
import { relative, sep } from 'node:path';
import type { SourceFile } from '../formats/dataset.ts';
import { type DataFiles, isMap, isPicture, openFiles, type PictureFile } from '../formats/inputs.ts';
import { mapOrdered } from '../runtime/map-ordered.ts';
import { walk } from './find-images.ts';

export interface PathOptions {
  /** Whether PNGs may be annotations. */
  readonly hasMaps?: boolean;
  /** A folder of pictures apart from the annotations, in the place of those among them. */
  readonly images?: string | undefined;
}

/** What lies in folders beside annotations (weights, films) is not read. */
const ANNOTATIONS = /\.(?:json|xml|txt|csv|ya?ml|names)$/i;
/** Files opened at once. */
const WIDTH = 16;
/** More than any header that is read from the start of a file. */
const START_BYTES = 4096;

/**
 * The annotations in files, zip archives and folders (and what is below them), and the pictures beside them. Files of
 * folders are called by their places in them.
 */
export async function openPaths(paths: readonly string[], options: PathOptions = {}): Promise<DataFiles> {
  const { hasMaps = false, images } = options;
  const isFile = (name: string) => ANNOTATIONS.test(name) || (hasMaps && isMap(name));
  const named: Named[] = [];
  for (const path of paths) named.push(...(await find(path, isFile)));
  const sources: SourceFile[] = [];
  const read = async ({ name, path }: Named) => ({ ...(await readSource(path)), name });
  for await (const file of mapOrdered(named, WIDTH, settle(read), new AbortController().signal)) sources.push(file());
  const opened = await openFiles(sources, options);
  return {
    files: opened.files,
    async *pictures() {
      for (const path of images === undefined ? paths : [images]) {
        const pictures = (await find(path, isPicture)).filter((file) => isPicture(file.name));
        for (const picture of pictures) yield pictureOf(picture);
      }
      if (images === undefined) yield* opened.pictures();
    },
  };
}

export async function readSource(path: string): Promise<SourceFile> {
  return { name: path, bytes: await readFile(path) };
}

interface Named {
  readonly name: string;
  readonly path: string;
}

/** The file that is named, or those of a folder. */
async function find(path: string, isWanted: (name: string) => boolean): Promise<Named[]> {
  if (!(await stat(path)).isDirectory()) return [{ name: path, path }];
  const files = await walk(path, isWanted);
  return files.map((file) => ({ name: relative(path, file).replaceAll(sep, '/'), path: file }));
}

function pictureOf({ name, path }: Named): PictureFile {
  return {
    name,
    async size() {
      const { readPictureSize } = await import('../image/size.ts');
      return readPictureSize(await startOf(path), path, path);
    },
  };
}

async function startOf(path: string): Promise<Uint8Array> {
  const file = await open(path);
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(START_BYTES), 0, START_BYTES, 0);
    return buffer.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}

/** What `fn` gives or throws, to be had by a call: `mapOrdered` takes no rejections. */
function settle<T, R>(fn: (item: T) => Promise<R>): (item: T) => Promise<() => R> {
  return (item) =>
    fn(item).then(
      (result) => () => result,
      (error) => () => {
        throw error;
      },
    );
}
