/** Corners (xmin, ymin, xmax, ymax), or corner and size (xmin, ymin, width, height). */
export type BoxFormat = 'xyxy' | 'xywh';

/** IoU, generalised IoU, distance IoU, complete IoU. */
export type BoxMeasure = 'iou' | 'giou' | 'diou' | 'ciou';

type Box = [x: number, y: number, width: number, height: number];

/** A list of boxes (or poses), each a list of numbers. */
export type Lists = readonly ArrayLike<number>[];

export interface BoxIouOptions {
  /** Default `xyxy`. */
  readonly format?: BoxFormat;
  /** Default `iou`. */
  readonly measure?: BoxMeasure;
  /** Which of `b` mark crowds: IoU with those is over the area of the box of `a` alone, COCO's rule. */
  readonly crowd?: ArrayLike<number | boolean>;
}

/**
 * Compares every box of `a` with every box of `b`.
 * @returns n·m values, row-major: box i of `a` with box j of `b` at i · m + j. IoU is in [0, 1], the others in (−1, 1].
 * @throws RangeError for a box that is not four finite numbers, and for crowds with a measure other than IoU.
 */
export function boxIouMatrix(a: Lists, b: Lists, options: BoxIouOptions = {}): Float64Array {
  const { format = 'xyxy', measure = 'iou', crowd } = options;
  if (crowd && measure !== 'iou') throw new RangeError(`crowds have no ${measure}`);
  const left = toXywh(flatten(a, 4, 'box'), format);
  const right = toXywh(flatten(b, 4, 'box'), format);
  return matrix(a.length, b.length, (i, j) => {
    const iou = boxIou(left, i, right, j, Boolean(crowd?.[j]));
    return measure === 'iou' ? iou : iou - penalty(measure, iou, boxAt(left, i), boxAt(right, j));
  });
}

/**
 * Intersection over union of box i of `a` and box j of `b`, both [x, y, width, height], with COCO's arithmetic: over
 * the area of `a` alone where j marks a crowd; boxes that only touch share nothing.
 */
export function boxIou(a: Float64Array, i: number, b: Float64Array, j: number, crowd: boolean): number {
  const ax = a[4 * i]!;
  const ay = a[4 * i + 1]!;
  const aw = a[4 * i + 2]!;
  const ah = a[4 * i + 3]!;
  const bx = b[4 * j]!;
  const by = b[4 * j + 1]!;
  const bw = b[4 * j + 2]!;
  const bh = b[4 * j + 3]!;
  const width = Math.min(aw + ax, bw + bx) - Math.max(ax, bx);
  if (width <= 0) return 0;
  const height = Math.min(ah + ay, bh + by) - Math.max(ay, by);
  if (height <= 0) return 0;
  const shared = width * height;
  return shared / (crowd ? aw * ah : aw * ah + bw * bh - shared);
}

/** What GIoU (Rezatofighi et al. 2019), DIoU and CIoU (Zheng et al. 2020) take from the IoU. */
function penalty(measure: BoxMeasure, iou: number, [ax, ay, aw, ah]: Box, [bx, by, bw, bh]: Box): number {
  const hullWidth = Math.max(ax + aw, bx + bw) - Math.min(ax, bx);
  const hullHeight = Math.max(ay + ah, by + bh) - Math.min(ay, by);
  if (measure === 'giou') {
    const hull = hullWidth * hullHeight;
    const union = (aw * ah + bw * bh) / (1 + iou);
    return hull > 0 ? (hull - union) / hull : 0;
  }
  const diagonal = hullWidth ** 2 + hullHeight ** 2;
  const distance = (ax + aw / 2 - bx - bw / 2) ** 2 + (ay + ah / 2 - by - bh / 2) ** 2;
  const apart = diagonal > 0 ? distance / diagonal : 0;
  if (measure === 'diou') return apart;
  const v = (4 / Math.PI ** 2) * (Math.atan2(bw, bh) - Math.atan2(aw, ah)) ** 2;
  return v > 0 ? apart + v ** 2 / (1 - iou + v) : apart;
}

function boxAt(boxes: Float64Array, i: number): Box {
  return [boxes[4 * i]!, boxes[4 * i + 1]!, boxes[4 * i + 2]!, boxes[4 * i + 3]!];
}

function toXywh(boxes: Float64Array, format: BoxFormat): Float64Array {
  if (format === 'xyxy') {
    for (let i = 0; i < boxes.length; i += 4) {
      boxes[i + 2]! -= boxes[i]!;
      boxes[i + 3]! -= boxes[i + 1]!;
    }
  }
  return boxes;
}

/** All lists in one array. @throws RangeError for one that is not `length` finite numbers. */
export function flatten(lists: Lists, length: number, what: string): Float64Array {
  const flat = new Float64Array(lists.length * length);
  lists.forEach((list, i) => {
    if (list.length !== length || !Array.prototype.every.call(list, Number.isFinite)) {
      throw new RangeError(`${what} ${i} must be ${length} finite numbers, got ${Array.from(list)}`);
    }
    flat.set(list, i * length);
  });
  return flat;
}

/** n·m values, row-major. */
export function matrix(n: number, m: number, value: (i: number, j: number) => number): Float64Array {
  const values = new Float64Array(n * m);
  for (let i = 0; i < n; i++) for (let j = 0; j < m; j++) values[i * m + j] = value(i, j);
  return values;
}
