import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { arch, dlopen, platform } from 'node:process';
import { messageOf } from '../errors.ts';

const LIBRARY = platform === 'win32' ? 'onnxruntime_providers_cuda.dll' : 'libonnxruntime_providers_cuda.so';

/**
 * What keeps the CUDA provider from loading, for a person; undefined where its library loads. onnxruntime itself only
 * says `Failed to load shared library`, and the rest to the log.
 * @param folder where onnxruntime's own libraries lie.
 */
export function missingCudaLibrary(folder = onnxruntimeFolder()): string | undefined {
  const path = join(folder, LIBRARY);
  if (!existsSync(path)) return `its library ${LIBRARY} is not beside onnxruntime, in ${folder}`;
  try {
    dlopen({ exports: {} }, path);
  } catch (error) {
    // A library that does load is no Node addon, which is an error as well.
    const missing = /^(.+): cannot open shared object file/m.exec(messageOf(error))?.[1];
    if (missing) return `${missing}, which ${LIBRARY} needs, is not installed on this machine`;
  }
  return undefined;
}

/** As onnxruntime-node finds its binding: its package exports dist/index.js. */
function onnxruntimeFolder(): string {
  const entry = createRequire(import.meta.url).resolve('onnxruntime-node');
  return join(dirname(entry), '../bin/napi-v6', platform, arch);
}
