import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { findImages } from '../../src/cli/find-images.ts';
import { planOutput } from '../../src/cli/plan-output.ts';
import { formatProgress, formatSeconds, Progress } from '../../src/cli/progress.ts';
import { formatTable } from '../../src/cli/table.ts';
import { mapOrdered } from '../../src/runtime/map-ordered.ts';
import { temporaryFolder } from './miru.ts';

describe('mapOrdered()', () => {
  const never = new AbortController().signal;

  test('keeps the order and the width, whichever finishes first', () =>
    fc.assert(
      fc.asyncProperty(fc.scheduler(), fc.nat({ max: 12 }), fc.integer({ min: 1, max: 5 }), async (s, n, width) => {
        let running = 0;
        let most = 0;
        const items = Array.from({ length: n }, (_, i) => i);
        const results: number[] = [];
        const work = async (i: number) => {
          most = Math.max(most, ++running);
          await s.schedule(Promise.resolve());
          running--;
          return 2 * i;
        };
        const all = (async () => {
          for await (const result of mapOrdered(items, width, work, never)) results.push(result);
        })();
        await s.waitFor(all);
        expect(results).toEqual(items.map((i) => 2 * i));
        expect(most).toBeLessThanOrEqual(width);
      }),
    ));

  test('begins nothing after the signal, and still yields what was begun', async () => {
    const stop = new AbortController();
    const begun: number[] = [];
    const results: number[] = [];
    const work = async (i: number) => {
      begun.push(i);
      return i;
    };
    for await (const result of mapOrdered([0, 1, 2, 3, 4], 2, work, stop.signal)) {
      results.push(result);
      stop.abort();
    }
    expect({ begun, results }).toEqual({ begun: [0, 1], results: [0, 1] });
  });
});

describe('findImages()', () => {
  test('enters folders, not links to folders; takes any file that is named', async () => {
    const folder = temporaryFolder();
    mkdirSync(join(folder, 'b'));
    mkdirSync(join(folder, '.git'));
    for (const name of ['a.PNG', 'b/c.jpeg', 'b/notes.txt', '.git/d.png', 'odd.data'])
      writeFileSync(join(folder, name), '');
    symlinkSync(join(folder, 'b'), join(folder, 'loop'));
    symlinkSync(join(folder, 'a.PNG'), join(folder, 'link.png'));
    symlinkSync(join(folder, 'nowhere.png'), join(folder, 'dangling.png'));
    const { images, failures } = await findImages([folder, join(folder, 'odd.data'), join(folder, 'none')]);
    expect(images.map(({ relative }) => relative)).toEqual(['a.PNG', join('b', 'c.jpeg'), 'link.png', 'odd.data']);
    expect(failures.map(({ path }) => path)).toEqual([join(folder, 'none')]);
  });
});

describe('planOutput()', () => {
  const images = (...paths: string[]) => paths.map((path) => ({ path, relative: path }));

  test('a folder keeps formats that can be written, and names; others become PNG', () => {
    const list = images('a.JPG', 'x/b.webp', 'c.bmp', 'd');
    const { picture, results } = planOutput({ out: 'out' }, list);
    expect(list.map((image) => [picture!.pathOf(image), picture!.formatOf(image)])).toEqual([
      [join('out', 'a.JPG'), 'jpeg'],
      [join('out', 'x', 'b.webp'), 'webp'],
      [join('out', 'c.png'), 'png'],
      [join('out', 'd.png'), 'png'],
    ]);
    expect(results).toBe('table');
  });

  test('two images that would share a name are refused', () => {
    expect(() => planOutput({ out: 'out' }, images('a.bmp', 'a.png'))).toThrow('would overwrite that of a.bmp');
  });
});

describe('for people', () => {
  test('formatTable() aligns characters, not code units, and disarms control characters', () => {
    const table = formatTable(
      [{ title: 'a' }, { title: 'n', align: 'right' }],
      [
        ['🐈', '1'],
        ['x\x1b[2Jy', '22'],
      ],
    );
    expect(table).toBe('a        n\n🐈        1\nx�[2Jy  22\n');
  });

  test.each([
    [0.421, '0.42 s'],
    [0.999, '1.0 s'],
    [9.96, '10 s'],
    [59.4, '59 s'],
    [59.6, '1:00 min'],
    [185, '3:05 min'],
    [3599.9, '1:00 h'],
    [7620, '2:07 h'],
  ])('formatSeconds(%d) is %s', (seconds, text) => expect(formatSeconds(seconds)).toBe(text));

  test('formatProgress()', () => {
    expect(formatProgress(0, 4, 0)).toBe(`${'╌'.repeat(24)}  0/4`);
    expect(formatProgress(1, 4, 2)).toBe(`${'━'.repeat(6)}${'╌'.repeat(18)}  1/4  2.0 images/s  1.5 s left`);
    expect(formatProgress(4, 4, 2)).toBe(`${'━'.repeat(24)}  4/4  2.0 images/s  0.00 s left`);
  });

  test('Progress writes nothing where nobody watches', () => {
    const stream = new Writable({
      write() {
        throw new Error('written');
      },
    });
    const progress = new Progress(stream, { isShown: false, total: 2 });
    progress.step();
    progress.draw();
    progress.clear();
    expect(stream.writableLength).toBe(0);
  });
});
