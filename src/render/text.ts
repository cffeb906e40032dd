import { type Glyph, glyphOf, replacementGlyph } from './font.ts';

/** One line of text, laid out. Lengths are fractions of the font size. */
export interface TextLine {
  readonly glyphs: readonly Glyph[];
  readonly width: number;
}

/** No longer label is needed to fill the widest picture, and none may cost more. */
const MAX_LENGTH = 1000;

const segmenter = new Intl.Segmenter('en', { granularity: 'grapheme' });

/**
 * Lays text out on one line, shortened with "…" where it is wider than `maxWidth` font sizes; undefined where not even
 * the "…" fits. White space is collapsed. What a person sees as one character, an emoji of several code points say, becomes one
 * replacement glyph if the font lacks any part of it. Characters follow each other from left to right: the font has no
 * script that is written otherwise.
 */
export function layOut(text: string, maxWidth = Number.POSITIVE_INFINITY): TextLine | undefined {
  const clusters = clustersOf(text);
  const line = lineOf(clusters);
  if (line.width <= maxWidth) return line;

  const ellipsis = glyphOf('…');
  if (ellipsis.advance > maxWidth) return undefined;
  let kept = 0;
  let width = ellipsis.advance;
  for (const cluster of clusters) {
    width += lineOf([cluster]).width;
    if (width > maxWidth) break;
    kept++;
  }
  return lineOf([...clusters.slice(0, kept), [ellipsis]]);
}

export function concat(a: TextLine, b: TextLine): TextLine {
  return lineOf([a.glyphs, b.glyphs]);
}

function clustersOf(text: string): Glyph[][] {
  const line = text.slice(0, MAX_LENGTH).normalize('NFC').replace(/\s+/g, ' ');
  return Array.from(segmenter.segment(line), ({ segment }) => {
    const cluster = Array.from(segment, glyphOf);
    return cluster.includes(replacementGlyph) ? [replacementGlyph] : cluster;
  });
}

function lineOf(clusters: readonly (readonly Glyph[])[]): TextLine {
  const glyphs = clusters.flat();
  return { glyphs, width: glyphs.reduce((sum, glyph) => sum + glyph.advance, 0) };
}
