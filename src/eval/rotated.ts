import { flatten, type Lists, matrix } from './iou.ts';

/** Corners as x, y, x, y, … */
type Polygon = readonly number[];

/**
 * IoU of rotated boxes [centre x, centre y, width, height, angle], the angle in radians from the x axis towards the y
 * axis (clockwise as seen in an image).
 * @returns n·m values in [0, 1], row-major: box i of `a` with box j of `b` at i · m + j.
 * @throws RangeError for a box that is not five finite numbers or has a negative side.
 */
export function rotatedIouMatrix(a: Lists, b: Lists): Float64Array {
  const [left, right] = [a, b].map((boxes) => {
    const flat = flatten(boxes, 5, 'rotated box');
    return boxes.map((_, i) => rectangle(flat, i));
  }) as [Rectangle[], Rectangle[]];
  return matrix(a.length, b.length, (i, j) => {
    const [p, q] = [left[i]!, right[j]!];
    const distance = Math.hypot(p.x - q.x, p.y - q.y);
    if (distance >= p.radius + q.radius) return 0;
    const shared = Math.min(areaOf(clip(p.corners, q.corners)), p.area, q.area);
    return shared > 0 ? shared / (p.area + q.area - shared) : 0;
  });
}

interface Rectangle {
  readonly x: number;
  readonly y: number;
  readonly radius: number;
  readonly area: number;
  /** In the direction from the x axis towards the y axis. */
  readonly corners: Polygon;
}

function rectangle(boxes: Float64Array, i: number): Rectangle {
  const at = 5 * i;
  const [x, y, width, height, angle] = [boxes[at]!, boxes[at + 1]!, boxes[at + 2]!, boxes[at + 3]!, boxes[at + 4]!];
  if (width < 0 || height < 0) throw new RangeError(`rotated box ${i} has a negative side: ${width}×${height}`);
  const [cos, sin] = [Math.cos(angle) / 2, Math.sin(angle) / 2];
  const [ux, uy, vx, vy] = [width * cos, width * sin, -height * sin, height * cos];
  const corners = [
    x - ux - vx,
    y - uy - vy,
    x + ux - vx,
    y + uy - vy,
    x + ux + vx,
    y + uy + vy,
    x - ux + vx,
    y - uy + vy,
  ];
  return { x, y, radius: Math.hypot(width, height) / 2, area: width * height, corners };
}

/** The part of convex `subject` inside convex `window` (Sutherland and Hodgman 1974). */
function clip(subject: Polygon, window: Polygon): Polygon {
  let kept = subject;
  for (let i = 0; i < window.length; i += 2) {
    const [ax, ay] = [window[i]!, window[i + 1]!];
    const [bx, by] = [window[(i + 2) % window.length]!, window[(i + 3) % window.length]!];
    const side = (x: number, y: number) => (bx - ax) * (y - ay) - (by - ay) * (x - ax);
    const next: number[] = [];
    for (let j = 0; j < kept.length; j += 2) {
      const [x, y] = [kept[j]!, kept[j + 1]!];
      const [toX, toY] = [kept[(j + 2) % kept.length]!, kept[(j + 3) % kept.length]!];
      const from = side(x, y);
      const to = side(toX, toY);
      if (from >= 0) next.push(x, y);
      if (from >= 0 !== to >= 0) {
        const part = from / (from - to);
        next.push(x + part * (toX - x), y + part * (toY - y));
      }
    }
    kept = next;
  }
  return kept;
}

/** The shoelace formula. */
function areaOf(polygon: Polygon): number {
  let twice = 0;
  for (let i = 0; i < polygon.length; i += 2) {
    const [toX, toY] = [polygon[(i + 2) % polygon.length]!, polygon[(i + 3) % polygon.length]!];
    twice += polygon[i]! * toY - toX * polygon[i + 1]!;
  }
  return Math.max(0, twice / 2);
}
