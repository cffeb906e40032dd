import { spawnSync } from 'node:child_process';
import { expect, it } from 'vitest';

/** The same cases each time; `npm run fuzz` takes more, and new ones. */
const [CASES, SEED] = [3000, 1];

it('hostile input is answered or refused by every parser and endpoint', { timeout: 600_000 }, () => {
  // A machine that is busy with other tests is slow, which is no hang.
  const args = ['tests/fuzz/main.mjs', '--cases', String(CASES), '--seed', String(SEED), '--limit', '60'];
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
  expect(status, stdout + stderr).toBe(0);
  expect(stdout).toContain('nothing found');
  // Damage that never shows, or always, tests nothing.
  for (const [, name, passed, refused] of stdout.matchAll(/^ {2}(\S.*?) +(\d+) passed, (\d+) refused$/gm)) {
    if (!name!.startsWith('models: names')) expect(Number(refused), name).toBeGreaterThan(0);
    expect(Number(passed), name).toBeGreaterThan(0);
  }
});
