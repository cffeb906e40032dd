import { readdirSync, readFileSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';

const src = resolve('src');

/** What each room may import of ours; `errors` is open to all but the pure rooms. Files directly under src/ may import any room but http and cli. */
const rooms: Record<string, readonly string[]> = {
  vision: [],
  families: ['vision'],
  eval: ['vision'],
  image: ['vision', 'errors'],
  onnx: ['vision', 'errors'],
  runtime: ['vision', 'errors'],
  render: ['vision', 'image', 'errors', 'options'],
  catalog: ['vision', 'families', 'onnx', 'runtime', 'errors'],
  registry: ['vision', 'catalog', 'errors'],
  importer: ['vision', 'onnx', 'runtime', 'errors'],
  formats: ['vision', 'image', 'errors'],
  evaluate: ['vision', 'eval', 'formats', 'image', 'runtime', 'errors'],
  evaluations: ['vision', 'evaluate', 'formats', 'image', 'runtime', 'errors', 'options'],
  errors: [],
  options: ['vision', 'errors'],
};

/** Packages that only some rooms may know. */
const packages: Record<string, readonly string[]> = {
  'onnxruntime-node': ['runtime'],
  sharp: ['image', 'render'],
  express: ['http'],
  multer: ['http'],
  commander: ['cli'],
};

const files = readdirSync(src, { recursive: true, encoding: 'utf8' }).filter(
  (file) => file.endsWith('.ts') && !file.endsWith('.d.ts'),
);

describe.each(files)('src/%s', (file) => {
  const text = readFileSync(join(src, file), 'utf8');
  const statements = text
    .split('\n')
    .filter((line) => !/^\s*(\*|\/)/.test(line))
    .join('\n');
  const imports = [...statements.matchAll(/(?:from|import\()\s*'([^']+)'/g)].map((match) => match[1]!);
  const room = roomOf(file);

  it('imports only what its room may', () => {
    const allowed = rooms[room];
    if (!allowed) return expect(['http', 'cli', 'root']).toContain(room);
    const ours = imports
      .filter((path) => path.startsWith('.'))
      .map((path) => roomOf(relative(src, resolve(src, file, '..', path))));
    return expect(ours.filter((other) => other !== room && !allowed.includes(other))).toEqual([]);
  });

  it('knows only the packages of its room', () => {
    const foreign = imports.filter((name) => packages[name] && !packages[name].includes(room));
    // The server is where http.Server, express and the engine meet.
    expect(foreign).toEqual([]);
    if (['vision', 'families', 'eval'].includes(room)) {
      expect(imports.filter((name) => !name.startsWith('.') && name !== 'zod')).toEqual([]);
    }
  });

  it('leaves the process to main.ts, and to the room that starts others', () => {
    if (file !== 'main.ts' && file !== 'runtime/isolated.ts') expect(statements).not.toMatch(/\bprocess\.\w/);
  });

  it('is short enough to be one thing', () => {
    // A list of names is one thing, however long.
    if (!file.startsWith('families/labels/')) expect(text.split('\n').length).toBeLessThanOrEqual(320);
  });
});

/** `catalog` of catalog/scan.ts; `errors` of errors.ts; `root` of any other file directly under src. */
function roomOf(path: string): string {
  const [first, rest] = path.split('/');
  if (rest !== undefined) return first!;
  const name = first!.replace(/\.ts$/, '');
  return name === 'errors' || name === 'options' ? name : 'root';
}
