import { Candidates, type Selection } from '../vision/candidates.ts';
import type { ValueInfo } from '../vision/signature.ts';
import { type Tensors, toFloats } from '../vision/tensor.ts';
import type { Limits } from '../vision/types.ts';
import { isFloat, isOne } from './graph.ts';

type Value = Pick<ValueInfo, 'name' | 'dtype' | 'dims'>;

/** The outputs of a graph that suppresses duplicates itself, by what they hold. */
export interface SuppressedOutputs {
  readonly boxes: string;
  readonly labels: string;
  readonly scores: string;
  /** Whatever else there is. */
  readonly others: readonly Value[];
  /** Whether there is a dimension for the batch. */
  readonly batched: boolean;
}

/** n objects as a graph gives them, in any order. */
export interface Suppressed {
  /** 4n. */
  readonly boxes: Float32Array;
  readonly scores: Float32Array;
  /** n numbers of classes; negative where there is no object. */
  readonly labels: Float32Array;
}

/**
 * Boxes [n,4], labels [n] and scores [n], or each with a batch of one before: told apart by rank, and by the labels being
 * integers, for exporters name them as they like and order them in more than one way.
 */
export function findSuppressed(values: readonly Value[]): SuppressedOutputs | undefined {
  const integers = values.filter(({ dtype }) => dtype === 'int64' || dtype === 'int32');
  const [labels] = integers;
  const rank = labels?.dims.length;
  if (!labels || integers.length > 1 || (rank !== 1 && rank !== 2)) return undefined;
  const floats = values.filter(isFloat);
  const scores = floats.filter(({ dims }) => dims.length === rank);
  const boxes = floats.filter(({ dims }) => dims.length === rank + 1 && dims[rank] === 4);
  if (scores.length !== 1 || boxes.length !== 1) return undefined;
  const found = [labels, scores[0]!, boxes[0]!];
  if (rank === 2 && !found.every(({ dims }) => isOne(dims[0]))) return undefined;
  const others = values.filter((value) => !found.includes(value));
  return { boxes: boxes[0]!.name, labels: labels.name, scores: scores[0]!.name, others, batched: rank === 2 };
}

/** The same of what a graph gave; undefined where it is not that, or not of as many boxes as scores and labels. */
export function readSuppressed(outputs: Tensors): (Suppressed & { readonly others: readonly Value[] }) | undefined {
  const found = findSuppressed(Object.entries(outputs).map(([name, { dtype, dims }]) => ({ name, dtype, dims })));
  if (!found) return undefined;
  const [boxes, labels, scores] = [found.boxes, found.labels, found.scores].map((name) => toFloats(outputs[name]!));
  if (boxes!.length !== 4 * scores!.length || labels!.length !== scores!.length) return undefined;
  return { boxes: boxes!, labels: labels!, scores: scores!, others: found.others };
}

/** How a graph writes its boxes, and which number it gives its first class. */
export interface SuppressedConvention {
  /** Where xmin, ymin, xmax, ymax stand in a row. */
  readonly order: readonly [number, number, number, number];
  /** Numbers in a row of boxes. */
  readonly columns: number;
  /** Input pixels for each unit of the boxes. */
  readonly unitX: number;
  readonly unitY: number;
  readonly firstLabel: number;
}

export const PIXEL_CORNERS: SuppressedConvention = {
  order: [0, 1, 2, 3],
  columns: 4,
  unitX: 1,
  unitY: 1,
  firstLabel: 0,
};

/** What the caller wants of them, in input pixels; nothing is suppressed again. `sources` are the graph's rows. */
export function selectSuppressed(found: Suppressed, convention: SuppressedConvention, limits: Limits): Selection {
  const { order, columns, unitX, unitY, firstLabel } = convention;
  const [xmin, ymin, xmax, ymax] = order;
  const candidates = new Candidates(limits);
  for (let i = 0; i < found.scores.length; i++) {
    const classId = Math.round(found.labels[i]! - firstLabel);
    if (!(classId >= 0)) continue;
    const at = columns * i;
    candidates.add(
      found.boxes[at + xmin]! * unitX,
      found.boxes[at + ymin]! * unitY,
      found.boxes[at + xmax]! * unitX,
      found.boxes[at + ymax]! * unitY,
      found.scores[i]!,
      classId,
      i,
    );
  }
  return candidates.top();
}
