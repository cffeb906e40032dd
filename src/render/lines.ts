import { type Canvas, fillRect } from './canvas.ts';
import type { Rgb } from './color.ts';

/** From (x1, y1) to (x2, y2). */
export type Segment = readonly [x1: number, y1: number, x2: number, y2: number];

/** Draws a line with round ends. What lies outside of the canvas costs nothing. */
export function drawLine(canvas: Canvas, segment: Segment, width: number, color: Rgb): void {
  const [x1, y1, x2, y2] = segment;
  if (!segment.every(Number.isFinite)) return;
  const [from, to] = visiblePart(segment, canvas.width, canvas.height, width);
  if (from > to) return;
  const radius = width / 2;
  const steps = Math.max(1, Math.ceil((Math.hypot(x2 - x1, y2 - y1) * (to - from)) / Math.max(0.5, radius / 2)));
  for (let i = 0; i <= steps; i++) {
    const t = from + ((to - from) * i) / steps;
    const [x, y] = [x1 + (x2 - x1) * t, y1 + (y2 - y1) * t];
    fillRect(canvas, { x: x - radius, y: y - radius, width, height: width }, radius, color, 1);
  }
}

/** Which part of a segment, 0–1, lies in the canvas or no further than `margin` from it; the first above the second: none. */
function visiblePart([x1, y1, x2, y2]: Segment, width: number, height: number, margin: number): [number, number] {
  let [from, to] = [0, 1];
  for (const [start, way, end] of [
    [x1, x2 - x1, width],
    [y1, y2 - y1, height],
  ] as const) {
    if (way === 0) {
      if (start < -margin || start > end + margin) return [1, 0];
      continue;
    }
    const [a, b] = [(-margin - start) / way, (end + margin - start) / way];
    from = Math.max(from, Math.min(a, b));
    to = Math.min(to, Math.max(a, b));
  }
  return [from, to];
}
