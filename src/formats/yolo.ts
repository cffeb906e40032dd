import { DatasetBuilder, imagesByStem, type Mark } from './builder.ts';
import { type ClassList, readClassesTxt, readDataYaml } from './class-list.ts';
import type { Category, Dataset, DatasetImage, Reference, SourceFile } from './dataset.ts';
import { fail } from './fail.ts';
import { boundsOf } from './geometry.ts';
import { textOfFile } from './json.ts';
import { baseName, compareNames, listSome, quote, splitExtension } from './names.ts';
import type { Size, Sizes } from './sizes.ts';

export interface YoloOptions {
  /** YOLO's files have coordinates in parts of the images' sizes. */
  readonly sizes?: Sizes;
  /** Class names, where the files have neither a data.yaml nor a classes.txt. */
  readonly names?: readonly string[];
}

/** Some writers round a little past the edge. */
const TOLERANCE = 0.01;

/**
 * Reads YOLO labels: a text file for each image with a line for each object, in parts of the image's width and height.
 *
 *     class x y width height            a box by its centre
 *     class x1 y1 x2 y2 x3 y3 …         a polygon of three or more points
 *     class x y width height px py v …  a pose, where data.yaml has kpt_shape
 *
 * A further number at the end of any line is a score. Category ids are YOLO's classes, from 0; with a reference, class i
 * is its category of the i-th lowest id, and it knows the sizes. Where there are folders called `labels`, only what lies
 * in them is read.
 * @throws AppError naming the file, the line and what was expected, or the images whose size is unknown.
 */
export function readYolo(files: readonly SourceFile[], options: YoloOptions = {}, reference?: Reference): Dataset {
  const classes = classesOf(files, options, reference);
  const sizes: Sizes = options.sizes ?? new Map();
  const known = reference ? imagesByStem(reference) : new Map<string, DatasetImage>();
  const builder = new DatasetBuilder(reference);
  const labels = labelFiles(files);
  if (labels.length === 0) fail('there are no text files with labels');
  const sizeOf = (stem: string) => sizes.get(stem) ?? knownSize(known.get(stem));
  // An image that the reference lacks is reported as such by the builder, not as one of unknown size.
  const sizeless = labels.map(({ name }) => splitExtension(name).stem).filter((stem) => !sizeOf(stem));
  const unknown = reference ? sizeless.filter((stem) => known.has(stem)) : sizeless;
  if (unknown.length) {
    const ways = 'send the images beside the labels, or a list of their sizes';
    fail(`YOLO labels are parts of the image's size, which is unknown of ${listSome(unknown)}; ${ways}`);
  }
  for (const file of labels) {
    const { stem } = splitExtension(file.name);
    const size = sizeOf(stem);
    const image = sizes.get(stem)?.name ?? stem;
    builder.addImage(image, size, file.name);
    if (!size) continue;
    for (const [i, line] of textOfFile(file).split('\n').entries()) {
      const where = `${file.name}, line ${i + 1}`;
      const numbers = numbersOf(line, where);
      if (numbers.length === 0) continue;
      const label = classes.names[numbers[0]!];
      if (label === undefined)
        fail(`${where}: class ${numbers[0]} is not one of the ${classes.names.length} that are named`);
      builder.mark(image, label, readMark(numbers.slice(1), size, classes, where));
    }
  }
  builder.warnOfMissingFiles();
  return builder.finish(categoriesOf(classes));
}

/** The text files with labels in them, in the order of their names. */
export function labelFiles(files: readonly SourceFile[]): readonly SourceFile[] {
  const texts = files.filter(({ name }) => {
    const base = baseName(name).toLowerCase();
    return base.endsWith('.txt') && base !== 'classes.txt' && !base.startsWith('readme');
  });
  const inFolder = texts.filter(({ name }) => /(?:^|\/)labels\//.test(name));
  return (inFolder.length ? inFolder : texts).toSorted((a, b) => compareNames(a.name, b.name));
}

/** The numbers of a line; none for a blank one. */
function numbersOf(line: string, where: string): readonly number[] {
  const words = line.trim().split(/\s+/);
  if (words[0] === '') return [];
  const numbers = words.map(Number);
  const wrong = numbers.findIndex((number) => !Number.isFinite(number));
  if (wrong >= 0) fail(`${where}: expected numbers only, got ${quote(words[wrong]!)}`);
  if (!(Number.isInteger(numbers[0]) && numbers[0]! >= 0)) fail(`${where}: the class must be 0, 1, …, got ${words[0]}`);
  return numbers;
}

/** @param numbers all but the class. */
function readMark(numbers: readonly number[], size: Size, { keypointShape }: ClassList, where: string): Mark {
  const poseLength = keypointShape ? keypointShape.count * keypointShape.size : 0;
  const boxLength = 4 + poseLength;
  const isBox = numbers.length === boxLength || numbers.length === boxLength + 1;
  if (!isBox && (keypointShape || numbers.length < 6)) {
    const shapes = keypointShape ? `${boxLength} for a box and a pose` : '4 for a box or x and y of at least 3 points';
    fail(`${where}: expected ${shapes}, and perhaps a score, after the class; got ${numbers.length} numbers`);
  }
  const hasScore = isBox ? numbers.length > boxLength : numbers.length % 2 === 1;
  const places = hasScore ? numbers.slice(0, -1) : numbers;
  const score = hasScore && { score: numbers.at(-1)! };
  if (!isBox) {
    const polygon = places.map((part, i) => inside(part, where) * (i % 2 ? size.height : size.width));
    return { box: boundsOf([polygon]), segmentation: [polygon], ...score };
  }
  const [x, y, width, height] = places.slice(0, 4).map((part) => inside(part, where)) as [
    number,
    number,
    number,
    number,
  ];
  const box = [(x - width / 2) * size.width, (y - height / 2) * size.height, width * size.width, height * size.height];
  if (!keypointShape) return { box, ...score };
  return { box, keypoints: readPose(places.slice(4), keypointShape.size, size, where), ...score };
}

/** Points without a visibility count as visible, unless both coordinates are 0. */
function readPose(numbers: readonly number[], step: 2 | 3, { width, height }: Size, where: string): readonly number[] {
  const keypoints: number[] = [];
  for (let i = 0; i < numbers.length; i += step) {
    const [x, y, visibility = numbers[i] || numbers[i + 1] ? 2 : 0] = numbers.slice(i, i + step) as [number, number];
    keypoints.push(inside(x, where, 1) * width, inside(y, where, 1) * height, visibility);
  }
  return keypoints;
}

/** @param tolerance that of keypoints is 1: poses that reach out of the image have predicted points beyond it. */
function inside(part: number, where: string, tolerance = TOLERANCE): number {
  if (part >= -tolerance && part <= 1 + tolerance) return part;
  return fail(`${where}: coordinates must be parts of the image's size, from 0 to 1, got ${part}`);
}

function knownSize(image: DatasetImage | undefined): Size | undefined {
  const { width, height } = image ?? {};
  return width === undefined || height === undefined ? undefined : { width, height };
}

function classesOf(files: readonly SourceFile[], { names }: YoloOptions, reference: Reference | undefined): ClassList {
  const listed = listedClasses(files);
  const referred = reference && inIdOrder(reference.categories).map(({ name }) => name);
  // What comes with the labels says what their numbers mean; the caller speaks for files that do not.
  const known = listed?.names ?? names ?? referred;
  if (!known) fail('YOLO labels need the names of their classes: add a data.yaml with names, or a classes.txt');
  return { ...listed, names: known };
}

function listedClasses(files: readonly SourceFile[]): ClassList | undefined {
  const named = (test: (base: string) => boolean) => files.find(({ name }) => test(baseName(name).toLowerCase()));
  const yaml = named((base) => base === 'data.yaml' || base === 'data.yml') ?? named((base) => /\.ya?ml$/.test(base));
  if (yaml) return readDataYaml(textOfFile(yaml), yaml.name);
  const list = named((base) => base === 'classes.txt' || base.endsWith('.names'));
  return list && readClassesTxt(textOfFile(list));
}

function categoriesOf({ names, keypointShape }: ClassList): Category[] {
  const seen = new Set<string>();
  for (const name of names) {
    if (seen.has(name)) fail(`two classes have the name ${quote(name)}`);
    seen.add(name);
  }
  const keypoints = keypointShape && Array.from({ length: keypointShape.count }, (_, i) => `point ${i + 1}`);
  return names.map((name, id) => ({ id, name, ...(keypoints && { keypoints }) }));
}

function inIdOrder(categories: readonly Category[]): Category[] {
  return categories.toSorted((a, b) => a.id - b.id);
}
