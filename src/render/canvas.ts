import type { Size } from '../vision/types.ts';
import type { Rgb } from './color.ts';
import type { TextLine } from './text.ts';

/** Pixels that are painted on: RGB, row-major, width·height·3. */
export interface Canvas extends Size {
  readonly data: Uint8Array;
}

/** Pixels from x to x + width and from y to y + height; may reach beyond the canvas. */
export interface Rect extends Size {
  readonly x: number;
  readonly y: number;
}

/** Sub-scanlines per row: how many grey levels a horizontal edge of a letter can have. */
const SUBROWS = 8;

/** Mixes a colour into pixel (x, y), which must lie on the canvas; opacity in [0, 1]. */
export function blendPixel(canvas: Canvas, x: number, y: number, color: Rgb, opacity: number): void {
  const { data } = canvas;
  const at = (y * canvas.width + x) * 3;
  data[at] = data[at]! + (color[0] - data[at]!) * opacity + 0.5;
  data[at + 1] = data[at + 1]! + (color[1] - data[at + 1]!) * opacity + 0.5;
  data[at + 2] = data[at + 2]! + (color[2] - data[at + 2]!) * opacity + 0.5;
}

/** Fills a rectangle with rounded corners. With a radius of half its size it is a disc. */
export function fillRect(canvas: Canvas, rect: Rect, radius: number, color: Rgb, opacity = 1): void {
  blendRows(canvas, rect, color, (x, y) => opacity * coverage(rect, radius, x, y));
}

/**
 * Paints the inner border, `width` pixels wide, of a rectangle of whole pixels with rounded corners. Only the border is
 * visited: the frame of a large object costs little.
 */
export function strokeRect(canvas: Canvas, rect: Rect, radius: number, width: number, color: Rgb, opacity = 1): void {
  const hole = {
    x: rect.x + width,
    y: rect.y + width,
    width: rect.width - 2 * width,
    height: rect.height - 2 * width,
  };
  if (hole.width <= 0 || hole.height <= 0) {
    fillRect(canvas, rect, radius, color, opacity);
    return;
  }
  const holeRadius = Math.max(0, radius - width);
  const alpha = (x: number, y: number) =>
    opacity * coverage(rect, radius, x, y) * (1 - coverage(hole, holeRadius, x, y));

  const corner = Math.ceil(Math.max(width, radius));
  if (2 * corner >= Math.min(rect.width, rect.height)) {
    blendRows(canvas, rect, color, alpha);
    return;
  }
  const [right, bottom] = [rect.x + rect.width, rect.y + rect.height];
  for (const x of [rect.x, right - corner]) {
    for (const y of [rect.y, bottom - corner]) blendRows(canvas, { x, y, width: corner, height: corner }, color, alpha);
  }
  // Between the corners whole pixels are covered or not at all.
  const across = { x: rect.x + corner, width: rect.width - 2 * corner, height: width };
  const down = { y: rect.y + corner, width, height: rect.height - 2 * corner };
  blendRows(canvas, { ...across, y: rect.y }, color, () => opacity);
  blendRows(canvas, { ...across, y: bottom - width }, color, () => opacity);
  blendRows(canvas, { ...down, x: rect.x }, color, () => opacity);
  blendRows(canvas, { ...down, x: right - width }, color, () => opacity);
}

/** Writes a line of text that starts at x with its baseline at y; `size` is the font size in pixels. */
export function drawText(canvas: Canvas, line: TextLine, x: number, y: number, size: number, color: Rgb): void {
  // Letters stay within a font size above the baseline and half of one below; a few hang a little out of their advance.
  const rect = {
    x: Math.floor(x - size / 2),
    y: Math.floor(y - size),
    width: Math.ceil(size * (line.width + 1)) + 1,
    height: Math.ceil(size * 1.5) + 1,
  };
  const stride = rect.width + 1;
  const deltas = new Float32Array(stride * rect.height);
  let left = x - rect.x;
  for (const { edges, advance } of line.glyphs) {
    for (let i = 0; i < edges.length; i += 4) {
      const baseline = y - rect.y;
      const x0 = left + size * edges[i]!;
      const y0 = baseline + size * edges[i + 1]!;
      addEdge(deltas, stride, x0, y0, left + size * edges[i + 2]!, baseline + size * edges[i + 3]!);
    }
    left += size * advance;
  }
  for (let row = 0; row < rect.height; row++) {
    let sum = 0;
    for (let column = 0; column < stride; column++) {
      sum += deltas[row * stride + column]!;
      deltas[row * stride + column] = sum;
    }
  }
  blendRows(canvas, rect, color, (px, py) => Math.min(1, Math.abs(deltas[(py - rect.y) * stride + px - rect.x]!)));
}

/**
 * Adds one edge of an outline to a grid whose running sum along each row is the winding number that covers the pixel: at
 * the middle of every sub-scanline that the edge crosses, everything right of the crossing is wound once more. The
 * crossing's fraction of a pixel goes to the next one.
 */
function addEdge(deltas: Float32Array, stride: number, x0: number, y0: number, x1: number, y1: number): void {
  if (y0 === y1) return;
  const weight = (y0 < y1 ? 1 : -1) / SUBROWS;
  const slope = (x1 - x0) / (y1 - y0);
  const first = Math.ceil(Math.min(y0, y1) * SUBROWS - 0.5);
  const end = Math.ceil(Math.max(y0, y1) * SUBROWS - 0.5);
  for (let subrow = first; subrow < end; subrow++) {
    const x = x0 + ((subrow + 0.5) / SUBROWS - y0) * slope;
    const column = Math.floor(x);
    // What hangs out of the grid's top or bottom lands outside the array, where writing does nothing.
    const at = Math.floor(subrow / SUBROWS) * stride + column;
    deltas[at] = deltas[at]! + weight * (1 - (x - column));
    deltas[at + 1] = deltas[at + 1]! + weight * (x - column);
  }
}

/** Blends the part of `rect` that lies on the canvas, asking for each pixel's opacity. */
function blendRows(canvas: Canvas, rect: Rect, color: Rgb, opacity: (x: number, y: number) => number): void {
  const x1 = Math.max(0, Math.floor(rect.x));
  const y1 = Math.max(0, Math.floor(rect.y));
  const x2 = Math.min(canvas.width, Math.ceil(rect.x + rect.width));
  const y2 = Math.min(canvas.height, Math.ceil(rect.y + rect.height));
  for (let y = y1; y < y2; y++) {
    for (let x = x1; x < x2; x++) {
      const alpha = opacity(x, y);
      if (alpha > 0) blendPixel(canvas, x, y, color, alpha);
    }
  }
}

/** How much of pixel (x, y) a rectangle with rounded corners covers: its centre's signed distance to the outline. */
function coverage(rect: Rect, radius: number, x: number, y: number): number {
  const round = Math.min(radius, rect.width / 2, rect.height / 2);
  const dx = Math.abs(x + 0.5 - rect.x - rect.width / 2) - rect.width / 2 + round;
  const dy = Math.abs(y + 0.5 - rect.y - rect.height / 2) - rect.height / 2 + round;
  const distance = (dx > 0 && dy > 0 ? Math.sqrt(dx * dx + dy * dy) : Math.max(dx, dy)) - round;
  return Math.min(1, Math.max(0, 0.5 - distance));
}
