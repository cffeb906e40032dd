/** A compiled script of this project by its name under src/, e.g. `worker`: threads and processes run no TypeScript. */
export function scriptOf(name: string): URL {
  return new URL(`../${import.meta.url.endsWith('.ts') ? '../dist/' : ''}${name}.js`, import.meta.url);
}
