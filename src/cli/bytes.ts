import type { Unit } from './progress.ts';

/** `998 kB`, `3.8 MB`, `257 MB`, `1.2 GB`: powers of ten, as download pages have them. */
export function formatBytes(bytes: number): string {
  const [unit, name] = bytes < 999_500 ? [1e3, 'kB'] : bytes < 999.5e6 ? [1e6, 'MB'] : [1e9, 'GB'];
  const value = bytes / Number(unit);
  return `${value.toFixed(value < 99.5 && unit !== 1e3 ? 1 : 0)} ${name}`;
}

/** For the progress of a download. */
export const byteUnit: Unit = {
  count: (done, total) => (total === 0 ? formatBytes(done) : `${formatBytes(done)} of ${formatBytes(total)}`),
  rate: (perSecond) => `${formatBytes(perSecond)}/s`,
};
