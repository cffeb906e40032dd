import type { ModelFiles } from '../catalog/scan.ts';
import type { RegistryEntry } from '../registry/index.ts';
import { formatBytes } from './bytes.ts';
import { formatFacts } from './format-model.ts';
import type { PullTarget } from './pull-target.ts';
import { type Column, formatTable } from './table.ts';

const columns: readonly Column[] = [
  { title: 'name' },
  { title: 'family' },
  { title: 'task' },
  { title: 'labels' },
  { title: 'size', align: 'right' },
  { title: 'license' },
];

/** @param present the models there are, by id. */
export function formatAvailable(registry: readonly RegistryEntry[], present: ReadonlyMap<string, ModelFiles>): string {
  const rows = registry.map(({ name, family, task, labels, bytes, license }) => [
    present.has(name) ? `${name} *` : name,
    family,
    task,
    labels,
    formatBytes(bytes),
    license,
  ]);
  const isAny = registry.some(({ name }) => present.has(name));
  const hint = isAny
    ? '* is there already; miru models pull <name> fetches another'
    : 'miru models pull <name> fetches one';
  return `${formatTable(columns, rows)}\n${hint}\n`;
}

/** What is to be known before a download. */
export function formatTarget({ id, title, license, urls, sha256, bytes }: PullTarget, to: string): string {
  return formatFacts([
    ['model', title === undefined ? id : `${id}: ${title}`],
    ['license', license ?? 'not known here'],
    ['size', bytes === undefined ? 'not known here' : formatBytes(bytes)],
    ['sha256', sha256],
    ['from', urls],
    ['to', to],
  ]);
}
