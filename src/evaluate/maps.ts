import { AppError } from '../errors.ts';
import type { SourceFile } from '../formats/dataset.ts';
import { quote, stemOf } from '../formats/names.ts';

export interface MapLimits {
  /** Of one map. */
  readonly maxPixels: number;
  /** Of what comes out of archives. */
  readonly maxBytes: number;
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
    if (error instanceof RangeError)
      throw new AppError('invalid_request', `${name}: ${error.message}`, { cause: error });
    throw error;
  }
}
