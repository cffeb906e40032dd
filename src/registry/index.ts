import { AppError } from '../errors.ts';
import { classifiers } from './classifiers.ts';
import { detectors } from './detectors.ts';
import type { RegistryEntry } from './entry.ts';
import { segmenters } from './segmenters.ts';

export { manifestOf, type RegistryEntry } from './entry.ts';

/** Every model that can be fetched by its name. */
export const registry: readonly RegistryEntry[] = [...detectors, ...segmenters, ...classifiers];

/** @throws AppError model_not_found naming those that sound alike. */
export function entryNamed(name: string): RegistryEntry {
  const entry = registry.find((candidate) => candidate.name === name.toLowerCase());
  if (entry) return entry;
  const alike = namesLike(name);
  const hint = alike.length > 0 ? `did you mean ${alike.join(', ')}?` : '‘miru models available’ lists those that can';
  throw new AppError('model_not_found', `no model ‘${name}’ can be fetched; ${hint}`);
}

/** Names that hold what was asked for, or begin as it does. */
function namesLike(name: string): string[] {
  const bare = (text: string) => text.toLowerCase().replaceAll(/[^a-z0-9]/g, '');
  const wanted = bare(name);
  if (wanted.length < 2) return [];
  const start = wanted.slice(0, 4);
  const names = registry.map((entry) => entry.name);
  const holding = names.filter((candidate) => bare(candidate).includes(wanted));
  return (holding.length > 0 ? holding : names.filter((candidate) => bare(candidate).startsWith(start))).slice(0, 5);
}
