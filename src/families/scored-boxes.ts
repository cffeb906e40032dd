import { isFixed, type Signature, type ValueInfo } from '../vision/signature.ts';
import { type Tensors, toFloats } from '../vision/tensor.ts';
import { isOne, unexpectedOutputs } from './graph.ts';

/** A pair of outputs that SSDs have in common: four numbers and a row of class scores for each anchor. */
export interface ScoredBoxes {
  readonly anchors: number;
  /** 4·anchors. */
  readonly boxes: Float32Array;
  /** anchors·columns. */
  readonly scores: Float32Array;
  readonly columns: number;
  /** 1 where the first column is the background. */
  readonly firstClass: number;
}

interface Found {
  readonly boxes: string;
  readonly scores: string;
  readonly anchors: number;
  readonly columns: number;
}

/** The only two outputs [1,anchors,4] and [1,anchors,columns]; where both have four columns, by their names. */
export function findScoredBoxes(values: readonly Pick<ValueInfo, 'name' | 'dims'>[]): Found | undefined {
  const [a, b] = values;
  if (!a || !b || values.length !== 2 || !values.every((v) => v.dims.length === 3 && isOne(v.dims[0])))
    return undefined;
  const boxes = [a, b].filter((v) => v.dims[2] === 4);
  const box = boxes.length === 2 ? boxes.find((v) => /box|loc|reg/i.test(v.name)) : boxes[0];
  const score = box === a ? b : a;
  if (!box) return undefined;
  const [, anchors] = box.dims;
  const [, rows, columns] = score.dims;
  if (!isFixed(anchors) || rows !== anchors || !isFixed(columns)) return undefined;
  return { boxes: box.name, scores: score.name, anchors, columns };
}

/** @throws RangeError where the outputs are no such pair. */
export function readScoredBoxes(outputs: Tensors, background: boolean): ScoredBoxes {
  const found = findScoredBoxes(Object.entries(outputs).map(([name, { dims }]) => ({ name, dims })));
  const firstClass = background ? 1 : 0;
  if (!found || found.columns <= firstClass) throw unexpectedOutputs(outputs, '[1,anchors,4] and [1,anchors,classes]');
  return {
    anchors: found.anchors,
    boxes: toFloats(outputs[found.boxes]!),
    scores: toFloats(outputs[found.scores]!),
    columns: found.columns,
    firstClass,
  };
}

export function countClasses(signature: Signature, background: boolean): number {
  const columns = findScoredBoxes(signature.outputs)?.columns ?? 0;
  return Math.max(0, background ? columns - 1 : columns);
}
