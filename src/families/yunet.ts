import { z } from 'zod';
import { Candidates } from '../vision/candidates.ts';
import { countCells, pyramidLevels } from '../vision/levels.ts';
import type { ValueInfo } from '../vision/signature.ts';
import { toFloats } from '../vision/tensor.ts';
import type { Size } from '../vision/types.ts';
import { defineFamily } from './define.ts';
import { readFacePoints } from './face-points.ts';
import { fixedInputSize, imageInputSpec, isFloat, isOne, unexpectedOutputs } from './graph.ts';

const STRIDES = [8, 16, 32];
/** Numbers of each cell: two scores of one column, whose product counts, a box, and five points. */
const COLUMNS = [1, 1, 4, 10];

export const yunet = defineFamily({
  task: 'detection',
  title: 'YuNet',
  reference:
    'ShiqiYu/libfacedetection.train: mmdet/models/dense_heads/yunet_head.py, tools/compare_inference.py; opencv/opencv_zoo: models/face_detection_yunet',
  params: z.strictObject({}),
  defaults: { scoreThreshold: 0.5, iouThreshold: 0.5, maxDetections: 1000 },

  recognise(signature, probe) {
    const size = fixedInputSize(signature, probe);
    if (!size || !findNames(signature.outputs, size)) return undefined;
    const evidence = [`two scores, a box and five points for each cell of strides ${STRIDES.join(', ')}`];
    return { confidence: 0.9, evidence };
  },

  input: (signature) =>
    imageInputSpec(signature, {
      fit: 'top-left',
      defaultSize: { width: 640, height: 640 },
      // As large as the picture is, in a black frame: what OpenCV's FaceDetectorYN does.
      dynamic: { mode: 'scale', longest: 2048, multiple: 32, anchor: 'top-left', enlarge: false },
      color: 'bgr',
    }),

  classes: () => ['face'],

  decode(outputs, { input, limits }) {
    const values = Object.entries(outputs).map(([name, { dtype, dims }]) => ({ name, dtype, dims }));
    const names = findNames(values, input);
    if (!names) {
      throw unexpectedOutputs(outputs, "YuNet's [1,n,1] twice, [1,n,4] and [1,n,10] for each of three strides");
    }
    const levels = pyramidLevels(input, STRIDES);
    const [classes, objects, boxes, points] = COLUMNS.map((columns, kind) => {
      const all = new Float32Array(columns * countCells(levels));
      levels.forEach(({ start }, k) => {
        all.set(toFloats(outputs[names[k]![kind]!]!), columns * start);
      });
      return all;
    }) as [Float32Array, Float32Array, Float32Array, Float32Array];

    const candidates = new Candidates(limits);
    const cells = new Float32Array(3 * countCells(levels));
    for (const { stride, width, height, start } of levels) {
      for (let i = start; i < start + width * height; i++) {
        const x = ((i - start) % width) * stride;
        const y = Math.floor((i - start) / width) * stride;
        cells.set([x, y, stride], 3 * i);
        const score = classes[i]! * objects[i]!;
        if (!candidates.wants(score)) continue;
        const [centerX, centerY] = [x + boxes[4 * i]! * stride, y + boxes[4 * i + 1]! * stride];
        const halfWidth = (Math.exp(boxes[4 * i + 2]!) * stride) / 2;
        const halfHeight = (Math.exp(boxes[4 * i + 3]!) * stride) / 2;
        const [left, right] = [centerX - halfWidth, centerX + halfWidth];
        candidates.add(left, centerY - halfHeight, right, centerY + halfHeight, score, 0, i);
      }
    }
    const selection = candidates.suppress();
    const keypoints = readFacePoints(
      selection.sources,
      (i, k) => cells[3 * i + (k % 2)]! + points[10 * i + k]! * cells[3 * i + 2]!,
    );
    return { ...selection, keypoints };
  },
});

/** For each stride the names of its outputs, in the order of COLUMNS; the two scores are interchangeable. */
function findNames(
  values: readonly Pick<ValueInfo, 'name' | 'dtype' | 'dims'>[],
  input: Size,
): readonly (readonly string[])[] | undefined {
  if (values.length !== COLUMNS.length * STRIDES.length || !values.every(isFloat)) return undefined;
  const levels = pyramidLevels(input, STRIDES).map(({ width, height }) => {
    const own = values.filter(({ dims }) => dims.length === 3 && isOne(dims[0]) && dims[1] === width * height);
    const sorted = own.toSorted((a, b) => Number(a.dims[2]) - Number(b.dims[2]));
    return sorted.length === COLUMNS.length && sorted.every(({ dims }, k) => dims[2] === COLUMNS[k])
      ? sorted.map(({ name }) => name)
      : undefined;
  });
  return levels.every((names) => names !== undefined) ? levels : undefined;
}
