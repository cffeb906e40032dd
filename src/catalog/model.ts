import type { AppError } from '../errors.ts';
import type { ModelDescription } from './describe.ts';
import type { LoadReply, LoadRequest } from './host.ts';
import type { Manifest } from './manifest.ts';
import type { ModelFiles } from './scan.ts';

/** A version of a model that the workers hold. */
export interface Loaded extends LoadReply {
  readonly request: LoadRequest;
  readonly description: ModelDescription;
  readonly manifest: Manifest;
  /** Leases that are out. */
  users: number;
  isRetired: boolean;
}

/** A version on its way. */
export interface Loading {
  readonly done: Promise<Loaded>;
  /** Requests that wait for it: its first users, so that it is not evicted before it has served them. */
  waiting: number;
}

export interface Model {
  readonly id: string;
  files: ModelFiles;
  manifest: Manifest;
  /** Of the files as they are now; undefined where they cannot be served. */
  description: ModelDescription | undefined;
  /** Why the files as they are now cannot be served. */
  error: AppError | undefined;
  failedAt: number;
  loaded: Loaded | undefined;
  loading: Loading | undefined;
  lastUsed: number;
}

/** Of the version that requests get: the loaded one, else the files. */
export function currentDescription(model: Model): ModelDescription | undefined {
  return (model.loaded ?? model).description;
}

export function newModel(files: ModelFiles): Model {
  return {
    id: files.id,
    files,
    manifest: {},
    description: undefined,
    error: undefined,
    failedAt: 0,
    loaded: undefined,
    loading: undefined,
    lastUsed: 0,
  };
}
