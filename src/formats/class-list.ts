import { fail } from './fail.ts';
import { quote } from './names.ts';

/** What a YOLO data set says about all its files. */
export interface ClassList {
  /** Class i is called `names[i]`. */
  readonly names: readonly string[];
  /** Points of a pose, and numbers given for each: x, y or x, y, visibility. */
  readonly keypointShape?: { readonly count: number; readonly size: 2 | 3 };
}

/** Reads one class name per line: `classes.txt`, `obj.names`. Blank lines at the end do not count. */
export function readClassesTxt(text: string): ClassList {
  return {
    names: text
      .trimEnd()
      .split(/\r?\n/)
      .map((line) => line.trim()),
  };
}

/**
 * Reads `names` and `kpt_shape` of a YOLO data.yaml and nothing else of it: names as a list or a map from 0, on one line
 * or several, plain or in quotes. Of YAML's other ways to write them (anchors, tags, folded text) none is understood.
 * @throws AppError saying what is not understood.
 */
export function readDataYaml(text: string, file: string): ClassList {
  const value = linesOf(text, 'names') ?? fail(`${file} must list the classes under names`);
  const names =
    value.trimStart().startsWith('[') || value.trimStart().startsWith('{')
      ? readFlow(value.trim(), file)
      : readBlock(value, file);
  const shape = linesOf(text, 'kpt_shape');
  return { names: inOrder(names, file), ...(shape !== undefined && { keypointShape: readShape(shape, file) }) };
}

/** Writes the keys that `readDataYaml` reads. */
export function writeDataYaml({ names, keypointShape }: ClassList): string {
  const lines = names.map((name, i) => `  ${i}: ${JSON.stringify(name)}`);
  const shape = keypointShape ? [`kpt_shape: [${keypointShape.count}, ${keypointShape.size}]`] : [];
  return [...shape, 'names:', ...lines, ''].join('\n');
}

/** The lines of a top-level key: what follows it, and lines that are indented, in the list or close a bracket. */
function linesOf(text: string, key: string): string | undefined {
  const lines = text.split(/\r?\n/);
  const start = lines.findIndex((line) => line.startsWith(`${key}:`));
  if (start < 0) return undefined;
  const rest = lines.slice(start + 1);
  const end = rest.findIndex((line) => /^[^\s\-\]}#]/.test(line) || line === '---');
  return [lines[start]!.slice(key.length + 1), ...(end < 0 ? rest : rest.slice(0, end))].join('\n');
}

type Entry = readonly [index: number, name: string];

function readBlock(value: string, file: string): Entry[] {
  const entries: Entry[] = [];
  for (const line of value.split('\n')) {
    const content = line.trim();
    if (content === '' || content.startsWith('#')) continue;
    const [, dash, index, rest] = /^(?:(-)|(\d+)\s*:)(?:\s+(.*))?$/.exec(content) ?? [];
    if (dash === undefined && index === undefined)
      fail(`${file}: names has a line that is not understood: ${quote(line)}`);
    const { name, end } = readScalar(rest ?? '', 0, '\n', file);
    if (!/^\s*(?:#.*)?$/.test((rest ?? '').slice(end)))
      fail(`${file}: names has a line that is not understood: ${quote(line)}`);
    entries.push([index === undefined ? entries.length : Number(index), name]);
  }
  return entries;
}

function readFlow(value: string, file: string): Entry[] {
  const isMap = value.startsWith('{');
  const close = isMap ? '}' : ']';
  const entries: Entry[] = [];
  let at = skipBlanks(value, 1);
  while (at < value.length && value[at] !== close) {
    let index = entries.length;
    if (isMap) {
      const colon = value.indexOf(':', at);
      const key = value.slice(at, colon).trim();
      if (colon < 0 || !/^\d{1,9}$/.test(key)) fail(`${file}: names must map numbers to names, got ${quote(key)}`);
      index = Number(key);
      at = skipBlanks(value, colon + 1);
    }
    const { name, end } = readScalar(value, at, `,${close}\n`, file);
    entries.push([index, name]);
    at = skipBlanks(value, end);
    if (value[at] === ',') at = skipBlanks(value, at + 1);
    else if (at < value.length && value[at] !== close)
      fail(`${file}: names has ${quote(value.slice(at, at + 20))} where a comma or ${close} belongs`);
  }
  if (value[at] !== close) fail(`${file}: names must end with ${close}`);
  return entries;
}

function skipBlanks(text: string, from: number): number {
  let at = from;
  for (;;) {
    while (at < text.length && /\s/.test(text[at]!)) at++;
    if (text[at] !== '#') return at;
    while (at < text.length && text[at] !== '\n') at++;
  }
}

/** A name from `start` on and where it ends; a plain one ends before one of `stops` or a comment. */
function readScalar(text: string, start: number, stops: string, file: string): { name: string; end: number } {
  const first = text[start] ?? '';
  if (first === "'" || first === '"') return readQuoted(text, start, first, file);
  if (first !== '' && '&*!|>%@`[{'.includes(first)) {
    fail(`${file}: names has ${quote(text.slice(start, start + 20))}, which is not understood; put the name in quotes`);
  }
  let end = start;
  while (end < text.length && !stops.includes(text[end]!) && !(text[end] === '#' && /\s/.test(text[end - 1] ?? ' ')))
    end++;
  return { name: text.slice(start, end).trim(), end };
}

function readQuoted(text: string, start: number, mark: string, file: string): { name: string; end: number } {
  let end = start + 1;
  for (; end < text.length; end++) {
    if (mark === '"' && text[end] === '\\') end++;
    else if (text[end] === mark && !(mark === "'" && text[end + 1] === mark)) break;
    else if (text[end] === mark) end++;
  }
  if (end >= text.length)
    fail(`${file}: names has a quote that is not closed: ${quote(text.slice(start, start + 20))}`);
  const inside = text.slice(start + 1, end);
  if (mark === "'") return { name: inside.replaceAll("''", "'"), end: end + 1 };
  try {
    // YAML's escapes are JSON's and a few that no class name needs.
    return { name: String(JSON.parse(`"${inside}"`)), end: end + 1 };
  } catch (error) {
    return fail(`${file}: names has a text that is not understood: ${quote(inside)}`, error);
  }
}

function inOrder(entries: readonly Entry[], file: string): string[] {
  const names: string[] = [];
  const byIndex = new Map(entries);
  for (let i = 0; i < entries.length; i++) {
    names.push(byIndex.get(i) ?? fail(`${file}: names has ${entries.length} entries, but none for class ${i}`));
  }
  return names;
}

function readShape(value: string, file: string): { count: number; size: 2 | 3 } {
  const [, count, size] = /^\s*\[\s*(\d{1,4})\s*,\s*([23])\s*\]/.exec(value) ?? [];
  if (!Number(count)) fail(`${file}: kpt_shape must be [points, 2 or 3], got ${quote(value.trim())}`);
  return { count: Number(count), size: size === '2' ? 2 : 3 };
}
