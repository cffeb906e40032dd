import type { RegistryEntry } from './entry.ts';

/** An entry whose addresses follow from its path in the collection. */
type InCollection = Omit<RegistryEntry, 'urls' | 'terms'> & { readonly path: string };

/**
 * The ONNX Model Zoo. GitHub serves the files of its Git LFS from a host of their own; Hugging Face has a repository for
 * each file. Every model's README says under which licence it is.
 * @param entry its path below validated/vision.
 */
export function onnxZoo({ path, ...entry }: InCollection): RegistryEntry {
  const [folder, file] = splitPath(path);
  const stem = file.replace(/\.onnx$/, '');
  return {
    ...entry,
    urls: [
      `https://media.githubusercontent.com/media/onnx/models/main/validated/vision/${path}`,
      `https://huggingface.co/onnxmodelzoo/${stem}/resolve/main/${file}`,
    ],
    terms: `https://github.com/onnx/models/blob/main/validated/vision/${folder.replace(/\/models?$/, '')}/README.md`,
  };
}

/**
 * The OpenCV Zoo: a folder with a licence of its own for each model, the same on GitHub and on Hugging Face.
 * @param entry its path below models.
 */
export function openCvZoo({ path, ...entry }: InCollection): RegistryEntry {
  const [folder, file] = splitPath(path);
  return {
    ...entry,
    urls: [
      `https://media.githubusercontent.com/media/opencv/opencv_zoo/main/models/${path}`,
      `https://huggingface.co/opencv/${folder}/resolve/main/${file}`,
    ],
    terms: `https://github.com/opencv/opencv_zoo/blob/main/models/${folder}/LICENSE`,
  };
}

function splitPath(path: string): [folder: string, file: string] {
  const at = path.lastIndexOf('/');
  return [path.slice(0, at), path.slice(at + 1)];
}
