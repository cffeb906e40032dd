import { bindDescribed } from './catalog/describe.ts';
import type { LoadReply, LoadRequest } from './catalog/host.ts';
import { type LoadedModel, warmUp } from './pipeline.ts';
import { openSession } from './runtime/session.ts';

export interface OpenRequest extends Pick<LoadRequest, 'path' | 'description' | 'provider'> {
  readonly threads: number;
}

/** Loads a described model and warms it up. @throws AppError where it cannot be served. */
export async function openModel({
  path,
  description,
  provider,
  threads,
}: OpenRequest): Promise<LoadedModel & LoadReply> {
  const session = await openSession(path, { provider, threads });
  const model = { description, family: bindDescribed(description), session };
  const started = performance.now();
  try {
    await warmUp(model);
  } catch (error) {
    await session.release();
    throw error;
  }
  return {
    ...model,
    provider: session.provider,
    fallbackReason: session.fallbackReason,
    warmUpMs: performance.now() - started,
  };
}
