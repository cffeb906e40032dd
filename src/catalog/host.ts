import type { Provider, ProviderChoice } from '../runtime/provider.ts';
import type { ModelDescription } from './describe.ts';
import type { Manifest } from './manifest.ts';

/** What the catalog needs of whoever runs the models. */
export interface ModelHost {
  readonly describe: (path: string, manifest: Manifest) => Promise<ModelDescription>;
  readonly load: (request: LoadRequest) => Promise<LoadReply>;
  readonly unload: (key: string) => Promise<void>;
}

export interface LoadRequest {
  /** Names this version of the model in every later task. */
  readonly key: string;
  readonly path: string;
  readonly description: ModelDescription;
  readonly provider: ProviderChoice;
}

export interface LoadReply {
  readonly provider: Provider;
  /** Why `auto` did not get a GPU. */
  readonly fallbackReason?: string | undefined;
  readonly warmUpMs: number;
}
