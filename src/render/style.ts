import type { Size } from '../vision/types.ts';
import { BLACK } from './color.ts';

/** Lengths in pixels, whole where edges shall be crisp. */
export interface Style {
  /** Width of a box's frame and of an outline. */
  readonly stroke: number;
  /** Width of the dark rim around what is drawn. */
  readonly halo: number;
  readonly fontSize: number;
  /** A label's height, its text's distance from the left and right edge, and its corner radius. */
  readonly chipHeight: number;
  readonly chipPadding: number;
  readonly chipRadius: number;
  /** Radius of a keypoint. */
  readonly dot: number;
}

/** The rim that sets everything apart from the photo, and its opacity. */
export const HALO = { color: BLACK, opacity: 0.45 };

/**
 * Sizes that look alike in a thumbnail and in a 48-megapixel photo, both shown on one screen: fractions of the side of a
 * square with the picture's area. Letters stay legible (8 pixels) even where they then cover much of the picture.
 */
export function styleFor({ width, height }: Size): Style {
  const side = Math.sqrt(width * height);
  const fontSize = Math.min(240, Math.max(8, Math.round(side * 0.025)));
  const stroke = Math.max(1, Math.round(side * 0.004));
  return {
    stroke,
    halo: Math.max(1, Math.round(stroke * 0.35)),
    fontSize,
    chipHeight: Math.round(fontSize * 1.45),
    chipPadding: Math.max(2, Math.round(fontSize * 0.4)),
    chipRadius: fontSize * 0.22,
    dot: Math.max(1.5, side * 0.0055),
  };
}
