import { describe, expect, it } from 'vitest';
import { parseJson, parseJsonLists } from '../../src/formats/json.ts';

describe('JSON that is parsed in one piece', () => {
  const padding = Buffer.alloc(128 * 2 ** 20, ' ');
  const file = (...parts: (string | Buffer)[]) => ({
    name: 'big.json',
    bytes: Buffer.concat(parts.map((part) => Buffer.from(part as string))),
  });

  it('is refused where it would be many times as large in memory', () => {
    expect(() => parseJson(file('{}', padding))).toThrow(/^big\.json has 129 MiB of JSON; up to 128 MiB are read/);
  });

  it('may stand beside lists of any length, which are read in parts', () => {
    const lists = parseJsonLists(file('{"annotations":[', padding, '1]}'), (key) => key === 'annotations');
    expect([...(lists as { annotations: Iterable<unknown> }).annotations]).toEqual([1]);
    const rest = file('{"annotations":[],"categories":[', padding, ']}');
    expect(() => parseJsonLists(rest, (key) => key === 'annotations')).toThrow(/beside its lists .* 129 MiB/);
  });
});
