import type { MaskFormat } from '../options.ts';
import { maskToPolygons } from '../vision/contours.ts';
import { rleFromCrop } from '../vision/rle.ts';
import { rleToString } from '../vision/rle-string.ts';
import { convexHull, minAreaRect } from '../vision/rotated-rect.ts';
import type { BinaryMask, Detections, Limits, Result, ResultByTask, Size } from '../vision/types.ts';
import { labelMapToPng, maskToPng } from './masks.ts';

export interface JsonContext {
  readonly name: string;
  readonly picture: Size;
  readonly labels: readonly string[];
  readonly limits: Limits;
  /** Undefined: `rle` for instances, `none` for semantic maps, which carry the map itself. */
  readonly maskFormat?: MaskFormat | undefined;
}

/** One element of a prediction's `results`, as JSON text. Coordinates are pixels of the source image. */
export async function toJsonResult(result: Result, context: JsonContext): Promise<string> {
  const { width, height } = context.picture;
  return JSON.stringify({ image: { name: context.name, width, height }, ...(await body(result, context)) });
}

async function body(result: Result, context: JsonContext): Promise<object> {
  switch (result.task) {
    case 'detection':
      return { detections: await detections(result.value, [], context) };
    case 'instance-segmentation':
      return { detections: await detections(result.value, result.value.masks, context) };
    case 'semantic-segmentation':
      return semantic(result.value, context);
    case 'classification':
      return { classes: classes(result.value.scores, context) };
  }
}

function detections(objects: Detections, masks: readonly BinaryMask[], context: JsonContext): Promise<object[]> {
  const { boxes, keypoints } = objects;
  return Promise.all(
    Array.from(objects.scores, async (score, i) => {
      const mask = masks[i] && (await encodeMask(masks[i], context.maskFormat ?? 'rle', context.picture));
      const [xmin, ymin, xmax, ymax] = Array.from(boxes.subarray(4 * i, 4 * i + 4), roundPixel);
      return {
        ...nameClass(objects.classIds[i]!, context),
        score: roundScore(score),
        box: { xmin, ymin, xmax, ymax },
        ...(objects.corners && oriented(objects.corners.subarray(8 * i, 8 * i + 8))),
        ...(mask === undefined ? {} : { mask }),
        ...(keypoints && {
          keypoints: keypoints.names.map((name, k) => keypoint(keypoints.points, name, i * keypoints.names.length + k)),
        }),
      };
    }),
  );
}

/**
 * An oriented box twice: the least rectangle around its corners, its longer side `width` at `angle` radians from x towards
 * y in [0, π), and the corners themselves, which scaling may have made a parallelogram.
 */
function oriented(corners: Float32Array): object {
  const rect = minAreaRect(convexHull(Array.from(corners)));
  const isWide = rect.width >= rect.height;
  const angle = (rect.angle + (isWide ? 0 : Math.PI / 2)) % Math.PI;
  return {
    rotated_box: {
      cx: roundPixel(rect.centerX),
      cy: roundPixel(rect.centerY),
      width: roundPixel(isWide ? rect.width : rect.height),
      height: roundPixel(isWide ? rect.height : rect.width),
      angle: roundScore(angle < 0 ? angle + Math.PI : angle),
    },
    polygon: [0, 2, 4, 6].map((k) => [roundPixel(corners[k]!), roundPixel(corners[k + 1]!)]),
  };
}

function keypoint(points: Float32Array, name: string, at: number): object {
  const [x, y, visibility] = points.subarray(3 * at, 3 * at + 3);
  return { name, x: roundPixel(x!), y: roundPixel(y!), score: roundScore(visibility!) };
}

/** @returns undefined for `none`. */
async function encodeMask(mask: BinaryMask, format: MaskFormat, size: Size): Promise<unknown> {
  switch (format) {
    case 'rle':
      return { size: [size.height, size.width], counts: rleToString(rleFromCrop(mask, size.width, size.height)) };
    case 'polygon':
      return maskToPolygons(mask);
    case 'png':
      return toBase64(await maskToPng(mask, size));
    case 'none':
      return undefined;
  }
}

async function semantic(map: ResultByTask['semantic-segmentation'], context: JsonContext): Promise<object> {
  const counts = new Uint32Array(256);
  for (const label of map.labels) counts[label]!++;
  const present = Array.from(counts.keys()).filter(
    (id) => counts[id]! > 0 && (context.limits.classes?.has(id) ?? true),
  );
  present.sort((a, b) => counts[b]! - counts[a]!);
  const segments = present.map(async (id) => {
    const mask = await encodeMask(maskOfClass(map, id), context.maskFormat ?? 'none', context.picture);
    const pixels = counts[id]!;
    return {
      ...nameClass(id, context),
      pixels,
      fraction: roundScore(pixels / map.labels.length),
      ...(mask === undefined ? {} : { mask }),
    };
  });
  const png = await labelMapToPng(map.labels, map);
  return { segments: await Promise.all(segments), map: { encoding: 'png', data: toBase64(png) } };
}

function maskOfClass({ width, height, labels }: ResultByTask['semantic-segmentation'], id: number): BinaryMask {
  return { x: 0, y: 0, width, height, data: labels.map((label) => (label === id ? 1 : 0)) };
}

function classes(scores: Float32Array, context: JsonContext): object[] {
  const { scoreThreshold, maxDetections, classes: wanted } = context.limits;
  return Array.from(scores.keys())
    .filter((id) => scores[id]! >= scoreThreshold && (wanted?.has(id) ?? true))
    .sort((a, b) => scores[b]! - scores[a]! || a - b)
    .slice(0, maxDetections)
    .map((id) => ({ ...nameClass(id, context), score: roundScore(scores[id]!) }));
}

function nameClass(id: number, { labels }: JsonContext) {
  return { label: labels[id] ?? `class_${id}`, class_id: id };
}

function toBase64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64');
}

/** A hundredth of a pixel is finer than any model. */
export function roundPixel(value: number): number {
  return Math.round(value * 100) / 100;
}

/** float32 carries seven digits; six keep the order of almost all scores. */
export function roundScore(value: number): number {
  return Math.round(value * 1e6) / 1e6;
}
