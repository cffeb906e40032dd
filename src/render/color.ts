/** Red, green, blue, each an integer in [0, 255]. */
export type Rgb = readonly [red: number, green: number, blue: number];

export const BLACK: Rgb = [0, 0, 0];
export const WHITE: Rgb = [255, 255, 255];

/** 360° divided by the golden ratio squared: each new hue falls into the widest gap that the earlier ones left. */
const GOLDEN_ANGLE = 137.507764;
/** Class 0, the commonest in most label lists, gets a warm orange. */
const FIRST_HUE = 47;
/** Hues come close again after 8, 13, 21… classes; three tiers of lightness tell those apart. None is near black or white. */
const LIGHTNESS = [0.74, 0.66, 0.84] as const;
const MAX_CHROMA = 0.19;

/**
 * The colour of a class: the same in every picture, whatever the number of classes. In OKLCH the hue advances by the
 * golden angle per class, lightness cycles through three tiers, and chroma is the largest up to 0.19 that sRGB can show.
 * @param id class index, a non-negative integer.
 */
export function classColor(id: number): [number, number, number] {
  const lightness = LIGHTNESS[id % LIGHTNESS.length] ?? LIGHTNESS[0];
  const hue = ((FIRST_HUE + id * GOLDEN_ANGLE) * Math.PI) / 180;
  let inside = 0;
  let outside = MAX_CHROMA;
  if (isDisplayable(oklchToLinear(lightness, outside, hue))) inside = outside;
  // Twelve halvings of 0.19 are finer than one step of an 8-bit channel.
  for (let step = 0; step < 12 && inside < outside; step++) {
    const middle = (inside + outside) / 2;
    if (isDisplayable(oklchToLinear(lightness, middle, hue))) inside = middle;
    else outside = middle;
  }
  const [r, g, b] = oklchToLinear(lightness, inside, hue);
  return [encodeSrgb(r), encodeSrgb(g), encodeSrgb(b)];
}

/** Black or white, whichever has the larger WCAG 2 contrast ratio with `background`. */
export function textColor(background: Rgb): Rgb {
  return contrastRatio(background, BLACK) >= contrastRatio(background, WHITE) ? BLACK : WHITE;
}

/** Contrast ratio of two colours in [1, 21], WCAG 2.2. */
export function contrastRatio(a: Rgb, b: Rgb): number {
  const first = relativeLuminance(a);
  const second = relativeLuminance(b);
  return (Math.max(first, second) + 0.05) / (Math.min(first, second) + 0.05);
}

/** WCAG 2.2 relative luminance, in [0, 1]. */
function relativeLuminance([r, g, b]: Rgb): number {
  return 0.2126 * decodeSrgb(r) + 0.7152 * decodeSrgb(g) + 0.0722 * decodeSrgb(b);
}

/** OKLCH to linear sRGB; matrices from Björn Ottosson, "A perceptual color space for image processing", 2020. */
function oklchToLinear(lightness: number, chroma: number, hue: number): [number, number, number] {
  const a = chroma * Math.cos(hue);
  const b = chroma * Math.sin(hue);
  const l = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3;
  const m = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3;
  const s = (lightness - 0.0894841775 * a - 1.291485548 * b) ** 3;
  return [
    4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s,
    -1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s,
    -0.0041960863 * l - 0.7034186147 * m + 1.707614701 * s,
  ];
}

function isDisplayable(linear: readonly number[]): boolean {
  return linear.every((channel) => channel >= 0 && channel <= 1);
}

/** The transfer function of IEC 61966-2-1. */
function encodeSrgb(linear: number): number {
  const value = linear <= 0.0031308 ? 12.92 * linear : 1.055 * linear ** (1 / 2.4) - 0.055;
  return Math.round(255 * value);
}

function decodeSrgb(channel: number): number {
  const value = channel / 255;
  return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
}
