import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import opentype, { type Command, type Font } from 'opentype.js';

/** A character's outline. Lengths are fractions of the font size; the baseline is y = 0, y grows downwards. */
export interface Glyph {
  /** Straight edges of closed contours: x0, y0, x1, y1 each. */
  readonly edges: Float32Array;
  readonly advance: number;
}

/** Height of Inter's capitals, as a fraction of the font size: what the eye centres a label by. */
export const CAP_HEIGHT = 0.728;

/** Inter's subsets in the order in which they are asked. Together: Latin, Cyrillic, Greek and Vietnamese. */
const SUBSETS = ['latin', 'latin-ext', 'cyrillic', 'greek', 'vietnamese', 'cyrillic-ext', 'greek-ext'] as const;
const WEIGHT = 600;
/** Edges per curve: at 200 pixels, larger than any label, the error is under a tenth of a pixel. */
const EDGES_PER_CURVE = 6;

/** A box with a dot: stands for a character that the font lacks. */
export const replacementGlyph: Glyph = {
  edges: toEdges([
    ...rectangle(0.08, -0.73, 0.56, 0),
    ...rectangle(0.48, -0.65, 0.16, -0.08),
    ...rectangle(0.26, -0.43, 0.38, -0.3),
  ]),
  advance: 0.64,
};

const require = createRequire(import.meta.url);
const fonts = new Map<string, Font>();
const glyphs = new Map<string, Glyph>();

/** The glyph of one code point, or the replacement glyph. Outlines come from a package: no installed font is needed. */
export function glyphOf(character: string): Glyph {
  const known = glyphs.get(character);
  if (known) return known;
  const font = fontWith(character);
  if (!font) return replacementGlyph;
  const outline = font.charToGlyph(character);
  const glyph = {
    edges: toEdges(outline.getPath(0, 0, 1).commands),
    advance: outline.advanceWidth / font.unitsPerEm,
  };
  glyphs.set(character, glyph);
  return glyph;
}

function fontWith(character: string): Font | undefined {
  if (/\p{Cc}/u.test(character)) return undefined;
  for (const subset of SUBSETS) {
    const font = load(subset);
    if (font.charToGlyphIndex(character) > 0) return font;
  }
  return undefined;
}

function load(subset: (typeof SUBSETS)[number]): Font {
  let font = fonts.get(subset);
  if (!font) {
    const file = readFileSync(require.resolve(`@fontsource/inter/files/inter-${subset}-${WEIGHT}-normal.woff`));
    font = opentype.parse(file.buffer.slice(file.byteOffset, file.byteOffset + file.byteLength));
    fonts.set(subset, font);
  }
  return font;
}

/** Flattens an outline. Every contour is closed, whether it says so or not. */
function toEdges(commands: readonly Command[]): Float32Array {
  const edges: number[] = [];
  let startX = 0;
  let startY = 0;
  let x = 0;
  let y = 0;
  const lineTo = (toX: number, toY: number) => {
    edges.push(x, y, toX, toY);
    x = toX;
    y = toY;
  };
  for (const command of commands) {
    if (command.type === 'M') {
      lineTo(startX, startY);
      x = startX = command.x;
      y = startY = command.y;
    } else if (command.type === 'L') {
      lineTo(command.x, command.y);
    } else if (command.type === 'Q') {
      const [fromX, fromY] = [x, y];
      for (let step = 1; step <= EDGES_PER_CURVE; step++) {
        const t = step / EDGES_PER_CURVE;
        const u = 1 - t;
        lineTo(
          u * u * fromX + 2 * u * t * command.x1 + t * t * command.x,
          u * u * fromY + 2 * u * t * command.y1 + t * t * command.y,
        );
      }
    }
  }
  lineTo(startX, startY);
  return Float32Array.from(edges);
}

/** Clockwise where x1 < x2, a hole in such a one where x1 > x2. */
function rectangle(x1: number, y1: number, x2: number, y2: number): Command[] {
  return [
    { type: 'M', x: x1, y: y1 },
    { type: 'L', x: x2, y: y1 },
    { type: 'L', x: x2, y: y2 },
    { type: 'L', x: x1, y: y2 },
  ];
}
