import { clamp, type Frame } from './frame.ts';
import type { Size } from './types.ts';

/** Sides of the windows as shares of the picture's shorter side, in strips of a third of the longer; widths over heights. */
const SHARES = [1, 0.7, 0.5, 0.35, 0.25];
const ASPECTS = [1, 0.5, 2];

/**
 * Where to look when nobody has said so: windows of five sizes and three shapes, half a window apart, over the whole
 * area; a few hundred for most pictures.
 * @returns 4n: xmin, ymin, xmax, ymax in pixels of the area
 */
export function slidingWindows(area: Size): Float32Array {
  const base = Math.max(Math.min(area.width, area.height), Math.max(area.width, area.height) / 3);
  const windows: number[] = [];
  for (const share of SHARES) {
    for (const aspect of ASPECTS) {
      const width = Math.min(area.width, share * base * Math.sqrt(aspect));
      const height = Math.min(area.height, (share * base) / Math.sqrt(aspect));
      for (const y of starts(area.height, height)) {
        for (const x of starts(area.width, width)) windows.push(x, y, x + width, y + height);
      }
    }
  }
  return Float32Array.from(windows);
}

/** Starts of spans that cover a length, half a span apart or closer. */
function starts(length: number, span: number): number[] {
  const steps = Math.ceil((length - span) / (span / 2));
  return Array.from({ length: steps + 1 }, (_, i) => (steps === 0 ? 0 : (i * (length - span)) / steps));
}

/**
 * Boxes of the source picture as boxes of the model's input, cut to what is picture there.
 * @param boxes 4n: xmin, ymin, xmax, ymax in pixels of the source
 */
export function toInputBoxes(boxes: ArrayLike<number>, frame: Frame): Float32Array {
  const { content, scaleX, scaleY, offsetX, offsetY } = frame;
  return Float32Array.from(boxes, (value, i) =>
    i % 2 === 0
      ? clamp(value * scaleX, 0, content.width) + offsetX
      : clamp(value * scaleY, 0, content.height) + offsetY,
  );
}
