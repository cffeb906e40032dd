import { fail } from './fail.ts';
import { quote } from './names.ts';

/** What a JSON object may hold, before anything is known about it. */
export type Json = Readonly<Record<string, unknown>>;

/** An entry of a list in a file. Kept apart, so that the JSON path is put together only for an error. */
export interface Place {
  readonly file: string;
  readonly path: string;
  readonly index?: number;
}

/** `gt.json: annotations[3].bbox`. */
export function at({ file, path, index }: Place, key?: string): string {
  const entry = `${path}${index === undefined ? '' : `[${index}]`}`;
  const tail = key === undefined ? entry : `${entry}${entry && '.'}${key}`;
  return `${file}: ${tail || 'the whole file'}`;
}

/** @throws AppError unless `value` is an object. */
export function asObject(value: unknown, place: Place, key?: string): Json {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Json;
  return fail(`${at(place, key)} must be an object, got ${show(value)}`);
}

/** @throws AppError unless it is an array. */
export function arrayOf(entry: Json, key: string, place: Place): readonly unknown[] {
  const value = entry[key];
  return Array.isArray(value) ? value : fail(`${at(place, key)} must be an array, got ${show(value)}`);
}

/** An id: an integer, or its digits as a string, which some writers use. @throws AppError otherwise. */
export function idOf(entry: Json, key: string, place: Place): number {
  const value = entry[key];
  const id = typeof value === 'string' && /^\d{1,16}$/.test(value) ? Number(value) : value;
  return Number.isSafeInteger(id) ? (id as number) : fail(`${at(place, key)} must be an integer, got ${show(value)}`);
}

/** @throws AppError unless it is a finite number. */
export function numberOf(entry: Json, key: string, place: Place): number {
  const value = entry[key];
  if (typeof value === 'number' && Number.isFinite(value)) return value;
  return fail(`${at(place, key)} must be a finite number, got ${show(value)}`);
}

/** No format has images of more than 2^31 pixels to a side, and products of such numbers are finite. */
const MAX_SIDE = 2 ** 31 - 1;

/** Whether a number can be a place in or near an image, or one of its sizes. */
export function isPlace(value: unknown): boolean {
  return typeof value === 'number' && Math.abs(value) <= MAX_SIDE;
}

/** @throws AppError unless `value` is an array of `length` (any, where left out) numbers that can be pixels. */
export function asNumbers(value: unknown, place: Place, key: string, length?: number): readonly number[] {
  const isRight = Array.isArray(value) && (length === undefined || value.length === length);
  if (isRight && value.every(isPlace)) return value;
  const wrong = isRight ? value.findIndex((number) => !isPlace(number)) : -1;
  const got = wrong < 0 ? show(value) : `${show((value as unknown[])[wrong])} at place ${wrong}`;
  return fail(`${at(place, key)} must be ${length ?? 'an array of'} numbers of at most 2147483647, got ${got}`);
}

/** Nothing where it is missing or null. @throws AppError unless it is a string. */
export function textOf(entry: Json, key: string, place: Place): string | undefined {
  const value = entry[key];
  if (value === undefined || value === null) return undefined;
  return typeof value === 'string' ? value : fail(`${at(place, key)} must be a string, got ${show(value)}`);
}

/** Width and height: nothing where both are missing. @throws AppError unless both are whole pixels. */
export function sizeOf(
  entry: Json,
  place: Place,
  widthKey = 'width',
  heightKey = 'height',
): { width: number; height: number } | undefined {
  if (entry[widthKey] == null && entry[heightKey] == null) return undefined;
  return { width: side(entry, widthKey, place), height: side(entry, heightKey, place) };
}

function side(entry: Json, key: string, place: Place): number {
  const value = numberOf(entry, key, place);
  return isSide(value) ? value : fail(`${at(place, key)} must be a whole number of pixels, got ${value}`);
}

export function isSide(value: number): boolean {
  return Number.isInteger(value) && value > 0 && value <= MAX_SIDE;
}

/** What a value is, in few words, however large it is. */
export function show(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (Array.isArray(value)) return `an array of ${value.length}`;
  if (typeof value === 'string') return quote(value);
  return typeof value === 'object' && value !== null ? 'an object' : String(value);
}
