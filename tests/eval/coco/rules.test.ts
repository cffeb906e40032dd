import { readFileSync } from 'node:fs';
import { describe, it } from 'vitest';
import { type Case, check } from './compare.ts';

/** One case for each rule of COCO, with the answers of pycocotools. */
const cases = JSON.parse(readFileSync(new URL('rules.json', import.meta.url), 'utf8')) as (Case & { rule: string })[];

describe('rules', () => {
  it.each(cases)('$name: $rule', ({ name, iouType, params, gt, dt, expected }) => {
    check(gt, dt, iouType, params, expected, name);
  });
});
