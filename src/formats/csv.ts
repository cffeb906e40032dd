import { DatasetBuilder, type Mark } from './builder.ts';
import { isPlace, isSide } from './checks.ts';
import type { Annotation, Dataset, DatasetImage, Reference, SourceFile, Written } from './dataset.ts';
import { groupByImage } from './dataset.ts';
import { fail } from './fail.ts';
import { boxOf } from './geometry.ts';
import { textOfFile } from './json.ts';
import { quote } from './names.ts';

/** The columns, and the names under which each is known. */
const COLUMNS = {
  filename: ['filename', 'image', 'file_name'],
  width: ['width', 'image_width'],
  height: ['height', 'image_height'],
  class: ['class', 'label', 'class_name'],
  xmin: ['xmin', 'x_min'],
  ymin: ['ymin', 'y_min'],
  xmax: ['xmax', 'x_max'],
  ymax: ['ymax', 'y_max'],
  score: ['score', 'confidence'],
  difficult: ['difficult'],
  crowd: ['crowd', 'iscrowd'],
} as const;

type ColumnName = keyof typeof COLUMNS;
const NAMES = Object.keys(COLUMNS) as ColumnName[];
const REQUIRED: readonly ColumnName[] = ['filename', 'class', 'xmin', 'ymin', 'xmax', 'ymax'];

/** One line of a file: what a column holds, and where it is. */
export interface Row {
  readonly where: string;
  readonly cell: (column: ColumnName) => string;
}

/** Whether a first line names the columns that boxes need. */
export function isCsvHeader(line: string): boolean {
  const columns = columnsOf(parseLine(line, 0).cells);
  return REQUIRED.every((column) => columns.has(column));
}

/**
 * Reads boxes from comma-separated values (RFC 4180), a line for each box, the columns in any order and named by the
 * first line: `filename`, `class`, `xmin`, `ymin`, `xmax`, `ymax` (continuous pixels), and perhaps `width`, `height` (of
 * the image), `score`, `difficult` and `crowd` (0 or 1). A line without a class stands for an image without objects.
 * @throws AppError naming the file, the line and what was expected.
 */
export function readCsv(file: SourceFile, reference?: Reference): Dataset {
  const builder = new DatasetBuilder(reference);
  const sizes = new Map<string, string>();
  for (const row of rowsOf(file)) {
    const { where, cell } = row;
    const image = cell('filename') || fail(`${where}: filename is empty`);
    const size = cell('width') || cell('height') ? readSize(row) : undefined;
    const written = size && `${size.width}×${size.height}`;
    if (!builder.has(image)) {
      builder.addImage(image, size, where);
      sizes.set(image, written ?? '');
    } else if (written && written !== sizes.get(image)) {
      fail(`${where}: the size of ${quote(image)} is ${written}, but it was ${sizes.get(image) || 'not given'} before`);
    }
    if (cell('class')) builder.mark(image, cell('class'), readMark(row));
  }
  return builder.finish();
}

/** One file, `annotations.csv`, with every column that `readCsv` knows. Masks and poses are written as their boxes. */
export function writeCsv({ images, categories, annotations }: Dataset): Written {
  const labels = new Map(categories.map(({ id, name }) => [id, name]));
  const ofImage = groupByImage(annotations);
  const lines = images.flatMap((image) => {
    const boxes = (ofImage.get(image.id) ?? []).filter(boxOf);
    if (boxes.length === 0) return [toLine(image, '')];
    return boxes.map((annotation) => toLine(image, labels.get(annotation.categoryId) ?? '', annotation));
  });
  const text = `${[NAMES.join(','), ...lines].join('\n')}\n`;
  const shapes = annotations.filter(({ segmentation, keypoints }) => segmentation || keypoints).length;
  const nothing = annotations.filter((annotation) => !boxOf(annotation)).length;
  return {
    files: [{ name: 'annotations.csv', bytes: new TextEncoder().encode(text) }],
    warnings: [
      ...(shapes ? [`masks and keypoints of ${shapes} annotations are left out`] : []),
      ...(nothing ? [`${nothing} annotations without a box, mask or labelled keypoints are left out`] : []),
    ],
  };
}

/** @throws AppError naming the record, or the columns that are missing. */
export function* rowsOf(file: SourceFile, required = REQUIRED): Generator<Row, void, undefined> {
  const text = textOfFile(file);
  const header = parseLine(text, 0);
  const columns = columnsOf(header.cells);
  const missing = required.filter((column) => !columns.has(column));
  if (missing.length) fail(`${file.name} must name its columns in the first line; missing: ${missing.join(', ')}`);
  for (let at = header.end, line = 2; at < text.length; line++) {
    const { cells, end, problem } = parseLine(text, at);
    const where = `${file.name}, record ${line}`;
    at = end;
    if (problem) fail(`${where}: ${problem}`);
    if (cells.length === 1 && cells[0] === '') continue;
    if (cells.length !== header.cells.length)
      fail(`${where} has ${cells.length} cells for ${header.cells.length} columns`);
    yield { where, cell: (column) => cells[columns.get(column) ?? -1]?.trim() ?? '' };
  }
}

/** The cells of the record that starts at `start`, and where the next one does. */
function parseLine(text: string, start: number): { cells: string[]; end: number; problem?: string } {
  const cells: string[] = [];
  let at = start;
  for (;;) {
    let cell = '';
    if (text[at] === '"') {
      for (;;) {
        const close = text.indexOf('"', at + 1);
        if (close < 0) return { cells, end: text.length, problem: 'a quote is not closed' };
        cell += text.slice(at + 1, close);
        at = close + 1;
        if (text[at] !== '"') break;
        cell += '"';
      }
    }
    const plain = at;
    while (at < text.length && text[at] !== ',' && text[at] !== '\n') at++;
    cells.push(cell + text.slice(plain, at).replace(/\r$/, ''));
    if (text[at] !== ',') return { cells, end: at + 1 };
    at++;
  }
}

function columnsOf(header: readonly string[]): Map<ColumnName, number> {
  const places = new Map(header.map((name, i) => [name.trim().toLowerCase(), i]));
  return new Map(
    NAMES.flatMap((column) => {
      const place = COLUMNS[column].map((name) => places.get(name)).find((found) => found !== undefined);
      return place === undefined ? [] : [[column, place] as const];
    }),
  );
}

function readMark(row: Row): Mark {
  const { where, cell } = row;
  const [xmin, ymin, xmax, ymax] = (['xmin', 'ymin', 'xmax', 'ymax'] as const).map((column) => numberIn(row, column));
  if (xmax! < xmin! || ymax! < ymin!) fail(`${where}: xmin, ymin, xmax, ymax are ${xmin}, ${ymin}, ${xmax}, ${ymax}`);
  return {
    box: [xmin!, ymin!, xmax! - xmin!, ymax! - ymin!],
    ...(flag(row, 'crowd') && { crowd: true }),
    ...(flag(row, 'difficult') && { difficult: true }),
    ...(cell('score') && { score: numberIn(row, 'score') }),
  };
}

export function readSize(row: Row): { width: number; height: number } {
  const [width, height] = [numberIn(row, 'width'), numberIn(row, 'height')];
  if (isSide(width) && isSide(height)) return { width, height };
  return fail(`${row.where}: width and height must be whole pixels, got ${width}×${height}`);
}

function numberIn({ where, cell }: Row, column: ColumnName): number {
  const text = cell(column);
  const value = text === '' ? Number.NaN : Number(text);
  return isPlace(value)
    ? value
    : fail(`${where}: ${column} must be a number of at most 2147483647, got ${quote(text)}`);
}

function flag({ where, cell }: Row, column: ColumnName): boolean {
  const text = cell(column);
  if (/^(?:0|false)?$/i.test(text)) return false;
  return /^(?:1|true)$/i.test(text) || fail(`${where}: ${column} must be 0 or 1, got ${quote(text)}`);
}

function toLine({ name, width, height }: DatasetImage, label: string, annotation?: Annotation): string {
  const box = annotation && boxOf(annotation);
  const [x, y, w, h] = box ?? [];
  const corners = box ? [x!, y!, x! + w!, y! + h!] : ['', '', '', ''];
  const { score, difficult, crowd } = annotation ?? {};
  const cells = [name, width, height, label, ...corners, score, difficult && 1, crowd && 1];
  return cells.map((cell) => escapeCell(String(cell ?? ''))).join(',');
}

function escapeCell(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
