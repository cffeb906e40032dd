import type { Family } from './define.ts';
import { nanodet } from './nanodet.ts';
import { yolox } from './yolox.ts';

/** Every family Miru can serve. The names are the ids that model.json writes. */
export const families = {
  yolox,
  nanodet,
} as const satisfies Record<string, Family>;

export type FamilyName = keyof typeof families;
