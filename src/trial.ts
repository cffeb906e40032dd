import { describeModel } from './catalog/describe.ts';
import type { Manifest } from './catalog/manifest.ts';
import { openModel } from './open-model.ts';
import { serveOneTask } from './runtime/isolated.ts';
import type { ProviderChoice } from './runtime/provider.ts';

/** A model on trial. */
export interface Trial {
  readonly path: string;
  readonly manifest: Manifest;
  readonly provider: ProviderChoice;
}

// A process of its own, so that a graph that crashes in native code brings down nothing else.
serveOneTask(async ({ path, manifest, provider }: Trial): Promise<undefined> => {
  const description = await describeModel(path, manifest);
  await openModel({ path, description, provider: manifest.provider ?? provider, threads: 1 });
});
