import type { BinaryMask, Size } from '../vision/types.ts';
import { blendPixel, type Canvas } from './canvas.ts';
import type { Rgb } from './color.ts';

const FILL_OPACITY = 0.45;
const OUTLINE_OPACITY = 0.9;

/** Tints the pixels of a mask, and those within `outline` pixels of its edge more strongly. */
export function tintMask(canvas: Canvas, mask: BinaryMask, color: Rgb, outline: number): void {
  const edge = edges(mask.data, mask, outline, true);
  const x1 = Math.max(0, -mask.x);
  const x2 = Math.min(mask.width, canvas.width - mask.x);
  const y2 = Math.min(mask.height, canvas.height - mask.y);
  for (let y = Math.max(0, -mask.y); y < y2; y++) {
    for (let x = x1; x < x2; x++) {
      const at = y * mask.width + x;
      if (mask.data[at] === 0) continue;
      blendPixel(canvas, x + mask.x, y + mask.y, color, edge[at] ? OUTLINE_OPACITY : FILL_OPACITY);
    }
  }
}

/**
 * Tints every pixel with its class's colour, and those within `outline` pixels of another class more strongly.
 * @param labels one class index per pixel of the canvas.
 * @param colors by class index; pixels of classes without one are left as they are.
 */
export function tintLabels(
  canvas: Canvas,
  labels: Uint8Array,
  colors: readonly (Rgb | undefined)[],
  outline: number,
): void {
  const edge = edges(labels, canvas, outline, false);
  for (let y = 0, at = 0; y < canvas.height; y++) {
    for (let x = 0; x < canvas.width; x++, at++) {
      const color = colors[labels[at]!];
      if (color) blendPixel(canvas, x, y, color, edge[at] ? OUTLINE_OPACITY : FILL_OPACITY);
    }
  }
}

/**
 * 1 where the square of 2·reach + 1 pixels around a pixel holds another value than the pixel's, else 0. One pass finds the
 * pixels whose row is uniform over that width; a second counts down each column how many of those of one value follow
 * each other. The time does not depend on `reach`.
 * @param bordered whether what lies outside the grid counts as another value.
 */
export function edges(cells: Uint8Array, { width, height }: Size, reach: number, bordered: boolean): Uint8Array {
  const edge = new Uint8Array(width * height).fill(1);
  const beyond = bordered ? 0 : reach;
  const uniform = new Uint8Array(width);
  // For each column, how many rows down to this one are uniform and alike.
  const alike = new Int32Array(width);
  for (let row = 0; row < height + beyond; row++) {
    // Below an unbordered grid its last row goes on.
    const start = Math.min(row, height - 1) * width;
    if (row < height) markUniform(uniform, cells, start, reach, beyond);
    for (let x = 0; x < width; x++) {
      if (uniform[x] === 0) {
        alike[x] = 0;
        continue;
      }
      if (row === 0) alike[x] = 1 + beyond;
      else if (row < height && cells[start + x] !== cells[start - width + x]) alike[x] = 1;
      else alike[x] = alike[x]! + 1;
      if (alike[x]! > 2 * reach) edge[(row - reach) * width + x] = 0;
    }
  }
  return edge;
}

/** Marks the pixels of a row that equal all their neighbours up to `reach` to the left and right. */
function markUniform(uniform: Uint8Array, cells: Uint8Array, start: number, reach: number, beyond: number): void {
  const width = uniform.length;
  uniform.fill(0);
  for (let from = 0, to: number; from < width; from = to) {
    to = from + 1;
    while (to < width && cells[start + to] === cells[start + from]) to++;
    const first = from === 0 ? reach - beyond : from + reach;
    const end = to === width ? width - reach + beyond : to - reach;
    if (first < end) uniform.fill(1, first, end);
  }
}
