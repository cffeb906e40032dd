/** A rectangle at any angle: `width` lies along (cos angle, sin angle), `height` at right angles to it. */
export interface RotatedRect {
  readonly centerX: number;
  readonly centerY: number;
  readonly width: number;
  readonly height: number;
  /** Radians. */
  readonly angle: number;
}

/**
 * The convex hull of points, by Andrew's monotone chain, without points in the middle of an edge.
 * @param points x, y pairs; returned likewise.
 */
export function convexHull(points: readonly number[]): number[] {
  const order = Array.from({ length: points.length / 2 }, (_, i) => i);
  order.sort((a, b) => points[2 * a]! - points[2 * b]! || points[2 * a + 1]! - points[2 * b + 1]!);
  const lower = halfHull(points, order);
  const upper = halfHull(points, order.reverse());
  // Each half ends where the other begins.
  return [...lower.slice(0, -2), ...upper.slice(0, -2)];
}

function halfHull(points: readonly number[], order: readonly number[]): number[] {
  const hull: number[] = [];
  for (const i of order) {
    const x = points[2 * i]!;
    const y = points[2 * i + 1]!;
    while (hull.length >= 4) {
      const [ax, ay, bx, by] = hull.slice(-4) as [number, number, number, number];
      if ((bx - ax) * (y - ay) - (by - ay) * (x - ax) > 0) break;
      hull.length -= 2;
    }
    hull.push(x, y);
  }
  return hull;
}

/** The rectangle of least area around a convex polygon: one of its sides lies along an edge. */
export function minAreaRect(hull: readonly number[]): RotatedRect {
  const n = hull.length / 2;
  let best: RotatedRect | undefined;
  for (let i = 0; i < n; i++) {
    const j = (i + 1) % n;
    const angle = Math.atan2(hull[2 * j + 1]! - hull[2 * i + 1]!, hull[2 * j]! - hull[2 * i]!);
    const rect = rectAtAngle(hull, angle);
    if (!best || rect.width * rect.height < best.width * best.height) best = rect;
  }
  return best ?? { centerX: 0, centerY: 0, width: 0, height: 0, angle: 0 };
}

function rectAtAngle(points: readonly number[], angle: number): RotatedRect {
  const cos = Math.cos(angle);
  const sin = Math.sin(angle);
  let [left, right, top, bottom] = [Infinity, -Infinity, Infinity, -Infinity];
  for (let i = 0; i < points.length; i += 2) {
    const along = points[i]! * cos + points[i + 1]! * sin;
    const across = points[i + 1]! * cos - points[i]! * sin;
    left = Math.min(left, along);
    right = Math.max(right, along);
    top = Math.min(top, across);
    bottom = Math.max(bottom, across);
  }
  const along = (left + right) / 2;
  const across = (top + bottom) / 2;
  return {
    centerX: along * cos - across * sin,
    centerY: along * sin + across * cos,
    width: right - left,
    height: bottom - top,
    angle,
  };
}

/** Half the width and half the height of the upright box around a rotated rectangle. */
export function halfExtents({ width, height, angle }: RotatedRect): { readonly x: number; readonly y: number } {
  const cos = Math.abs(Math.cos(angle));
  const sin = Math.abs(Math.sin(angle));
  return { x: (width * cos + height * sin) / 2, y: (width * sin + height * cos) / 2 };
}

/** x and y of the four corners, in order around. */
export function rectCorners({ centerX, centerY, width, height, angle }: RotatedRect): number[] {
  const [cos, sin] = [Math.cos(angle) / 2, Math.sin(angle) / 2];
  const signs = [
    [-1, -1],
    [1, -1],
    [1, 1],
    [-1, 1],
  ] as const;
  return signs.flatMap(([along, across]) => [
    centerX + along * width * cos - across * height * sin,
    centerY + along * width * sin + across * height * cos,
  ]);
}

/** How far (x, y) lies inside the nearest side; negative outside. */
export function depthInside(rect: RotatedRect, x: number, y: number): number {
  const cos = Math.cos(rect.angle);
  const sin = Math.sin(rect.angle);
  const along = (x - rect.centerX) * cos + (y - rect.centerY) * sin;
  const across = (y - rect.centerY) * cos - (x - rect.centerX) * sin;
  return Math.min(rect.width / 2 - Math.abs(along), rect.height / 2 - Math.abs(across));
}
