import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encodeModel } from '../../src/onnx/encode.ts';
import { type Model, model, type NamedTensor, type Node, node, tensor, value } from '../../src/onnx/model.ts';

/** A folder that is gone when the tests are over. */
export function scratchFolder(): { readonly path: string; readonly remove: () => void } {
  const path = mkdtempSync(join(tmpdir(), 'miru-test-'));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}

export function writeModel(path: string, graph: Model): void {
  writeFileSync(path, encodeModel(graph));
}

/** Side of the picture that the detectors below take: 16 + 4 + 1 cells at strides 8, 16 and 32. */
export const SIDE = 32;
const ROWS = 21;
const CLASSES = 3;
const COLUMNS = 5 + CLASSES;

export interface DetectorOptions {
  /** Box of the only detection, in pixels of the input. */
  readonly box?: readonly [cx: number, cy: number, width: number, height: number];
  readonly score?: number;
  readonly classId?: number;
  /** Rows that the graph really gives; the declared shape does not tell. */
  readonly rows?: number;
  readonly inputDims?: readonly (number | string)[];
  readonly metadata?: Readonly<Record<string, string>>;
}

/**
 * A YOLOX graph with decoded boxes that finds the same object in every picture. Its input is used, so that no optimizer
 * takes it out.
 */
export function detector(options: DetectorOptions = {}): Model {
  const { box = [16, 16, 8, 8], score = 0.9, classId = 0, rows = ROWS, inputDims = [1, 3, SIDE, SIDE] } = options;
  const data = new Float32Array(rows * COLUMNS);
  data.set([...box, score]);
  data[5 + classId] = 1;
  return wrap(options, inputDims, [tensor('rows', 'float32', [1, rows, COLUMNS], data)], (zero) => [
    node('Add', ['rows', zero], ['sum']),
    // Exp is how the family tells that the boxes are decoded.
    node('Exp', [zero], ['one']),
    node('Mul', ['sum', 'one'], ['output']),
  ]);
}

/** The same graph, except that all of its numbers are NaN. */
export function nanDetector(): Model {
  const zeros = tensor('rows', 'float32', [1, ROWS, COLUMNS], new Float32Array(ROWS * COLUMNS));
  return wrap({}, [1, 3, SIDE, SIDE], [zeros], (zero) => [
    node('Exp', [zero], ['one']),
    node('Div', ['rows', zero], ['nan']),
    node('Add', ['nan', 'one'], ['output']),
  ]);
}

function wrap(
  { metadata = {} }: Pick<DetectorOptions, 'metadata'>,
  inputDims: readonly (number | string)[],
  initializers: readonly NamedTensor[],
  body: (zero: string) => readonly Node[],
): Model {
  const zero = [
    node('ReduceMean', ['image'], ['mean'], { axes: [1, 2, 3], keepdims: 0 }),
    node('Reshape', ['mean', 'scalar'], ['level']),
    node('Mul', ['level', 'nothing'], ['zero']),
  ];
  const constants = [tensor('scalar', 'int64', [1], [1]), tensor('nothing', 'float32', [1], [0])];
  return model(
    {
      name: 'test',
      nodes: [...zero, ...body('zero')],
      inputs: [value('image', 'float32', inputDims)],
      outputs: [value('output', 'float32', [1, ROWS, COLUMNS])],
      initializers: [...constants, ...initializers],
    },
    { metadata },
  );
}
