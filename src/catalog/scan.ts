import { readdir, stat } from 'node:fs/promises';
import { basename, extname, join } from 'node:path';

/** A model as it lies on disk. */
export interface ModelFiles {
  readonly id: string;
  readonly modelPath: string;
  /** model.json in the model's folder, or <id>.json beside a bare <id>.onnx; it need not exist. */
  readonly manifestPath: string;
  /** What DELETE removes. */
  readonly ownPaths: readonly string[];
  /** Changes when the graph, its weights or the manifest change. */
  readonly fingerprint: string;
}

/** Where exporters put weights that do not fit into the graph's own file: torch.onnx, and Hugging Face's Optimum. */
const weightSuffixes = ['.data', '_data'];

/** Ids appear in URLs and file names. */
export const modelIdPattern = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/;

/**
 * Finds `<dir>/<id>/model.onnx` (or the folder's only .onnx) and bare `<dir>/<id>.onnx`. Where two directories hold the
 * same id, the first wins. Hidden entries, unreadable directories and names that are no ids are passed over.
 */
export async function scanModels(directories: readonly string[]): Promise<Map<string, ModelFiles>> {
  const found = new Map<string, ModelFiles>();
  for (const directory of directories) {
    const entries = await readdir(directory).catch(() => []);
    for (const entry of entries.sort()) {
      const files = await inspectEntry(join(directory, entry)).catch(() => undefined);
      if (files && modelIdPattern.test(files.id) && !found.has(files.id)) found.set(files.id, files);
    }
  }
  return found;
}

async function inspectEntry(path: string): Promise<ModelFiles | undefined> {
  const info = await stat(path);
  if (info.isFile() && extname(path) === '.onnx') {
    const manifestPath = path.replace(/\.onnx$/, '.json');
    const weights = weightSuffixes.map((suffix) => path + suffix);
    return describeFiles(basename(path, '.onnx'), path, manifestPath, [path, manifestPath, ...weights]);
  }
  if (!info.isDirectory()) return undefined;
  const graphs = (await readdir(path)).filter((file) => extname(file) === '.onnx');
  const graph = graphs.includes('model.onnx') ? 'model.onnx' : graphs.length === 1 ? graphs[0] : undefined;
  if (!graph) return undefined;
  return describeFiles(basename(path), join(path, graph), join(path, 'model.json'), [path]);
}

async function describeFiles(id: string, modelPath: string, manifestPath: string, ownPaths: string[]) {
  const optional = [manifestPath, ...weightSuffixes.map((suffix) => modelPath + suffix)];
  const stats = [stat(modelPath), ...optional.map((path) => stat(path).catch(() => undefined))];
  const fingerprint = (await Promise.all(stats)).map((s) => (s ? `${s.size}:${s.mtimeMs}:${s.ino}` : '-')).join(' ');
  return { id, modelPath, manifestPath, ownPaths, fingerprint };
}
