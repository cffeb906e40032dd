import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const SOURCE = fileURLToPath(new URL('../../src', import.meta.url));

/** Every file that `entry` imports, directly or not, and every package. */
function importsOf(entry: URL, files = new Set<string>(), packages = new Set<string>()) {
  const path = fileURLToPath(entry);
  if (files.has(path)) return { files, packages };
  files.add(path);
  for (const [, specifier] of readFileSync(path, 'utf8').matchAll(/^(?:import|export)\b[^;]*?from '([^']+)';/gm)) {
    if (specifier!.startsWith('.')) importsOf(new URL(specifier!, entry), files, packages);
    else packages.add(specifier!);
  }
  return { files, packages };
}

it('needs no package and no room but eval and vision', () => {
  const { files, packages } = importsOf(new URL('../../src/eval/index.ts', import.meta.url));
  expect([...packages]).toEqual([]);
  const rooms = new Set([...files].map((path) => relative(SOURCE, path).split(sep)[0]));
  expect([...rooms].sort()).toEqual(['eval', 'vision']);
  expect(files.size).toBeGreaterThan(20);
});

it('runs as the README shows it, and prints what it says there', () => {
  const [, example, printed] = /^## As a library\n+```js\n(.*?\/\/ ([^\n]*)\n)```$/ms.exec(
    readFileSync('README.md', 'utf8'),
  )!;
  // The package knows itself by its name.
  const stdout = execFileSync(process.execPath, ['--input-type=module', '--eval', example!], { encoding: 'utf8' });
  expect(stdout.trim()).toBe(printed);
});
