import { readFile, stat } from 'node:fs/promises';
import { extname } from 'node:path';
import { AppError } from '../errors.ts';
import { readClassesTxt } from '../formats/class-list.ts';
import { writeDataset } from '../formats/convert.ts';
import type { Dataset, SourceFile } from '../formats/dataset.ts';
import type { Format, WritableFormat } from '../formats/format.ts';
import { type DataFiles, readData } from '../formats/inputs.ts';
import { recognise } from '../formats/recognise.ts';
import { readSizes } from '../formats/sizes.ts';
import type { ConvertFlags } from './convert.ts';
import { openPaths, readSource } from './data-files.ts';
import { usage } from './failure.ts';
import { count } from './format-result.ts';
import type { Io } from './io.ts';
import { write } from './write.ts';
import { checkTarget, writeFiles } from './write-files.ts';

/** The ending of formats that are one file. */
const ENDINGS: Partial<Record<WritableFormat, string>> = { coco: '.json', 'coco-results': '.json', csv: '.csv' };
/** Nobody means a folder by these. */
const NO_FOLDER = new Set(['.json', '.csv', '.txt', '.xml', '.png', '.zip', '.yaml', '.yml']);
const MAPS: readonly Format[] = ['label-maps', 'coco-panoptic'];

/** Reads the inputs, writes them in another format and says what became of them. */
export async function convertPaths(io: Io, inputs: readonly string[], flags: ConvertFlags): Promise<void> {
  const { to, out, force = false } = flags;
  const stop = new AbortController();
  io.onSignal(() => stop.abort());
  const isFile = await isOneFile(to, out);
  await checkTarget({ path: out, isFile, force });

  const { data, format } = await openInputs(inputs, flags);
  const dataset = await readWith(data, format, flags);
  const { corners, ignoreIndex } = flags;
  const { files, warnings } = writeDataset(dataset, to, {
    ...(corners && { corners }),
    ...(ignoreIndex !== undefined && { ignoreIndex }),
  });
  await writeFiles(files, { path: out, isFile, force, signal: stop.signal });

  for (const warning of [...dataset.warnings, ...warnings]) io.stderr.write(`miru: ${warning}\n`);
  await write(io.stdout, `${format} → ${to}: ${summary(dataset, files, out)}\n`);
}

/** @throws CommandError where the name of `out` does not fit the format. */
async function isOneFile(to: WritableFormat, out: string): Promise<boolean> {
  const ending = extname(out).toLowerCase();
  const own = ENDINGS[to];
  if (own && ending === own) return true;
  const isFolder = (await stat(out).catch(() => undefined))?.isDirectory() ?? !NO_FOLDER.has(ending);
  if (isFolder) return false;
  throw usage(`--out ${out}: ${to} is written ${own ? `to a ${own} file` : 'as several files'}; name one or a folder`);
}

/** PNGs are pictures beside annotations as a rule, and read only where they are the annotations. */
async function openInputs(
  inputs: readonly string[],
  { from, images }: ConvertFlags,
): Promise<{ data: DataFiles; format: Format }> {
  const data = await openPaths(inputs, { images });
  const format = from ?? tryRecognise(data);
  if (format && !MAPS.includes(format)) return { data, format };
  const maps = await openPaths(inputs, { images, hasMaps: true });
  return { data: maps, format: format ?? recognise(maps.files) };
}

function tryRecognise({ files }: DataFiles): Format | undefined {
  try {
    return recognise(files);
  } catch (error) {
    if (error instanceof AppError && error.code === 'unsupported_media_type') return undefined;
    throw error;
  }
}

async function readWith(data: DataFiles, format: Format, flags: ConvertFlags): Promise<Dataset> {
  const { reference, imageSizes, classes, corners, ignoreIndex } = flags;
  const sizes = imageSizes === undefined ? undefined : readSizes(await readSource(imageSizes));
  const same = { ...(sizes && { sizes }), ...(corners && { corners }) };
  const truth = reference === undefined ? undefined : await openPaths([reference], { images: flags.images });
  return readData(data, format, {
    ...same,
    ...(truth && { reference: await readData(truth, recognise(truth.files), same) }),
    ...(classes !== undefined && { names: await readClasses(classes) }),
    ...(ignoreIndex !== undefined && { ignoreIndex }),
    // What lies on the user's own disk is theirs to open.
    maxPixels: Number.POSITIVE_INFINITY,
  });
}

/** The names themselves, or those in a file of that name. */
async function readClasses(classes: string): Promise<readonly string[]> {
  const isFile = (await stat(classes).catch(() => undefined))?.isFile();
  if (isFile) return readClassesTxt(await readFile(classes, 'utf8')).names;
  return classes.split(',').map((name) => name.trim());
}

function summary({ images, annotations, categories }: Dataset, files: readonly SourceFile[], out: string): string {
  const classes = `${categories.length} ${categories.length === 1 ? 'class' : 'classes'}`;
  const content = [count(images.length, 'image'), count(annotations.length, 'object'), classes].join(', ');
  return `${content}; ${count(files.length, 'file')} in ${out}`;
}
