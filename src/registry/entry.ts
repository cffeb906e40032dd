import type { Manifest } from '../catalog/manifest.ts';
import type { Task } from '../vision/types.ts';

/** A model that `miru models pull` can fetch: where its bytes are, which bytes they are, and on what terms. */
export interface RegistryEntry {
  /** The id that it gets among the models. */
  readonly name: string;
  readonly title: string;
  /** For people; what Miru takes the graph for is found out from the graph. */
  readonly family: string;
  readonly task: Task;
  /** The data set that its classes come from, and how many there are. */
  readonly labels: string;
  /** Where the .onnx file is, the best place first. All of them hold the same bytes. */
  readonly urls: readonly string[];
  readonly bytes: number;
  readonly sha256: string;
  /** SPDX identifier, and where the text stands. */
  readonly license: string;
  readonly terms: string;
  /** What model.json has to say besides where the model comes from. */
  readonly manifest?: Manifest;
}

/** The whole model.json of an entry. */
export function manifestOf({ title, urls, terms, license, sha256, manifest }: RegistryEntry): Manifest {
  return { description: title, ...manifest, source: urls[0]!, upstream: terms, license, sha256 };
}
