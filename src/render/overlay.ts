import type { BinaryMask, Detections, Keypoints, Result, ResultByTask, Size } from '../vision/types.ts';
import { type Canvas, fillRect, type Rect, strokeRect } from './canvas.ts';
import { type Caption, type Chip, drawChip, listChips, nameOf, placeChips } from './chips.ts';
import { classColor, type Rgb, WHITE } from './color.ts';
import { encodePicture, type PictureFormat } from './encode.ts';
import { drawLine, type Segment } from './lines.ts';
import { tintLabels, tintMask } from './regions.ts';
import { HALO, type Style, styleFor } from './style.ts';

/** 8-bit RGB, row-major, width·height·3. */
export interface RgbImage extends Size {
  readonly data: Uint8Array;
}

/** Keypoints less visible than this are guesses about what is hidden. */
const MIN_VISIBILITY = 0.5;
/** The classes that a classification shows. */
const TOP_CLASSES = 5;
/** The limbs of COCO's person, by the names of their ends. */
const LIMBS: readonly (readonly [string, string])[] = [
  ['left_ankle', 'left_knee'],
  ['left_knee', 'left_hip'],
  ['right_ankle', 'right_knee'],
  ['right_knee', 'right_hip'],
  ['left_hip', 'right_hip'],
  ['left_shoulder', 'left_hip'],
  ['right_shoulder', 'right_hip'],
  ['left_shoulder', 'right_shoulder'],
  ['left_shoulder', 'left_elbow'],
  ['right_shoulder', 'right_elbow'],
  ['left_elbow', 'left_wrist'],
  ['right_elbow', 'right_wrist'],
  ['nose', 'left_eye'],
  ['nose', 'right_eye'],
  ['left_eye', 'left_ear'],
  ['right_eye', 'right_ear'],
];
/** Names of the class that stands for "none of the others". */
const BACKGROUND = /^_*(background|bg|unlabell?ed|void)_*$/i;

/**
 * Draws a result on its picture: boxes, masks and keypoints with labels, a tinted label map with a legend, or the best
 * classes. The image's pixels are not changed. Objects with coordinates or scores that are not numbers are left out.
 * @param result in the image's pixels.
 * @param labels names by class index; missing ones are shown as "class 7".
 * @throws RangeError if the pixels or a label map are not of the image's size.
 * @throws AppError invalid_option if the format cannot hold a picture of that size.
 */
export async function renderOverlay(
  image: RgbImage,
  result: Result,
  labels: readonly string[],
  format: PictureFormat,
): Promise<Uint8Array> {
  if (image.data.length !== image.width * image.height * 3) {
    throw new RangeError(`expected ${image.width}×${image.height} RGB pixels, got ${image.data.length} bytes`);
  }
  const canvas = { width: image.width, height: image.height, data: image.data.slice() };
  const style = styleFor(canvas);
  for (const chip of drawResult(canvas, result, labels, style)) drawChip(canvas, chip, style);
  return encodePicture(canvas, format);
}

/** Draws everything but the chips, which it returns, the most important last. */
function drawResult(canvas: Canvas, result: Result, labels: readonly string[], style: Style): Chip[] {
  switch (result.task) {
    case 'detection':
      return drawObjects(canvas, result.value, [], labels, style);
    case 'instance-segmentation':
      return drawObjects(canvas, result.value, result.value.masks, labels, style);
    case 'semantic-segmentation':
      return drawLabelMap(canvas, result.value, labels, style);
    case 'classification':
      return listChips(topClasses(result.value.scores, labels), canvas, style);
  }
}

function drawObjects(
  canvas: Canvas,
  objects: Detections,
  masks: readonly BinaryMask[],
  labels: readonly string[],
  style: Style,
): Chip[] {
  const captions: Caption[] = [];
  const boxes: Rect[] = [];
  const order: number[] = [];
  for (const [i, score] of objects.scores.entries()) {
    const box = wholePixels(objects.boxes.subarray(4 * i, 4 * i + 4), canvas);
    if (!box || Number.isNaN(score)) continue;
    const classId = objects.classIds[i]!;
    captions.push({ label: nameOf(labels, classId), value: score, color: classColor(classId) });
    boxes.push(box);
    order.push(i);
  }
  // From the worst to the best, so that the best lies on top; masks below all frames.
  const outline = Math.max(1, Math.round(style.stroke / 2));
  for (let n = order.length - 1; n >= 0; n--) {
    const mask = masks[order[n]!];
    if (mask) tintMask(canvas, mask, captions[n]!.color, outline);
  }
  for (let n = order.length - 1; n >= 0; n--) {
    const corners = objects.corners?.subarray(8 * order[n]!, 8 * order[n]! + 8);
    if (corners) drawOrientedFrame(canvas, corners, captions[n]!.color, style);
    else drawFrame(canvas, boxes[n]!, captions[n]!.color, style);
  }
  if (objects.keypoints) {
    for (let n = order.length - 1; n >= 0; n--) {
      drawKeypoints(canvas, objects.keypoints, order[n]!, captions[n]!.color, style);
    }
  }
  return placeChips(captions, boxes, canvas, style).reverse();
}

/**
 * The whole pixels of a box that lie in the picture, at least one; undefined for a box outside of it or with a
 * coordinate that is not a number.
 */
function wholePixels(box: Float32Array, size: Size): Rect | undefined {
  const [xmin, ymin, xmax, ymax] = box as unknown as [number, number, number, number];
  if (!(xmin < size.width && ymin < size.height && xmax > 0 && ymax > 0)) return undefined;
  if (!(xmin <= xmax && ymin <= ymax)) return undefined;
  const x = Math.min(size.width - 1, Math.max(0, Math.round(xmin)));
  const y = Math.min(size.height - 1, Math.max(0, Math.round(ymin)));
  return {
    x,
    y,
    width: Math.max(1, Math.min(size.width, Math.round(xmax)) - x),
    height: Math.max(1, Math.min(size.height, Math.round(ymax)) - y),
  };
}

function drawFrame(canvas: Canvas, box: Rect, color: Rgb, style: Style): void {
  // A frame may not fill the small object that it shows.
  const stroke = Math.max(1, Math.min(style.stroke, Math.floor(Math.min(box.width, box.height) / 8)));
  const radius = stroke * 1.5;
  const { halo } = style;
  const rim = { x: box.x - halo, y: box.y - halo, width: box.width + 2 * halo, height: box.height + 2 * halo };
  strokeRect(canvas, rim, radius + halo, stroke + 2 * halo, HALO.color, HALO.opacity);
  strokeRect(canvas, box, radius, stroke, color);
}

function drawOrientedFrame(canvas: Canvas, corners: Float32Array, color: Rgb, style: Style): void {
  const sides = [0, 2, 4, 6].map((k): Segment => {
    const next = (k + 2) % 8;
    return [corners[k]!, corners[k + 1]!, corners[next]!, corners[next + 1]!];
  });
  for (const side of sides) drawLine(canvas, side, style.stroke + 2 * style.halo, HALO.color);
  for (const side of sides) drawLine(canvas, side, style.stroke, color);
}

/** Lines between the visible ends of each limb; none where the points are not those of a whole person. */
function drawLimbs(canvas: Canvas, { names, points }: Keypoints, object: number, color: Rgb, style: Style): void {
  if (!names.includes('left_ankle')) return;
  const end = (name: string) => {
    const k = names.indexOf(name);
    const at = (object * names.length + k) * 3;
    return k >= 0 && points[at + 2]! >= MIN_VISIBILITY ? ([points[at]!, points[at + 1]!] as const) : undefined;
  };
  for (const [from, to] of LIMBS) {
    const [a, b] = [end(from), end(to)];
    if (a && b) drawLine(canvas, [...a, ...b], style.stroke, color);
  }
}

function drawKeypoints(canvas: Canvas, keypoints: Keypoints, object: number, color: Rgb, style: Style): void {
  const { names, points } = keypoints;
  drawLimbs(canvas, keypoints, object, color, style);
  for (let k = 0; k < names.length; k++) {
    const at = (object * names.length + k) * 3;
    const x = points[at]!;
    const y = points[at + 1]!;
    if (!(points[at + 2]! >= MIN_VISIBILITY) || !Number.isFinite(x) || !Number.isFinite(y)) continue;
    drawDisc(canvas, x, y, style.dot + 2 * style.halo, HALO.color, HALO.opacity);
    drawDisc(canvas, x, y, style.dot + style.halo, WHITE, 1);
    drawDisc(canvas, x, y, style.dot, color, 1);
  }
}

function drawDisc(canvas: Canvas, x: number, y: number, radius: number, color: Rgb, opacity: number): void {
  fillRect(canvas, { x: x - radius, y: y - radius, width: 2 * radius, height: 2 * radius }, radius, color, opacity);
}

function drawLabelMap(
  canvas: Canvas,
  map: ResultByTask['semantic-segmentation'],
  labels: readonly string[],
  style: Style,
): Chip[] {
  if (map.width !== canvas.width || map.height !== canvas.height || map.labels.length !== map.width * map.height) {
    throw new RangeError(`the label map is ${map.width}×${map.height}, the picture ${canvas.width}×${canvas.height}`);
  }
  const pixels = new Uint32Array(256);
  // for…of over a typed array takes six times as long.
  for (let i = 0; i < map.labels.length; i++) pixels[map.labels[i]!]!++;
  const shown = Array.from(pixels, (count, classId) => ({ classId, count }))
    .filter(({ classId, count }) => count > 0 && !BACKGROUND.test(labels[classId]?.trim() ?? ''))
    .sort((a, b) => b.count - a.count);
  const colors: Rgb[] = [];
  for (const { classId } of shown) colors[classId] = classColor(classId);
  tintLabels(canvas, map.labels, colors, Math.max(1, Math.round(style.stroke / 2)));
  const captions = shown.map(({ classId, count }) => ({
    label: nameOf(labels, classId),
    value: count / map.labels.length,
    color: classColor(classId),
  }));
  return listChips(captions, canvas, style);
}

function topClasses(scores: Float32Array, labels: readonly string[]): Caption[] {
  return Array.from(scores, (score, classId) => ({ score, classId }))
    .filter(({ score }) => score > 0)
    .sort((a, b) => b.score - a.score)
    .slice(0, TOP_CLASSES)
    .map(({ score, classId }) => ({ label: nameOf(labels, classId), value: score, color: classColor(classId) }));
}
