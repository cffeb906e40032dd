import { AppError } from '../errors.ts';
import type { SourceFile } from '../formats/dataset.ts';
import { isPicture } from '../formats/inputs.ts';
import { listSome, quote, stemOf } from '../formats/names.ts';
import { unpackAll } from '../formats/zip.ts';
import { isPng } from '../image/png.ts';
import { isAllocation, tooMuch } from './memory.ts';

export interface MapLimits {
  /** Of one map. */
  readonly maxPixels: number;
  /** Of what comes out of archives. */
  readonly maxBytes: number;
}

/** The pictures among files and in archives; what else lies in them does not count. @throws AppError where there are none. */
export async function unpackMaps(
  files: readonly SourceFile[],
  { maxBytes }: MapLimits,
  field: string,
): Promise<SourceFile[]> {
  const unpacked = await unpackAll(files, { maxBytes });
  const maps = unpacked.filter(({ name, bytes }) => isPng(bytes) || isPicture(name));
  if (maps.length > 0) return maps;
  const names = listSome(unpacked.map(({ name }) => name)) || 'nothing';
  throw new AppError('invalid_request', `${field} has no PNG files; it has ${names}`);
}

/** Files by name, without folders and extension. @throws AppError where two have one. */
export function byName(files: readonly SourceFile[], field: string): Map<string, SourceFile> {
  const found = new Map<string, SourceFile>();
  for (const file of files) {
    const stem = stemOf(file.name);
    if (found.has(stem)) throw new AppError('invalid_request', `two files of ${field} are called ${quote(stem)}`);
    found.set(stem, file);
  }
  return found;
}

/** Says in which image the scoring library has found a fault. */
export function prefixing(name: string, update: () => void): void {
  try {
    update();
  } catch (error) {
    if (isAllocation(error)) throw tooMuch(error);
    if (error instanceof RangeError)
      throw new AppError('invalid_request', `${name}: ${error.message}`, { cause: error });
    throw error;
  }
}
