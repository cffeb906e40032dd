import { z } from 'zod';
import type { InputSpec } from '../vision/input-spec.ts';
import { countCells, pyramidLevels } from '../vision/levels.ts';
import type { Signature } from '../vision/signature.ts';
import type { Keypoints, Size } from '../vision/types.ts';
import { imageInputSpec } from './graph.ts';
import { cocoKeypointNames } from './labels/coco-keypoints.ts';
import { normalizations } from './normalization.ts';

/** Strides of the published models' heads; P6 models have the fourth. */
export const STRIDES = [8, 16, 32];
export const STRIDES_P6 = [8, 16, 32, 64];

const DEFAULT_SIDE = 640;
const MAX_KEYPOINTS = 1000;

/** What a head says of each box beyond its class. */
export const extrasShape = {
  /** Points of each object, and numbers of each point: x, y and, where there are three, its visibility. */
  keypoints: z.tuple([z.int().min(1).max(MAX_KEYPOINTS), z.union([z.literal(2), z.literal(3)])]).optional(),
  /** Whether boxes are centre, size and, at the end of the row, an angle in radians. */
  oriented: z.boolean().default(false),
};

export interface Extras {
  readonly keypoints?: readonly [number, 2 | 3] | undefined;
  readonly oriented?: boolean;
}

/** How many numbers the extras add to each box. */
export function countExtras({ keypoints, oriented }: Extras): number {
  return (keypoints ? keypoints[0] * keypoints[1] : 0) + (oriented ? 1 : 0);
}

/** What Ultralytics' exporter writes into the graph (ultralytics/engine/exporter.py). */
export interface ExporterMetadata {
  readonly task: string | undefined;
  /** Whether duplicates are suppressed in the graph: heads without duplicates, or exports with nms=True. */
  readonly endToEnd: boolean;
  readonly extras: Extras;
  /** Width and height. */
  readonly size: Size | undefined;
  readonly stride: number | undefined;
}

export function readMetadata({ metadata }: Signature): ExporterMetadata {
  const numbers = (key: string) => (Object.hasOwn(metadata, key) ? (metadata[key]!.match(/\d{1,5}/g) ?? []) : []);
  const [points, dimensions] = numbers('kpt_shape').map(Number);
  const [height, width = height] = numbers('imgsz').map(Number);
  const [stride] = numbers('stride').map(Number);
  const isPose = points && points <= MAX_KEYPOINTS && (dimensions === 2 || dimensions === 3);
  return {
    task: metadata.task,
    endToEnd: metadata.end2end === 'True' || /['"]nms['"]: *(True|true)/.test(metadata.args ?? ''),
    extras: {
      ...(metadata.task === 'pose' && isPose && { keypoints: [points, dimensions] as const }),
      ...(metadata.task === 'obb' && { oriented: true }),
    },
    size: height && width ? { width, height } : undefined,
    stride: stride && stride <= 256 ? stride : undefined,
  };
}

/** RGB 0–1 in a grey letterbox, as every YOLO from v5 on is fed; graphs of any size get the least that holds the picture. */
export function yoloInput(signature: Signature): InputSpec {
  const { size = { width: DEFAULT_SIDE, height: DEFAULT_SIDE }, stride = 32 } = readMetadata(signature);
  return imageInputSpec(signature, {
    fit: 'center',
    defaultSize: size,
    dynamic: {
      mode: 'scale',
      longest: Math.max(size.width, size.height),
      multiple: Math.max(32, stride),
      anchor: 'center',
      enlarge: true,
    },
    ...normalizations.unit,
    pad: 114,
  });
}

/** The strides whose cells are as many as a graph's `rows`, with `anchors` boxes in each cell. */
export function stridesOf(size: Size, rows: unknown, anchors = 1): readonly number[] | undefined {
  return [STRIDES, STRIDES_P6].find((strides) => countCells(pyramidLevels(size, strides)) * anchors === rows);
}

/**
 * The keypoints of `count` objects.
 * @param at number k of object i's points, in model-input pixels.
 */
export function readKeypoints(
  [points, dimensions]: readonly [number, 2 | 3],
  count: number,
  at: (i: number, k: number) => number,
): Keypoints {
  const names =
    points === cocoKeypointNames.length ? cocoKeypointNames : Array.from({ length: points }, (_, k) => `point_${k}`);
  const result = new Float32Array(count * points * 3);
  for (let i = 0, to = 0; i < count; i++) {
    for (let k = 0; k < points; k++, to += 3) {
      const x = Math.fround(at(i, k * dimensions));
      const y = Math.fround(at(i, k * dimensions + 1));
      const visibility = dimensions === 3 ? at(i, k * dimensions + 2) : 1;
      // A point that is nowhere stays at the origin, unseen.
      if (!Number.isFinite(x) || !Number.isFinite(y)) continue;
      result[to] = x;
      result[to + 1] = y;
      result[to + 2] = visibility > 0 ? Math.min(visibility, 1) : 0;
    }
  }
  return { names, points: result };
}
