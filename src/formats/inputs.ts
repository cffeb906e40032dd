import { type ReadOptions, readDataset } from './convert.ts';
import type { Dataset, SourceFile } from './dataset.ts';
import { fail } from './fail.ts';
import type { Format } from './format.ts';
import { imageExtension, quote, splitExtension, stemOf } from './names.ts';
import { recognise } from './recognise.ts';
import { collectSizes, type Size, type Sizes, withSizes } from './sizes.ts';
import { labelFiles } from './yolo.ts';
import { isZip, unpackAll, zippedFiles } from './zip.ts';

/** A picture beside annotations. */
export interface PictureFile {
  readonly name: string;
  /** Looks into its header. @throws AppError naming the picture. */
  readonly size: () => Promise<Size>;
}

/** A data set as it was sent or lies on disk. */
export interface DataFiles {
  readonly files: readonly SourceFile[];
  /** The pictures beside them. They are seldom needed, and looked for only then. */
  readonly pictures: () => AsyncIterable<PictureFile>;
}

export interface OpenOptions {
  /** Of what comes out of archives, pictures apart. */
  readonly maxBytes?: number;
  /** Whether PNGs may be annotations, so that they are files too. */
  readonly hasMaps?: boolean;
}

/** More than any picture; of what an archive says, so much is believed. */
const MAX_PICTURE_BYTES = 2 ** 28;
const NO_SIZES: Sizes = new Map();

/** Files in memory, those in zip archives in the place of the archives. @throws AppError as `readZip` does. */
export async function openFiles(
  sources: readonly SourceFile[],
  { maxBytes, hasMaps = false }: OpenOptions = {},
): Promise<DataFiles> {
  const isFile = (name: string) => !isPicture(name) || (hasMaps && isMap(name));
  const unpacked = await unpackAll(sources, { ...(maxBytes !== undefined && { maxBytes }), keep: isFile });
  return {
    files: unpacked.filter(({ name }) => isFile(name)),
    async *pictures() {
      for (const source of sources) {
        if (isZip(source.bytes)) yield* zippedPictures(source);
        else if (isPicture(source.name)) yield { name: source.name, size: () => sizeOf(source) };
      }
    },
  };
}

export function isPicture(name: string): boolean {
  return imageExtension(name) !== '';
}

/** Label maps and panoptic annotations are PNGs. */
export function isMap(name: string): boolean {
  return splitExtension(name).extension === '.png';
}

/**
 * Reads a data set as `readDataset` does. Sizes that it needs and that nothing else tells are those of its pictures.
 * @throws AppError as `readDataset` does.
 */
export async function readData(
  { files, pictures }: DataFiles,
  format: Format = recognise(files),
  options: ReadOptions = {},
): Promise<Dataset> {
  const { sizes = NO_SIZES, reference } = options;
  const known = new Set([
    ...sizes.keys(),
    ...(reference?.images ?? []).flatMap(({ name, width }) => (width === undefined ? [] : [stemOf(name)])),
  ]);
  const asked = format === 'yolo' ? labelFiles(files).map(({ name }) => splitExtension(name).stem) : [];
  const found = await readPictureSizes(
    pictures,
    asked.filter((stem) => !known.has(stem)),
  );
  const dataset = readDataset(files, format, { ...options, sizes: new Map([...found, ...sizes]) });
  const filled = withSizes(dataset, sizes);
  const sizeless = filled.images.filter(({ width }) => width === undefined);
  return withSizes(
    filled,
    await readPictureSizes(
      pictures,
      sizeless.map(({ name }) => stemOf(name)),
    ),
  );
}

/** Sizes of those pictures that have one of the names, without folders and extension. */
async function readPictureSizes(pictures: DataFiles['pictures'], stems: readonly string[]): Promise<Sizes> {
  if (stems.length === 0) return NO_SIZES;
  const wanted = new Set(stems);
  const sizes = [];
  for await (const { name, size } of pictures()) {
    if (wanted.has(stemOf(name))) sizes.push({ name, ...(await size()) });
  }
  return collectSizes(sizes);
}

async function* zippedPictures({ name: archive, bytes }: SourceFile): AsyncGenerator<PictureFile> {
  for await (const { name, size, read } of zippedFiles(bytes, archive, { maxBytes: Infinity, keep: isPicture })) {
    const open = async () => {
      if (size > MAX_PICTURE_BYTES) fail(`${archive}: ${quote(name)} is no picture: it has ${size} bytes`);
      return sizeOf({ name, bytes: await read() });
    };
    yield { name, size: open };
  }
}

async function sizeOf({ name, bytes }: SourceFile): Promise<Size> {
  // Most data sets say how large their images are; those that do not are the reason to load a library for pictures.
  const { readPictureSize } = await import('../image/size.ts');
  return readPictureSize(bytes, bytes, name);
}
