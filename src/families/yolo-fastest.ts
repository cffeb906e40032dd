import { z } from 'zod';
import { sigmoid, softmax } from '../vision/scores.ts';
import { isFixed, type Signature, type ValueInfo } from '../vision/signature.ts';
import { type Tensors, toFloats } from '../vision/tensor.ts';
import type { Size } from '../vision/types.ts';
import { defineFamily } from './define.ts';
import { fixedInputSize, imageInputSpec, isFloat, isOne, unexpectedOutputs } from './graph.ts';
import { normalizations } from './normalization.ts';
import { selectObjects } from './yolov5.ts';

const STRIDES = [16, 32];
const ANCHORS = 3;
/** Four sides and an objectness of each anchor, before the classes that the anchors of a cell share. */
const OWN_COLUMNS = 5 * ANCHORS;

export const yoloFastest = defineFamily({
  task: 'detection',
  title: 'Yolo-FastestV2',
  reference: 'dog-qiuqiu/Yolo-FastestV2: model/detector.py, utils/utils.py (handel_preds), test.py, data/coco.data',
  params: z.strictObject({
    /** Width and height of each anchor in input pixels, at strides 16 and 32; data/coco.data for 352×352. */
    anchors: z
      .array(z.array(z.number().positive()).length(2 * ANCHORS))
      .length(STRIDES.length)
      .default([
        [12.64, 19.39, 37.88, 51.48, 55.71, 138.31],
        [126.91, 78.23, 131.57, 214.55, 279.92, 258.87],
      ]),
  }),
  // test.py.
  defaults: { scoreThreshold: 0.3, iouThreshold: 0.4, maxDetections: 300 },

  recognise(signature, probe) {
    const size = fixedInputSize(signature, probe);
    const found = size && findHeads(signature.outputs, size);
    if (!found) return undefined;
    const evidence = [`boxes of three anchors and ${found.classes} classes that they share, at strides 16 and 32`];
    // Other data sets have had anchors fitted to them, which no graph tells.
    return { confidence: found.classes === 80 ? 0.85 : 0.4, evidence };
  },

  // cv2.imread gives blue first, cv2.resize stretches.
  input: (signature) =>
    imageInputSpec(signature, {
      fit: 'stretch',
      defaultSize: { width: 352, height: 352 },
      color: 'bgr',
      ...normalizations.unit,
    }),

  classes: (signature) => countClasses(signature),

  decode(outputs, { params, input, limits }) {
    const values = Object.entries(outputs).map(([name, { dtype, dims }]) => ({ name, dtype, dims }));
    const found = findHeads(values, input);
    if (!found) throw unexpectedOutputs(outputs, "Yolo-FastestV2's maps at strides 16 and 32");
    const columns = 5 + found.classes;
    const rows: number[] = [];
    found.heads.forEach((head, k) => {
      const { at, width, height } = readHead(outputs, head);
      const stride = STRIDES[k]!;
      for (let cell = 0; cell < width * height; cell++) {
        let classes: Float32Array | undefined;
        for (let anchor = 0; anchor < ANCHORS; anchor++) {
          const objectness = at.objectness(cell, anchor);
          if (!(objectness >= limits.scoreThreshold)) continue;
          const side = (i: number) => at.side(cell, 4 * anchor + i) * 2;
          const [anchorWidth, anchorHeight] = params.anchors[k]!.slice(2 * anchor) as [number, number];
          classes ??= at.classes(cell);
          rows.push((side(0) - 0.5 + (cell % width)) * stride, (side(1) - 0.5 + Math.floor(cell / width)) * stride);
          rows.push(side(2) ** 2 * anchorWidth, side(3) ** 2 * anchorHeight, objectness, ...classes);
        }
      }
    });
    const data = Float32Array.from(rows);
    return selectObjects({ data, rows: data.length / columns, columns, classes: found.classes }, limits);
  },
});

/** One output [1,H,W,15 + classes] as exported, all activated, or [1,12,H,W], [1,3,H,W] and [1,classes,H,W] of the network. */
type Head = { readonly joined: string; readonly classes: number } | Separate;
interface Separate {
  readonly sides: string;
  readonly objectness: string;
  readonly scores: string;
  readonly classes: number;
}

function findHeads(values: readonly ValueInfo[], input: Size): { heads: Head[]; classes: number } | undefined {
  if (!values.every((v) => isFloat(v) && v.dims.length === 4 && isOne(v.dims[0]))) return undefined;
  const heads = STRIDES.flatMap((stride) => findHead(values, input.width / stride, input.height / stride) ?? []);
  const [first, second] = heads;
  if (!first || !second || first.classes !== second.classes) return undefined;
  const outputs = heads.reduce((sum, head) => sum + ('joined' in head ? 1 : 3), 0);
  return outputs === values.length ? { heads, classes: first.classes } : undefined;
}

function findHead(values: readonly ValueInfo[], width: number, height: number): Head | undefined {
  const joined = values.find(({ dims: [, a, b, c] }) => a === height && b === width && Number(c) > OWN_COLUMNS);
  if (joined) return { joined: joined.name, classes: Number(joined.dims[3]) - OWN_COLUMNS };
  const maps = values.filter(({ dims: [, , b, c] }) => b === height && c === width);
  const sides = maps.filter(({ dims }) => dims[1] === 4 * ANCHORS);
  const objectness = maps.filter(({ dims }) => dims[1] === ANCHORS);
  const scores = maps.find((map) => !sides.includes(map) && !objectness.includes(map));
  const classes = scores?.dims[1];
  if (maps.length !== 3 || sides.length !== 1 || objectness.length !== 1 || !isFixed(classes)) return undefined;
  return { sides: sides[0]!.name, objectness: objectness[0]!.name, scores: scores!.name, classes };
}

/** Activated numbers of one cell. */
interface Reader {
  readonly side: (cell: number, column: number) => number;
  readonly objectness: (cell: number, anchor: number) => number;
  readonly classes: (cell: number) => Float32Array;
}

function readHead(outputs: Tensors, head: Head): Size & { readonly at: Reader } {
  if ('joined' in head) {
    const [, height, width, step] = outputs[head.joined]!.dims as [number, number, number, number];
    const data = toFloats(outputs[head.joined]!);
    return {
      width,
      height,
      at: {
        side: (cell, column) => data[cell * step + column]!,
        objectness: (cell, anchor) => data[cell * step + 4 * ANCHORS + anchor]!,
        classes: (cell) => data.subarray(cell * step + OWN_COLUMNS, (cell + 1) * step),
      },
    };
  }
  const [, , height, width] = outputs[head.sides]!.dims as [number, number, number, number];
  const [sides, objectness, scores] = [head.sides, head.objectness, head.scores].map((name) =>
    toFloats(outputs[name]!),
  );
  const area = width * height;
  return {
    width,
    height,
    at: {
      side: (cell, column) => sigmoid(sides![column * area + cell]!),
      objectness: (cell, anchor) => sigmoid(objectness![anchor * area + cell]!),
      classes: (cell) => softmax(Float32Array.from({ length: head.classes }, (_, c) => scores![c * area + cell]!)),
    },
  };
}

function countClasses(signature: Signature): number {
  const size = fixedInputSize(signature);
  return (size && findHeads(signature.outputs, size)?.classes) ?? 0;
}
