import { AppError } from '../errors.ts';

/** What V8 and Node say where something is larger than there is memory for, or than anything may be. */
const ALLOCATION =
  /^(?:Array buffer allocation failed|Invalid (?:typed array|array buffer|array|string) length|(?:Map|Set) maximum size exceeded|Cannot create a string longer)/;

/** Runs something that may need more memory than there is. @throws AppError payload_too_large where it does. */
export async function withinMemory<T>(work: () => T | Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (isAllocation(error)) throw tooMuch(error);
    throw error;
  }
}

export function isAllocation(error: unknown): boolean {
  return error instanceof Error && ALLOCATION.test(error.message);
}

export function tooMuch(cause: unknown): AppError {
  return new AppError('payload_too_large', 'this needs more memory than one task may have', { cause });
}
