import { Candidates, type Selection } from '../vision/candidates.ts';
import { countCells, pyramidLevels } from '../vision/levels.ts';
import { isFixed, type ValueInfo } from '../vision/signature.ts';
import { type Tensors, toFloats } from '../vision/tensor.ts';
import type { Limits, Size } from '../vision/types.ts';
import { isFloat, isOne } from './graph.ts';
import { STRIDES, STRIDES_P6 } from './ultralytics.ts';

/** Boxes [1,cells,4] in input pixels, and class scores [1,cells,classes] or [1,classes,cells]: detectors without anchors. */
export interface CellBoxes {
  readonly boxes: string;
  readonly scores: string;
  readonly cells: number;
  readonly classes: number;
  readonly classesFirst: boolean;
  readonly strides: readonly number[];
}

type Value = Pick<ValueInfo, 'name' | 'dtype' | 'dims'>;

/** The only two outputs, if they are that. */
export function findCellBoxes(values: readonly Value[], input: Size): CellBoxes | undefined {
  if (values.length !== 2 || !values.every((v) => isFloat(v) && v.dims.length === 3 && isOne(v.dims[0]))) {
    return undefined;
  }
  const strides = [STRIDES, STRIDES_P6].find((s) => {
    const cells = countCells(pyramidLevels(input, s));
    return values.every(({ dims }) => dims.includes(cells));
  });
  if (!strides) return undefined;
  const cells = countCells(pyramidLevels(input, strides));
  const [boxes, ...others] = values.filter(({ dims }) => dims[1] === cells && dims[2] === 4);
  const scores = values.find((v) => v !== boxes);
  // With four classes nothing tells one from the other.
  if (!boxes || !scores || others.length > 0) return undefined;
  const [, a, b] = scores.dims;
  const classesFirst = b === cells;
  const classes = classesFirst ? a : b;
  if (!isFixed(classes) || a === b) return undefined;
  return { boxes: boxes.name, scores: scores.name, cells, classes, classesFirst, strides };
}

/** Whether boxes contain the middle of their cells, which distances to four sides make them do, and nothing else. */
export function holdTheirCells(found: CellBoxes, outputs: Tensors, input: Size): boolean {
  const boxes = outputs[found.boxes] && toFloats(outputs[found.boxes]!);
  if (boxes?.length !== 4 * found.cells) return false;
  let held = 0;
  for (const { stride, width, height, start } of pyramidLevels(input, found.strides)) {
    for (let cell = 0; cell < width * height; cell++) {
      const at = 4 * (start + cell);
      const [x, y] = [((cell % width) + 0.5) * stride, (Math.floor(cell / width) + 0.5) * stride];
      if (boxes[at]! <= x && boxes[at + 1]! <= y && boxes[at + 2]! >= x && boxes[at + 3]! >= y) held++;
    }
  }
  // Some heads learn distances a little below zero.
  return held >= 0.9 * found.cells;
}

/** Suppressed boxes; one may be proposed for several classes. */
export function selectCellBoxes(found: CellBoxes, outputs: Tensors, limits: Limits): Selection {
  const [boxes, scores] = [toFloats(outputs[found.boxes]!), toFloats(outputs[found.scores]!)];
  const [cellStep, classStep] = found.classesFirst ? [1, found.cells] : [found.classes, 1];
  const candidates = new Candidates(limits);
  for (let cell = 0; cell < found.cells; cell++) {
    const at = 4 * cell;
    for (let classId = 0; classId < found.classes; classId++) {
      const score = scores[cell * cellStep + classId * classStep]!;
      if (!candidates.wants(score)) continue;
      candidates.add(boxes[at]!, boxes[at + 1]!, boxes[at + 2]!, boxes[at + 3]!, score, classId, cell);
    }
  }
  return candidates.suppress();
}

export function valuesOf(outputs: Tensors): Value[] {
  return Object.entries(outputs).map(([name, { dtype, dims }]) => ({ name, dtype, dims }));
}
