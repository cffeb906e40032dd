import { DatasetBuilder, type Mark } from './builder.ts';
import { isPlace, isSide } from './checks.ts';
import {
  type Annotation,
  type Dataset,
  type DatasetImage,
  groupByImage,
  type Reference,
  type SourceFile,
  type Written,
} from './dataset.ts';
import { fail } from './fail.ts';
import { boxOf } from './geometry.ts';
import { textOfFile } from './json.ts';
import { fileNames, filesOf, imageExtension, listSome, quote, splitExtension, stemOf } from './names.ts';
import { escapeXml, parseXml, type XmlElement } from './xml.ts';

export interface VocOptions {
  /**
   * What the corners xmin, ymin, xmax, ymax are. `inclusive`, Pascal VOC's own convention and the default: numbers of
   * pixels counted from 1, the last of which belongs to the box, so that the left upper pixel alone is 1, 1, 1, 1 and the
   * continuous box is xmin − 1, ymin − 1, xmax − xmin + 1, ymax − ymin + 1. `continuous`: coordinates from 0, as many
   * annotation tools write them; the box is xmin, ymin, xmax − xmin, ymax − ymin.
   */
  readonly corners?: 'inclusive' | 'continuous';
}

/**
 * Reads Pascal VOC annotations, one XML file for each image. An image is called like its XML file, with the extension of
 * `filename`. A `score` or `confidence` in an object makes it a prediction. Poses, parts and segmentations are left out.
 * @throws AppError naming the file, the object and what was expected.
 */
export function readVoc(files: readonly SourceFile[], options: VocOptions = {}, reference?: Reference): Dataset {
  const builder = new DatasetBuilder(reference);
  for (const file of filesOf(files, '.xml')) {
    const { stem } = splitExtension(file.name);
    const root = parseXml(file);
    if (root.name !== 'annotation') fail(`${file.name} must have the root <annotation>, got <${quote(root.name)}>`);
    const name = stem + imageExtension(child(root, 'filename')?.text ?? '');
    builder.addImage(name, readSize(root, file.name), file.name);
    const objects = root.children.filter((element) => element.name === 'object');
    for (const [i, object] of objects.entries()) {
      const where = `${file.name}: object ${i + 1}`;
      const label = child(object, 'name')?.text;
      if (!label) fail(`${where} has no <name>`);
      builder.mark(name, label, readObject(object, `${where} (${quote(label)})`, options));
    }
  }
  builder.warnOfMissingFiles();
  return builder.finish();
}

/**
 * Reads Pascal VOC results: a file `comp3_det_test_<class>.txt` for each class, with lines of image, score, xmin, ymin,
 * xmax, ymax.
 * @throws AppError naming the file, the line and what was expected.
 */
export function readVocResults(files: readonly SourceFile[], options: VocOptions = {}, reference?: Reference): Dataset {
  const builder = new DatasetBuilder(reference);
  let found = false;
  for (const file of files) {
    const label = vocResultsClass(file.name);
    if (label === undefined) continue;
    found = true;
    for (const [i, line] of textOfFile(file).split('\n').entries()) {
      const [name, score, ...corners] = line.trim().split(/\s+/);
      if (!name) continue;
      const numbers = [score, ...corners].map(Number);
      if (numbers.length !== 5 || !numbers.every(isPlace)) {
        fail(`${file.name}, line ${i + 1}: expected image, score, xmin, ymin, xmax, ymax, got ${quote(line)}`);
      }
      if (!builder.has(name)) builder.addImage(name, undefined, file.name);
      builder.mark(name, label, { box: fromCorners(numbers.slice(1), options), score: numbers[0]! });
    }
  }
  if (!found) fail('there are no results of Pascal VOC, such as comp3_det_test_cat.txt');
  return builder.finish();
}

/** `aeroplane` of `results/comp4_det_test_aeroplane.txt`; undefined for other names. */
export function vocResultsClass(name: string): string | undefined {
  return /(?:^|[/\\])comp\d+_det_[^_/\\]+_([^/\\]+)\.txt$/.exec(name)?.[1];
}

/**
 * One `Annotations/<image>.xml` for each image. Crowds become difficult, which asks as little of a detector; masks and
 * poses are written as their boxes.
 * @throws AppError for images whose size is unknown or whose names cannot be those of files.
 */
export function writeVoc({ images, categories, annotations }: Dataset, options: VocOptions = {}): Written {
  const sizeless = images.filter(({ width }) => width === undefined);
  if (sizeless.length)
    fail(`Pascal VOC needs the size of every image; unknown of ${listSome(sizeless.map(({ id }) => id))}`);
  const names = fileNames(images, '.xml');
  const labels = new Map(categories.map(({ id, name }) => [id, name]));
  const ofImage = groupByImage(annotations);
  const files = images.map((image, i) => ({
    name: `Annotations/${names[i]!}`,
    bytes: new TextEncoder().encode(toXml(image, ofImage.get(image.id) ?? [], labels, options)),
  }));
  return { files, warnings: lossesOf(annotations) };
}

function readObject(object: XmlElement, where: string, options: VocOptions): Mark {
  const bounds = child(object, 'bndbox');
  if (!bounds) fail(`${where} has no <bndbox>`);
  const corners = ['xmin', 'ymin', 'xmax', 'ymax'].map((key) => numberIn(bounds, key, where));
  if (corners[2]! < corners[0]! || corners[3]! < corners[1]!) {
    fail(`${where} has its corners the wrong way round: xmin, ymin, xmax, ymax are ${corners.join(', ')}`);
  }
  const hasScore = child(object, 'score') ? 'score' : 'confidence';
  return {
    box: fromCorners(corners, options),
    ...(flag(object, 'difficult', where) && { difficult: true }),
    ...(flag(object, 'truncated', where) && { truncated: true }),
    ...(child(object, hasScore) && { score: numberIn(object, hasScore, where) }),
  };
}

function readSize(root: XmlElement, file: string): { width: number; height: number } | undefined {
  const size = child(root, 'size');
  if (!size) return undefined;
  const [width, height] = ['width', 'height'].map((key) => numberIn(size, key, `${file}: <size>`)) as [number, number];
  // Some tools write 0×0 where they did not open the image.
  if (width === 0 && height === 0) return undefined;
  if (!isSide(width) || !isSide(height)) fail(`${file}: <size> must be whole pixels, got ${width}×${height}`);
  return { width, height };
}

function fromCorners(corners: readonly number[], { corners: meaning = 'inclusive' }: VocOptions): readonly number[] {
  const [xmin, ymin, xmax, ymax] = corners as [number, number, number, number];
  const one = meaning === 'inclusive' ? 1 : 0;
  return [xmin - one, ymin - one, xmax - xmin + one, ymax - ymin + one];
}

function toCorners(box: readonly number[], { corners: meaning = 'inclusive' }: VocOptions): readonly number[] {
  const [x, y, width, height] = box as [number, number, number, number];
  const one = meaning === 'inclusive' ? 1 : 0;
  return [x + one, y + one, x + width, y + height];
}

function child(element: XmlElement, name: string): XmlElement | undefined {
  return element.children.find((entry) => entry.name === name);
}

function numberIn(element: XmlElement, key: string, where: string): number {
  const text = child(element, key)?.text;
  const value = text ? Number(text) : Number.NaN;
  if (isPlace(value)) return value;
  return fail(
    `${where}: <${key}> must be a number of at most 2147483647, got ${text === undefined ? 'nothing' : quote(text)}`,
  );
}

/** Absent means no; some tools write words. */
function flag(object: XmlElement, key: string, where: string): boolean {
  const text = child(object, key)?.text ?? '';
  if (/^(?:0|false|no|unspecified)?$/i.test(text)) return false;
  return /^(?:1|true|yes)$/i.test(text) || fail(`${where}: <${key}> must be 0 or 1, got ${quote(text)}`);
}

function toXml(
  { name, width, height }: DatasetImage,
  annotations: readonly Annotation[],
  labels: ReadonlyMap<number, string>,
  options: VocOptions,
): string {
  const objects = annotations.flatMap((annotation) => {
    const box = boxOf(annotation);
    if (!box) return [];
    const { categoryId, crowd, difficult, truncated, score } = annotation;
    const [xmin, ymin, xmax, ymax] = toCorners(box, options);
    return [
      '  <object>',
      `    <name>${escapeXml(labels.get(categoryId) ?? String(categoryId))}</name>`,
      `    <truncated>${truncated ? 1 : 0}</truncated>`,
      `    <difficult>${difficult || crowd ? 1 : 0}</difficult>`,
      ...(score === undefined ? [] : [`    <score>${score}</score>`]),
      `    <bndbox><xmin>${xmin}</xmin><ymin>${ymin}</ymin><xmax>${xmax}</xmax><ymax>${ymax}</ymax></bndbox>`,
      '  </object>',
    ];
  });
  return [
    '<annotation>',
    `  <filename>${escapeXml(stemOf(name) + imageExtension(name))}</filename>`,
    `  <size><width>${width}</width><height>${height}</height><depth>3</depth></size>`,
    ...objects,
    '</annotation>',
    '',
  ].join('\n');
}

function lossesOf(annotations: readonly Annotation[]): string[] {
  const count = (test: (annotation: Annotation) => unknown) => annotations.filter(test).length;
  const crowds = count(({ crowd }) => crowd);
  const shapes = count(({ segmentation, keypoints }) => segmentation || keypoints);
  const nothing = count((annotation) => !boxOf(annotation));
  return [
    ...(crowds ? [`${crowds} crowds are written as difficult objects`] : []),
    ...(shapes ? [`masks and keypoints of ${shapes} annotations are left out: Pascal VOC has boxes only`] : []),
    ...(nothing ? [`${nothing} annotations without a box, mask or labelled keypoints are left out`] : []),
  ];
}
