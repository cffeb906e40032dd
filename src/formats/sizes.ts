import { asObject, at, isSide, type Json, type Place, sizeOf, textOf } from './checks.ts';
import { readSize, rowsOf } from './csv.ts';
import type { Dataset, SourceFile } from './dataset.ts';
import { fail } from './fail.ts';
import { firstByte, parseJson } from './json.ts';
import { quote, stemOf } from './names.ts';

/** In pixels. */
export type Size = { readonly width: number; readonly height: number };

/** Of an image, with the name of its file where that is known. */
export type NamedSize = Size & { readonly name?: string };

/** By the names of images without folders and extension. */
export type Sizes = ReadonlyMap<string, NamedSize>;

const NAMES = ['file_name', 'filename', 'image', 'name'];

/**
 * Reads the sizes of images: CSV with the columns `filename`, `width` and `height`; or JSON, an object
 * `{"a.jpg": [640, 480], …}` with width and height, or a list of `{"file_name", "width", "height"}` as COCO's `images`.
 * @throws AppError naming the entry and what was expected.
 */
export function readSizes(file: SourceFile): Sizes {
  const first = file.bytes[firstByte(file.bytes)];
  const isJson = first === 0x7b || first === 0x5b;
  return collectSizes(isJson ? entriesOf(file) : recordsOf(file));
}

/** @throws AppError where two images cannot be told apart by name. */
export function collectSizes(entries: Iterable<Required<NamedSize>>): Sizes {
  const sizes = new Map<string, Required<NamedSize>>();
  for (const size of entries) {
    const stem = stemOf(size.name);
    const other = sizes.get(stem);
    if (other && (other.width !== size.width || other.height !== size.height)) {
      fail(
        `the images ${quote(other.name)} and ${quote(size.name)} have different sizes and cannot be told apart by name`,
      );
    }
    if (!other) sizes.set(stem, size);
  }
  return sizes;
}

/** The data set with sizes for those of its images that have none. */
export function withSizes(dataset: Dataset, sizes: Sizes): Dataset {
  const images = dataset.images.map((image) => {
    const { width, height } = (image.width === undefined && sizes.get(stemOf(image.name))) || {};
    return width === undefined || height === undefined ? image : { ...image, width, height };
  });
  return { ...dataset, images };
}

function* recordsOf(file: SourceFile): Generator<Required<NamedSize>, void, undefined> {
  for (const row of rowsOf(file, ['filename', 'width', 'height'])) {
    const name = row.cell('filename') || fail(`${row.where}: filename is empty`);
    yield { name, ...readSize(row) };
  }
}

function* entriesOf(file: SourceFile): Generator<Required<NamedSize>, void, undefined> {
  const json = parseJson(file);
  const isCoco = !Array.isArray(json) && Array.isArray((json as Json).images);
  const list = isCoco ? (json as { images: unknown[] }).images : json;
  if (Array.isArray(list)) {
    for (const [index, value] of list.entries())
      yield readEntry(value, { file: file.name, path: isCoco ? 'images' : '', index });
    return;
  }
  for (const [name, value] of Object.entries(list as Json)) {
    const place = { file: file.name, path: name };
    yield { name, ...(Array.isArray(value) ? fromPair(value, place) : sized(asObject(value, place), place)) };
  }
}

function readEntry(value: unknown, place: Place): Required<NamedSize> {
  const entry = asObject(value, place);
  const key = NAMES.find((name) => entry[name] != null);
  const name = key && textOf(entry, key, place);
  return { name: name || fail(`${at(place)} has no file_name`), ...sized(entry, place) };
}

function sized(entry: Json, place: Place): Size {
  return sizeOf(entry, place) ?? fail(`${at(place)} has no width and height`);
}

function fromPair(pair: readonly unknown[], place: Place): Size {
  const [width, height] = pair as [number, number];
  if (pair.length === 2 && isSide(width) && isSide(height)) return { width, height };
  return fail(`${at(place)} must be [width, height] in whole pixels`);
}
