import { readCoco, readCocoResults } from './coco-read.ts';
import { writeCoco, writeCocoResults } from './coco-write.ts';
import { readCsv, writeCsv } from './csv.ts';
import type { Dataset, Reference, SourceFile, Written } from './dataset.ts';
import { fail } from './fail.ts';
import type { Format, WritableFormat } from './format.ts';
import { type LabelMapOptions, readLabelMaps, writeLabelMaps } from './label-maps.ts';
import { readLabelMe, writeLabelMe } from './labelme.ts';
import { lossesOf } from './losses.ts';
import { filesOf } from './names.ts';
import { readPanoptic, writePanoptic } from './panoptic.ts';
import { recognise } from './recognise.ts';
import { readVoc, readVocResults, type VocOptions, writeVoc } from './voc.ts';
import { readYolo, type YoloOptions } from './yolo.ts';
import { writeYolo } from './yolo-write.ts';

/** What the formats need to know beyond their files; each looks at its own. */
export interface ReadOptions extends VocOptions, YoloOptions, LabelMapOptions {
  /** The ground truth, where the files are predictions: they get its ids, sizes and class names. */
  readonly reference?: Reference;
}

export interface WriteOptions extends VocOptions, LabelMapOptions {}

const JSON_FORMATS: readonly Format[] = ['coco', 'coco-results'];

/**
 * Reads a data set of any format from files in memory: those of an archive (see `unpack`), or one.
 *
 *     const truth = readDataset(await unpack(file), 'voc');
 *     const found = readDataset(await unpack(other), 'yolo', { reference: truth });
 *     loadCoco(toCocoJson(truth), toCocoResults(found));
 *
 * Takes time and memory that grow with the files: call it where it blocks nobody.
 * @param format default: recognised.
 * @throws AppError naming the file, the place and what was expected.
 */
export function readDataset(
  files: readonly SourceFile[],
  format: Format = recognise(files),
  options: ReadOptions = {},
): Dataset {
  const { reference, maxPixels } = options;
  switch (format) {
    case 'coco':
      return readCoco(theOne(files, format));
    case 'coco-results':
      return readCocoResults(theOne(files, format), reference);
    case 'coco-panoptic':
      return readPanoptic(files, maxPixels);
    case 'voc':
      return readVoc(files, options, reference);
    case 'voc-results':
      return readVocResults(files, options, reference);
    case 'yolo':
      return readYolo(files, options, reference);
    case 'labelme':
      return readLabelMe(files, maxPixels, reference);
    case 'csv':
      return readCsv(theOne(files, format), reference);
    case 'label-maps':
      return readLabelMaps(files, options, reference);
  }
}

/**
 * Writes a data set as files in memory, and says what the format had no place for. Nothing is written to disk; names
 * are relative, with forward slashes, and lead out of no folder.
 * @throws AppError for what the format cannot do without, such as sizes of images.
 */
export function writeDataset(dataset: Dataset, format: WritableFormat, options: WriteOptions = {}): Written {
  const { files, warnings } = writeAs(dataset, format, options);
  return { files, warnings: [...warnings, ...lossesOf(dataset, format)] };
}

function writeAs(dataset: Dataset, format: WritableFormat, options: WriteOptions): Written {
  switch (format) {
    case 'coco':
      return writeCoco(dataset);
    case 'coco-results':
      return writeCocoResults(dataset);
    case 'coco-panoptic':
      return writePanoptic(dataset);
    case 'voc':
      return writeVoc(dataset, options);
    case 'yolo':
      return writeYolo(dataset);
    case 'labelme':
      return writeLabelMe(dataset);
    case 'csv':
      return writeCsv(dataset);
    case 'label-maps':
      return writeLabelMaps(dataset, options);
  }
}

/**
 * Converts a data set from one format to another, in memory and without side effects.
 *
 *     const { files, warnings } = convert(await unpack({ name: 'voc.zip', bytes }), undefined, 'yolo');
 *     for (const { name, bytes } of files) …   // labels/a.txt, …, data.yaml
 *
 * What each format keeps:
 *
 * - `coco` everything; `coco-results` boxes, masks, keypoints and scores of predictions.
 * - `voc` boxes, `difficult`, `truncated`, scores; crowds become difficult. 1-based inclusive corners, see `VocOptions`.
 * - `yolo` boxes, or polygons, or poses, and scores; no crowds. To read it, sizes of the images must be known: `sizes`,
 *   or a `reference` that has them.
 * - `labelme` boxes, polygons, masks; no scores, no poses.
 * - `csv` boxes, `difficult`, crowds, scores.
 * - `label-maps` masks by class; `coco-panoptic` masks by object, none over another.
 *
 * Ids are those of the files, or else numbered in the order of names, so that one data set always converts to the same
 * bytes. `warnings` has what was left out on either side.
 * @param from default: recognised by content.
 * @throws AppError naming the file, the place and what was expected.
 */
export function convert(
  files: readonly SourceFile[],
  from: Format | undefined,
  to: WritableFormat,
  options: ReadOptions & { readonly write?: WriteOptions } = {},
): Written {
  const dataset = readDataset(files, from, options);
  const { files: written, warnings } = writeDataset(dataset, to, options.write);
  return { files: written, warnings: [...dataset.warnings, ...warnings] };
}

/** The file of a format that has one, among files that do not count. @throws AppError unless there is one. */
export function theOne(files: readonly SourceFile[], format: Format): SourceFile {
  if (files.length === 1) return files[0]!;
  const extension = JSON_FORMATS.includes(format) ? '.json' : '.csv';
  const [only, other] = filesOf(files, extension);
  if (other) fail(`there are several ${extension} files: ${only!.name}, ${other.name}; send one`);
  return only!;
}
