import { z } from 'zod';
import { Candidates, type Selection } from '../vision/candidates.ts';
import { overlapGroups } from '../vision/overlap-groups.ts';
import { logit, sigmoid } from '../vision/scores.ts';
import { type Tensors, toFloats } from '../vision/tensor.ts';
import type { Detections, Keypoints, Limits, Size } from '../vision/types.ts';
import { defineFamily } from './define.ts';
import { fixedInputSize, imageInputSpec, unexpectedOutputs } from './graph.ts';
import { normalizations } from './normalization.ts';

/** Centre x, y, width, height and six points. */
const COLUMNS = 16;
const POINTS = ['right_eye', 'left_eye', 'nose_tip', 'mouth_center', 'right_ear_tragion', 'left_ear_tragion'];
/** Two anchors in each cell of a 16 × 16 grid, then six in each of 8 × 8, for inputs of 128 and of 256 pixels alike. */
const GRIDS = [
  { cells: 16, perCell: 2 },
  { cells: 8, perCell: 6 },
];
const ANCHORS = GRIDS.map(({ cells, perCell }) => cells * cells * perCell);
const ALL_ANCHORS = ANCHORS.reduce((a, b) => a + b);

export const blazeface = defineFamily({
  task: 'detection',
  title: 'BlazeFace',
  reference:
    'google-ai-edge/mediapipe: mediapipe/modules/face_detection, calculators/util/non_max_suppression_calculator.cc; hollance/BlazeFace-PyTorch: blazeface.py, Anchors.ipynb',
  params: z.strictObject({}),
  defaults: { scoreThreshold: 0.5, iouThreshold: 0.3, maxDetections: 100 },

  recognise(signature) {
    const size = fixedInputSize(signature);
    if (!size || size.width !== size.height || (size.width !== 128 && size.width !== 256)) return undefined;
    const shapes = signature.outputs.map(({ dims }) => (dims.length === 3 ? `${dims[1]}x${dims[2]}` : '')).sort();
    const expected = (counts: readonly number[]) => counts.flatMap((n) => [`${n}x1`, `${n}x${COLUMNS}`]).sort();
    if (![ANCHORS, [ALL_ANCHORS]].some((counts) => String(expected(counts)) === String(shapes))) return undefined;
    return { confidence: 0.9, evidence: [`scores and ${COLUMNS} numbers for each of ${ALL_ANCHORS} anchors`] };
  },

  // MediaPipe keeps the aspect ratio and pads with black.
  input: (signature) =>
    imageInputSpec(signature, {
      fit: 'center',
      defaultSize: { width: 256, height: 256 },
      ...normalizations.symmetric,
    }),

  classes: () => ['face'],

  decode(outputs, { input, limits }) {
    const scores = joined(outputs, 1);
    const rows = joined(outputs, COLUMNS);
    const centers = anchorCenters(input);
    const candidates = new Candidates(limits);
    const least = logit(limits.scoreThreshold);
    for (let i = 0; i < ALL_ANCHORS; i++) {
      if (!(scores[i]! >= least)) continue;
      const at = i * COLUMNS;
      // Offsets are input pixels, because every anchor is as large as the input.
      const x = rows[at]! + centers[2 * i]!;
      const y = rows[at + 1]! + centers[2 * i + 1]!;
      const halfWidth = rows[at + 2]! / 2;
      const halfHeight = rows[at + 3]! / 2;
      candidates.add(x - halfWidth, y - halfHeight, x + halfWidth, y + halfHeight, sigmoid(scores[i]!), 0, i);
    }
    return blend(candidates.sorted(), rows, centers, limits);
  },
});

/**
 * Anchors that found the same face are blended: its box and points are their mean, weighted by their scores; its score is
 * that of the best.
 */
function blend(found: Selection, rows: Float32Array, centers: Float32Array, limits: Limits): Detections {
  const groups = overlapGroups(found.boxes, limits.iouThreshold).slice(0, limits.maxDetections);
  const { points } = readPoints(rows, centers, found.sources);
  const mean = (group: readonly number[], values: Float32Array, width: number) => {
    const total = group.reduce((sum, i) => sum + found.scores[i]!, 0);
    // Without a score none weighs more than another.
    const weight = (i: number) => (total > 0 ? found.scores[i]! / total : 1 / group.length);
    return Array.from({ length: width }, (_, k) =>
      group.reduce((sum, i) => sum + weight(i) * values[i * width + k]!, 0),
    );
  };
  return {
    boxes: Float32Array.from(groups.flatMap((group) => mean(group, found.boxes, 4))),
    scores: Float32Array.from(groups, ([best]) => found.scores[best!]!),
    classIds: new Int32Array(groups.length),
    keypoints: {
      names: POINTS,
      points: Float32Array.from(groups.flatMap((group) => mean(group, points, 3 * POINTS.length))),
    },
  };
}

/** The outputs of so many columns, one after the other: the finer grid, which has more anchors, comes first. */
function joined(outputs: Tensors, columns: number): Float32Array {
  const parts = Object.values(outputs).filter(({ dims }) => dims.length === 3 && dims[2] === columns);
  parts.sort((a, b) => b.dims[1]! - a.dims[1]!);
  const all = new Float32Array(ALL_ANCHORS * columns);
  const rows = parts.map(({ dims }) => dims[1]);
  if (String(rows) !== String(ANCHORS) && String(rows) !== String([ALL_ANCHORS])) {
    throw unexpectedOutputs(outputs, `BlazeFace's [1,n,1] and [1,n,${COLUMNS}] of ${ANCHORS.join(' and ')} anchors`);
  }
  let at = 0;
  for (const part of parts) {
    all.set(toFloats(part).subarray(0, part.dims[1]! * columns), at);
    at += part.dims[1]! * columns;
  }
  return all;
}

function anchorCenters(input: Size): Float32Array {
  const centers = new Float32Array(2 * ALL_ANCHORS);
  let at = 0;
  for (const { cells, perCell } of GRIDS) {
    for (let i = 0; i < cells * cells * perCell; i++) {
      const cell = Math.floor(i / perCell);
      centers[at++] = (((cell % cells) + 0.5) / cells) * input.width;
      centers[at++] = ((Math.floor(cell / cells) + 0.5) / cells) * input.height;
    }
  }
  return centers;
}

function readPoints(rows: Float32Array, centers: Float32Array, sources: Int32Array): Keypoints {
  const points = new Float32Array(sources.length * POINTS.length * 3);
  let at = 0;
  for (const i of sources) {
    for (let k = 0; k < POINTS.length; k++) {
      const from = i * COLUMNS + 4 + 2 * k;
      const x = rows[from]! + centers[2 * i]!;
      const y = rows[from + 1]! + centers[2 * i + 1]!;
      const known = Number.isFinite(x) && Number.isFinite(y);
      points.set(known ? [x, y, 1] : [0, 0, 0], at);
      at += 3;
    }
  }
  return { names: POINTS, points };
}
