import { encodePng, readPngSamples } from '../image/png.ts';
import { DatasetBuilder } from './builder.ts';
import { type Category, type Dataset, groupByImage, type Reference, type SourceFile, type Written } from './dataset.ts';
import { fail } from './fail.ts';
import { fittingMask, pixelsOf } from './geometry.ts';
import { baseName, fileNames, filesOf, listSome } from './names.ts';
import { paint, rlesOf } from './pixels.ts';

/** The class of every pixel of an image. */
export interface NamedLabelMap {
  /** Of the file, without folders. */
  readonly name: string;
  readonly width: number;
  readonly height: number;
  /** Row-major. */
  readonly labels: Uint8Array | Uint16Array;
}

export interface LabelMapOptions {
  /** Pixels that are no class. Default 255. */
  readonly ignoreIndex?: number;
  /** Class i is called `names[i]`; others `class i`. */
  readonly names?: readonly string[];
  /** Of the largest map that is read. */
  readonly maxPixels?: number;
}

/** Reads a label map: a grey or indexed PNG, of which grey levels or indices are the classes. @throws AppError for others. */
export function readLabelMap(file: SourceFile, maxPixels?: number): NamedLabelMap {
  const { width, height, channels, data } = readPngSamples(file.bytes, file.name, maxPixels);
  if (channels !== 1) {
    fail(`${file.name} must be a grey or indexed PNG, whose values are classes; it has ${channels} channels`);
  }
  return { name: baseName(file.name), width, height, labels: data };
}

/**
 * Reads label maps as a data set: a mask for each class of each image. Category ids are labels.
 * @throws AppError naming the file at fault.
 */
export function readLabelMaps(
  files: readonly SourceFile[],
  { ignoreIndex = 255, names = [], maxPixels }: LabelMapOptions = {},
  reference?: Reference,
): Dataset {
  const builder = new DatasetBuilder(reference);
  const categories = new Map<number, string>(names.map((name, i) => [i, name]));
  for (const { id, name } of reference?.categories ?? []) categories.set(id, name);
  for (const file of filesOf(files, '.png')) {
    const { name, width, height, labels } = readLabelMap(file, maxPixels);
    builder.addImage(name, { width, height }, file.name);
    for (const [label, segmentation] of rlesOf(labels, width, height)) {
      if (label === ignoreIndex) continue;
      if (!categories.has(label)) categories.set(label, `class ${label}`);
      builder.mark(name, categories.get(label)!, { segmentation });
    }
  }
  const declared = [...categories].map(([id, name]): Category => ({ id, name })).sort((a, b) => a.id - b.id);
  return builder.finish(declared);
}

/**
 * `<image>.png` for each image: an 8-bit grey label map of category ids. Where annotations overlap, later ones cover
 * earlier ones; pixels of none get `ignoreIndex`.
 * @throws AppError for images of unknown size and categories that no 8-bit label can stand for.
 */
export function writeLabelMaps(dataset: Dataset, { ignoreIndex = 255 }: LabelMapOptions = {}): Written {
  const { images, categories, annotations } = dataset;
  const wrong = categories.filter(({ id }) => id < 0 || id > 255 || id === ignoreIndex);
  if (wrong.length) {
    fail(
      `labels are 0 to 255 without ${ignoreIndex}; there are categories of the ids ${listSome(wrong.map(({ id }) => id))}`,
    );
  }
  const names = fileNames(images, '.png');
  const ofImage = groupByImage(annotations);
  const files = images.map((image, i) => {
    const { width, height, pixels } = pixelsOf(image);
    const labels = new Uint8Array(pixels).fill(ignoreIndex);
    for (const annotation of ofImage.get(image.id) ?? []) {
      const mask = fittingMask(annotation, image);
      if (mask) paint(labels, mask, annotation.categoryId);
    }
    return { name: names[i]!, bytes: encodePng(width, height, 1, labels) };
  });
  const maskless = annotations.filter(({ segmentation }) => !segmentation).length;
  return { files, warnings: maskless ? [`${maskless} annotations without a mask are left out`] : [] };
}
