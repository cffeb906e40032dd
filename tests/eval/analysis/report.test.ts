import { describe, expect, it } from 'vitest';
import { compareDetections } from '../../../src/eval/analysis/compare.ts';
import { prepareReport } from '../../../src/eval/analysis/report/data.ts';
import { integer, percent, points } from '../../../src/eval/analysis/report/html.ts';
import { renderReport } from '../../../src/eval/analysis/report/report.ts';
import { loadCoco } from '../../../src/eval/coco/load.ts';
import { groundTruth, result, truth } from '../coco/helpers.ts';
import { randomData, uniform } from './helpers.ts';

const EVIL = `</title><script>alert("1")</script><img src=x onerror='x'>&\u0000`;

/** Names of the elements that are opened and not closed, or the other way round. */
function unbalanced(page: string): string[] {
  const open: string[] = [];
  for (const [tag, slash, name] of page.matchAll(/<(\/?)([a-z][a-z0-9]*)[^>]*>/g)) {
    if (tag.endsWith('/>') || ['meta', 'br'].includes(name!)) continue;
    if (!slash) open.push(name!);
    else if (open.pop() !== name) return [`</${name}>`];
  }
  return open;
}

describe('renderReport', () => {
  it('escapes every name', () => {
    const data = randomData(3);
    const hostile = { ...data, categoryNames: [EVIL, EVIL, EVIL], warnings: [EVIL] };
    const page = renderReport(
      prepareReport(hostile, {
        title: EVIL,
        imageName: () => EVIL,
        resamples: 10,
        comparison: compareDetections({ ...randomData(3, 4), categoryNames: hostile.categoryNames }, hostile, {
          resamples: 10,
        }),
      }),
    );
    expect(page).not.toMatch(/<script|<img|onerror='/);
    expect(page).not.toContain('\u0000');
    expect(page).toContain('&lt;script&gt;alert(&quot;1&quot;)');
    expect(unbalanced(page)).toEqual([]);
  });

  it('asks for nothing from outside and runs nothing', () => {
    const page = renderReport(prepareReport(randomData(3), { resamples: 10 }));
    expect(page).not.toMatch(/https?:|src=|href=|url\(|@import|<script/);
    expect(page).not.toMatch(/NaN|undefined|Infinity|\[object/);
  });

  it('is the same page for the same data', () => {
    const page = () => renderReport(prepareReport(randomData(8), { resamples: 20 }));
    expect(page()).toBe(page());
  });

  it.each([
    ['nothing at all', [], []],
    ['no detections', [truth(1, [10, 10, 40, 40])], []],
    ['no objects', [], [result(0.5, [10, 10, 40, 40])]],
    ['a perfect score', [truth(1, [10, 10, 40, 40])], [result(0.5, [10, 10, 40, 40])]],
  ])('has something to say about %s', (_, truths, results) => {
    const page = renderReport(prepareReport(loadCoco(groundTruth(truths), results), { resamples: 10 }));
    expect(unbalanced(page)).toEqual([]);
    expect(page).not.toMatch(/NaN|undefined|Infinity/);
  });

  it('stays small for 80 classes that are all confused with each other', () => {
    const random = uniform(1);
    const ids = Array.from({ length: 80 }, (_, i) => i + 1);
    const objects = ids.flatMap((category_id) =>
      Array.from({ length: 80 }, (_, i) => truth(80 * category_id + i, [0, 0, 40, 40], { category_id, image_id: i })),
    );
    const found = objects.map(({ bbox, image_id }) =>
      result(random(), bbox, { image_id, category_id: 1 + Math.floor(80 * random()) }),
    );
    const gt = {
      images: ids.map((_, id) => ({ id, width: 100, height: 100 })),
      categories: ids.map((id) => ({ id, name: `a class with a rather long name ${id}` })),
      annotations: objects,
    };
    const page = renderReport(prepareReport(loadCoco(gt, found), { resamples: 10 }));
    expect(page.length).toBeLessThan(300_000);
    expect(page).toContain('a class with a rather long name 80');
  });
});

describe('numbers', () => {
  it('are written as the tables have them', () => {
    expect([percent(0.5042), percent(-1), percent(undefined), percent(0)]).toEqual(['50.4', '–', '–', '0.0']);
    expect([points(0.0123), points(-0.5), points(-0.0001), points(0)]).toEqual(['+1.2', '−50.0', '0.0', '0.0']);
    expect([integer(12), integer(1234), integer(1234567)]).toEqual(['12', '1\u202f234', '1\u202f234\u202f567']);
  });
});
