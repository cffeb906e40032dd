import type { Annotation, Category, Dataset, DatasetImage, Reference } from './dataset.ts';
import { fail } from './fail.ts';
import { compareNames, listSome, quote, stemOf } from './names.ts';

/** What is marked in an image, before anything has an id. */
export type Mark = Omit<Annotation, 'id' | 'imageId' | 'categoryId'>;

interface Draft {
  readonly name: string;
  readonly size: { readonly width: number; readonly height: number } | undefined;
  readonly file: string;
  readonly marks: { readonly label: string; readonly mark: Mark }[];
}

/**
 * Puts together a data set of a format that has names where COCO has ids. The same files give the same ids, in whatever
 * order an archive has them: images by name from 1, annotations in the order of images and files from 1, categories as
 * declared, or by name from 1. With a reference, images are found by name without folders and extension, and images and
 * categories keep the reference's ids.
 */
export class DatasetBuilder {
  readonly #reference: Reference | undefined;
  readonly #drafts = new Map<string, Draft>();
  readonly #warnings = new Set<string>();

  constructor(reference?: Reference) {
    this.#reference = reference;
  }

  /**
   * Adds an image; what is then marked in it comes with `mark`.
   * @param file that describes it, for errors.
   * @throws AppError where another file has described it.
   */
  addImage(name: string, size: { width: number; height: number } | undefined, file: string): void {
    const stem = stemOf(name);
    const other = this.#drafts.get(stem);
    if (other)
      fail(`${other.file} and ${file} both describe the image ${quote(stem)}; send one part of the data at a time`);
    this.#drafts.set(stem, { name, size, file, marks: [] });
  }

  /** Whether an image of exactly this name was added. */
  has(name: string): boolean {
    return this.#drafts.get(stemOf(name))?.name === name;
  }

  /** Marks an object in an image that was added before. */
  mark(image: string, label: string, mark: Mark): void {
    this.#drafts.get(stemOf(image))!.marks.push({ label, mark });
  }

  /** Warns of images of the reference that nothing describes, for formats that have a file for each image. */
  warnOfMissingFiles(): void {
    const missing = this.#reference?.images.filter(({ name }) => !this.#drafts.has(stemOf(name))) ?? [];
    if (missing.length) this.warn(`there is no file for these images: ${listSome(missing.map(({ name }) => name))}`);
  }

  warn(message: string): void {
    this.#warnings.add(message);
  }

  /** @param declared every category there is; default: those that occur. @throws AppError for names that are unknown. */
  finish(declared?: readonly Category[]): Dataset {
    const drafts = [...this.#drafts.values()].sort((a, b) => compareNames(a.name, b.name));
    const images = this.#imagesOf(drafts);
    const categories = this.#reference?.categories ?? declared ?? categoriesOf(drafts);
    const categoryIds = new Map(categories.map(({ id, name }) => [name, id]));
    const unknown = new Set<string>();
    const annotations: Annotation[] = [];
    drafts.forEach(({ marks }, i) => {
      for (const { label, mark } of marks) {
        const categoryId = categoryIds.get(label);
        if (categoryId === undefined) unknown.add(label);
        else annotations.push({ id: annotations.length + 1, imageId: images[i]!.id, categoryId, ...mark });
      }
    });
    if (unknown.size && !this.#reference) fail(`these categories are not among those declared: ${listSome(unknown)}`);
    if (unknown.size) this.warn(leftOut('objects', unknown, annotations.length, categories));
    return { images: this.#reference?.images ?? images, categories, annotations, warnings: [...this.#warnings] };
  }

  /** The images of the drafts, one each. */
  #imagesOf(drafts: readonly Draft[]): readonly DatasetImage[] {
    if (!this.#reference) return drafts.map(({ name, size }, i) => ({ id: i + 1, name, ...size }));
    const byStem = imagesByStem(this.#reference);
    const missing = drafts.filter(({ name }) => !byStem.has(stemOf(name)));
    if (missing.length) {
      fail(`the ground truth has no images of these names: ${listSome(missing.map(({ name }) => stemOf(name)))}`);
    }
    return drafts.map(({ name }) => byStem.get(stemOf(name))!);
  }
}

/**
 * Says which categories the reference lacks.
 * @throws AppError where nothing is left: the names of the two sides mean different things.
 */
export function leftOut(
  what: string,
  unknown: ReadonlySet<number | string>,
  left: number,
  known: readonly Category[],
): string {
  if (left > 0) return `left out ${what} of categories that the ground truth lacks: ${listSome(unknown)}`;
  const names = listSome(known.map(({ name }) => name)) || 'none';
  return fail(`no category is one of the ground truth: there are ${listSome(unknown)}, it has ${names}`);
}

/** @throws AppError where names without folders and extensions do not tell images apart. */
export function imagesByStem({ images }: Reference): Map<string, DatasetImage> {
  const byStem = new Map<string, DatasetImage>();
  for (const image of images) {
    const stem = stemOf(image.name);
    const other = byStem.get(stem);
    if (other) fail(`the images ${quote(other.name)} and ${quote(image.name)} cannot be told apart by name`);
    byStem.set(stem, image);
  }
  return byStem;
}

function categoriesOf(drafts: readonly Draft[]): Category[] {
  const names = new Set(drafts.flatMap(({ marks }) => marks.map(({ label }) => label)));
  return [...names].sort(compareNames).map((name, i) => ({ id: i + 1, name }));
}
