import { AppError } from '../errors.ts';
import { isPng } from '../image/png.ts';
import { isCsvHeader } from './csv.ts';
import type { SourceFile } from './dataset.ts';
import { fail } from './fail.ts';
import type { Format } from './format.ts';
import { firstByte, topLevelKeys, view } from './json.ts';
import { baseName, listSome, quote } from './names.ts';
import { vocResultsClass } from './voc.ts';
import { labelFiles } from './yolo.ts';

/** What a label of YOLO begins with: a class and a number. */
const YOLO_LINE = /^\s*\d+[ \t]+[-+.\d]/;

/**
 * The format of the files of a data set, by what is in them: of the one file that was sent, or of those in an archive.
 * Pictures beside annotations do not count.
 * @throws AppError unsupported_media_type where no format fits, invalid_request where several do.
 */
export function recognise(files: readonly SourceFile[]): Format {
  const labels = new Set(labelFiles(files));
  const found = new Map<Format, SourceFile>();
  for (const file of files) {
    const format = formatOf(file, labels.has(file));
    if (format && !found.has(format)) found.set(format, file);
  }
  if (found.size > 1) found.delete('label-maps');
  const [first, second] = found;
  if (!first) {
    throw new AppError(
      'unsupported_media_type',
      `no data set of a known format: send COCO JSON, LabelMe JSON, CSV, or a zip of Pascal VOC XML, YOLO txt or PNG maps; got ${seen(files)}`,
    );
  }
  if (second) {
    fail(`files of two formats: ${quote(first[1].name)} is of ${first[0]}, ${quote(second[1].name)} of ${second[0]}`);
  }
  return first[0];
}

/** The format of a file that is a whole data set; undefined where it is none. */
export function recogniseOne(file: SourceFile): Format | undefined {
  return formatOf(file, labelFiles([file]).includes(file));
}

/** What was sent, for somebody who thinks that it is a data set. */
function seen(files: readonly SourceFile[]): string {
  const [file, ...others] = files;
  if (!file) return 'no files';
  if (others.length) return `the files ${listSome(files.map(({ name }) => name))}`;
  if (file.bytes.length === 0) return `the empty file ${quote(file.name)}`;
  const start = view(file.bytes).toString('utf8', 0, 40);
  return `the file ${quote(file.name)}, which begins with ${quote(start)}`;
}

function formatOf(file: SourceFile, isLabelFile: boolean): Format | undefined {
  const { name, bytes } = file;
  if (isPng(bytes)) return 'label-maps';
  if (vocResultsClass(baseName(name)) !== undefined) return 'voc-results';
  const first = bytes[firstByte(bytes)];
  if (first === 0x5b) return 'coco-results';
  if (first === 0x7b) return formatOfObject(file);
  if (first === 0x3c) return /\.xml$/i.test(name) || !baseName(name).includes('.') ? 'voc' : undefined;
  const line = view(bytes).toString('utf8', 0, 4096).split('\n', 1)[0]!;
  if (isCsvHeader(line)) return 'csv';
  if (!isLabelFile) return undefined;
  // An image without objects has an empty file.
  const isYolo = first === undefined || YOLO_LINE.test(view(bytes).toString('utf8', firstByte(bytes), 4096));
  return isYolo ? 'yolo' : undefined;
}

function formatOfObject(file: SourceFile): Format | undefined {
  for (const key of topLevelKeys(file)) {
    if (key === 'shapes') return 'labelme';
    // Nothing but panoptic annotations has segments, and a search is quicker than to read them.
    if (key === 'annotations') return view(file.bytes).includes('"segments_info"') ? 'coco-panoptic' : 'coco';
  }
  return undefined;
}
