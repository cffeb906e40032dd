import { clamp, type Frame } from './frame.ts';
import { type Axis, sampleAxis, sampleBilinear } from './resample.ts';
import { semanticToSource } from './semantic-to-source.ts';
import type { BinaryMask, Detections, Keypoints, MaskGrids, Prediction, Result, ResultByTask } from './types.ts';

/** The one way back: everything a decoder returned, from model-input pixels to pixels of the source image. */
export function toSource(prediction: Prediction, frame: Frame): Result {
  switch (prediction.task) {
    case 'detection':
      return { task: prediction.task, value: detectionsToSource(prediction.value, frame).detections };
    case 'instance-segmentation':
      return { task: prediction.task, value: instancesToSource(prediction.value, frame) };
    case 'semantic-segmentation':
      return { task: prediction.task, value: semanticToSource(prediction.value, frame) };
    case 'classification':
      return prediction;
  }
}

/** Boxes are clipped to the image; those that lie wholly in the padding are dropped. `kept` are the survivors' indices. */
function detectionsToSource(input: Detections, frame: Frame): { detections: Detections; kept: Int32Array } {
  const boxes = new Float32Array(input.boxes.length);
  const kept = new Int32Array(input.scores.length);
  let n = 0;
  for (let i = 0; i < input.scores.length; i++) {
    const [xmin, ymin, xmax, ymax] = boxToSource(input.boxes, i, frame);
    if (!(xmax > xmin && ymax > ymin)) continue;
    boxes.set([xmin, ymin, xmax, ymax], 4 * n);
    kept[n++] = i;
  }
  const survivors = kept.subarray(0, n);
  return {
    kept: survivors,
    detections: {
      boxes: boxes.slice(0, 4 * n),
      scores: Float32Array.from(survivors, (i) => input.scores[i]!),
      classIds: survivors.map((i) => input.classIds[i]!),
      ...(input.keypoints && { keypoints: keypointsToSource(input.keypoints, survivors, frame) }),
      ...(input.corners && { corners: cornersToSource(input.corners, survivors, frame) }),
    },
  };
}

/** Box i, clipped to the image. */
function boxToSource(boxes: Float32Array, i: number, frame: Frame): [number, number, number, number] {
  const { width, height } = frame.source;
  return [
    clamp((boxes[4 * i]! - frame.offsetX) / frame.scaleX, 0, width),
    clamp((boxes[4 * i + 1]! - frame.offsetY) / frame.scaleY, 0, height),
    clamp((boxes[4 * i + 2]! - frame.offsetX) / frame.scaleX, 0, width),
    clamp((boxes[4 * i + 3]! - frame.offsetY) / frame.scaleY, 0, height),
  ];
}

function keypointsToSource({ names, points }: Keypoints, kept: Int32Array, frame: Frame): Keypoints {
  const k = names.length;
  const result = new Float32Array(kept.length * k * 3);
  kept.forEach((i, n) => {
    for (let j = 0; j < k; j++) {
      const from = (i * k + j) * 3;
      const to = (n * k + j) * 3;
      result[to] = (points[from]! - frame.offsetX) / frame.scaleX;
      result[to + 1] = (points[from + 1]! - frame.offsetY) / frame.scaleY;
      result[to + 2] = points[from + 2]!;
    }
  });
  return { names, points: result };
}

/** Not clipped: an oriented box that is cut is one no more. */
function cornersToSource(corners: Float32Array, kept: Int32Array, frame: Frame): Float32Array {
  const result = new Float32Array(8 * kept.length);
  kept.forEach((i, n) => {
    for (let k = 0; k < 8; k += 2) {
      result[8 * n + k] = (corners[8 * i + k]! - frame.offsetX) / frame.scaleX;
      result[8 * n + k + 1] = (corners[8 * i + k + 1]! - frame.offsetY) / frame.scaleY;
    }
  });
  return result;
}

function instancesToSource(
  input: Detections & { readonly masks: MaskGrids },
  frame: Frame,
): ResultByTask['instance-segmentation'] {
  const { detections, kept } = detectionsToSource(input, frame);
  const masks = Array.from(kept, (i, n) => {
    const { regions = input.boxes, windows } = input.masks;
    const window = windows ? boxToSource(windows, i, frame) : detections.boxes.subarray(4 * n, 4 * n + 4);
    return maskToSource(input.masks, i, regions.subarray(4 * i, 4 * i + 4), window, frame);
  });
  return { ...detections, masks };
}

/** Samples grid i, which covers `region` of the model input, bilinearly at the centre of every source pixel of `window`. */
function maskToSource(
  masks: MaskGrids,
  i: number,
  region: Float32Array,
  window: ArrayLike<number>,
  frame: Frame,
): BinaryMask {
  const cropped = masks.region === 'input' && !masks.windows;
  const x = firstPixel(window[0]!, window[2]!, cropped);
  const y = firstPixel(window[1]!, window[3]!, cropped);
  const width = Math.ceil(window[2]!) - x;
  const height = Math.ceil(window[3]!) - y;
  const wholeInput = masks.region === 'input';
  const [left, right] = wholeInput ? [0, frame.input.width] : [region[0]!, region[2]!];
  const [top, bottom] = wholeInput ? [0, frame.input.height] : [region[1]!, region[3]!];
  const columns = sampleAxis(
    width,
    (c) => ((x + c) * frame.scaleX + frame.offsetX - left) / (right - left),
    masks.width,
  );
  const rows = sampleAxis(height, (r) => ((y + r) * frame.scaleY + frame.offsetY - top) / (bottom - top), masks.height);
  return { x, y, width, height, data: threshold(masks.grid(i), columns, rows, masks.threshold) };
}

/**
 * Where a mask begins that reaches from `low` to `high`: with the pixel that `low` lies in; cut out of a whole input, with
 * the first whose edge lies in the box, as Ultralytics' crop_mask has it, if there is one.
 */
function firstPixel(low: number, high: number, cropped: boolean): number {
  return cropped && Math.ceil(low) < Math.ceil(high) ? Math.ceil(low) : Math.floor(low);
}

function threshold(grid: Float32Array, columns: Axis, rows: Axis, limit: number): Uint8Array {
  const data = new Uint8Array(columns.length * rows.length);
  for (let r = 0, at = 0; r < rows.length; r++) {
    for (let c = 0; c < columns.length; c++, at++) {
      if (sampleBilinear(grid, 0, columns, c, rows, r) > limit) data[at] = 1;
    }
  }
  return data;
}
