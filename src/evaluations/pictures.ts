import { open, readdir } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import { isPicture, type PictureFile } from '../formats/inputs.ts';
import { zippedFiles } from '../formats/zip.ts';
import { readPictureSize } from '../image/size.ts';
import { findInside } from './data-folder.ts';
import { type ImageLimits, tooLarge } from './locate-images.ts';
import type { DataFile, DataFolder, DataSource } from './types.ts';

/** More than any header that is read from the start of a file. */
const START_BYTES = 4096;

/** The pictures of a data set, for ground truths that do not say how large they are, as YOLO's do not. */
export function picturesOf(images: DataSource['images'], limits: ImageLimits): AsyncGenerator<PictureFile> {
  return images.kind === 'zip' ? picturesInArchive(images, limits) : picturesInFolder(images);
}

async function* picturesInArchive({ name: archive, path }: DataFile, { maxImageBytes }: ImageLimits) {
  const options = { maxBytes: Number.POSITIVE_INFINITY, keep: isPicture };
  for await (const { name, size, read } of zippedFiles(path, archive, options)) {
    const open = async () => {
      if (size > maxImageBytes) throw tooLarge(name, size, maxImageBytes);
      const bytes = await read();
      return readPictureSize(bytes, bytes, name);
    };
    yield { name, size: open };
  }
}

async function* picturesInFolder({ root, name: folder }: DataFolder): AsyncGenerator<PictureFile> {
  const top = join(root, folder);
  const entries = await readdir(top, { recursive: true, withFileTypes: true });
  for (const entry of entries) {
    if (!isPicture(entry.name)) continue;
    const name = relative(top, join(entry.parentPath, entry.name)).replaceAll(sep, '/');
    const path = await findInside(root, join(folder, name));
    if (path !== undefined) yield { name, size: async () => readPictureSize(await startOf(path), path, name) };
  }
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
