import { readFile } from 'node:fs/promises';
import { basename, dirname, extname, join, resolve } from 'node:path';
import { describeModel } from '../catalog/describe.ts';
import { parseManifest } from '../catalog/manifest.ts';
import { type ModelFiles, scanModels } from '../catalog/scan.ts';
import { AppError } from '../errors.ts';
import { type Candidate, recogniseFamily } from '../families/recognise.ts';
import { detail } from '../http/model-view.ts';
import { readSignature } from '../onnx/read-signature.ts';
import type { Signature } from '../vision/signature.ts';
import type { ModelDetail } from './model-store.ts';

/** What a file on this machine turned out to be. */
export type Inspection =
  | { readonly model: ModelDetail }
  /** No family is sure, or model.json does not fit. */
  | {
      readonly unrecognised: {
        readonly path: string;
        readonly manifestPath: string;
        readonly signature: Signature;
        readonly alternatives: readonly Candidate[];
      };
    };

/**
 * @param target the path of an .onnx file, or the id of a model in `directories`.
 * @throws AppError where there is no such model, or it is no ONNX file.
 */
export async function inspectLocal(target: string, directories: readonly string[]): Promise<Inspection> {
  const files = await findGraph(target, directories);
  const { modelPath, manifestPath } = files;
  const text = await readFile(manifestPath, 'utf8').catch(() => '{}');
  const manifest = parseManifest(text, manifestPath);
  try {
    const description = await describeModel(modelPath, manifest);
    const unused = { error: undefined, failedAt: 0, loaded: undefined, loading: undefined, lastUsed: 0 };
    return { model: detail({ ...unused, id: files.id, files, manifest, description }, manifest.default ?? false) };
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== 'unrecognised_model') throw error;
    const signature = await readSignature(modelPath);
    const { alternatives } = recogniseFamily(signature);
    return { unrecognised: { path: modelPath, manifestPath, signature, alternatives } };
  }
}

async function findGraph(target: string, directories: readonly string[]): Promise<ModelFiles> {
  if (extname(target).toLowerCase() === '.onnx') return graphAt(resolve(target));
  const models = await scanModels(directories);
  const files = models.get(target);
  if (files) return files;
  const ids = [...models.keys()].sort().join(', ') || 'none';
  throw new AppError('model_not_found', `there is no model ‘${target}’; there are: ${ids}`);
}

/** A model in a folder of its own has the folder's name and a model.json; a bare one its file's. */
function graphAt(modelPath: string): ModelFiles {
  const stem = basename(modelPath, extname(modelPath));
  const folder = dirname(modelPath);
  const id = stem === 'model' ? basename(folder) : stem;
  return { id, modelPath, manifestPath: join(folder, `${stem}.json`), ownPaths: [], fingerprint: '' };
}
