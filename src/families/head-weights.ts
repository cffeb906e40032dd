import type { Signature } from '../vision/signature.ts';

/** The layers of a detector that give scores and boxes, by the names that its own code gives their weights. */
export interface Head {
  readonly scores: RegExp;
  /** Where the scores have a row for each anchor and class: the boxes, which have four for each anchor. */
  readonly boxes?: RegExp;
}

/** The number of classes, the background among them where the head scores it; 0 where no head is there to tell. */
export function countHeadClasses({ weights = {} }: Signature, heads: readonly Head[]): number {
  const rowsOf = (name: RegExp) => Object.entries(weights).find(([key]) => name.test(key))?.[1][0] ?? 0;
  for (const { scores, boxes } of heads) {
    const classes = boxes ? (4 * rowsOf(scores)) / rowsOf(boxes) : rowsOf(scores);
    if (Number.isInteger(classes) && classes > 0) return classes;
  }
  return 0;
}

/** Whether any weight has such a name. */
export function hasWeight({ weights = {} }: Signature, name: RegExp): boolean {
  return Object.keys(weights).some((key) => name.test(key));
}
