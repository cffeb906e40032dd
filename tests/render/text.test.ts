import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { glyphOf, replacementGlyph } from '../../src/render/font.ts';
import { layOut } from '../../src/render/text.ts';

const isDrawn = (character: string) => glyphOf(character) !== replacementGlyph;

describe('glyphOf', () => {
  it('has Latin, accents, Greek and Cyrillic', () => {
    for (const character of 'Az09%…<>&"łđñçßŐẶΩλώЖёйҐ')
      expect([character, isDrawn(character)]).toEqual([character, true]);
  });

  it('stands in for what the font lacks, controls and lone surrogates', () => {
    for (const character of ['猫', '🐱', 'ש', 'ب', '\u0000', '\u0007', '\u009f', '\ud83d', '\udc31', '\u202e']) {
      expect(glyphOf(character)).toBe(replacementGlyph);
    }
    expect(replacementGlyph.edges.length).toBeGreaterThan(0);
  });

  it('gives closed outlines: as many edges leave each height as arrive', () => {
    for (const character of 'ao%8Жφ') {
      const { edges } = glyphOf(character);
      let dx = 0;
      let dy = 0;
      for (let i = 0; i < edges.length; i += 4) {
        dx += edges[i + 2]! - edges[i]!;
        dy += edges[i + 3]! - edges[i + 1]!;
      }
      expect(Math.abs(dx) + Math.abs(dy)).toBeLessThan(1e-4);
    }
  });
});

describe('layOut', () => {
  it('shows one replacement for an emoji of several code points', () => {
    expect(layOut('👨‍👩‍👧')!.glyphs).toEqual([replacementGlyph]);
    expect(layOut('a🐱b')!.glyphs).toEqual([glyphOf('a'), replacementGlyph, glyphOf('b')]);
  });

  it('composes what can be composed and collapses white space', () => {
    expect(layOut('e\u0301')!.glyphs).toEqual([glyphOf('é')]);
    expect(layOut('a\t\r\n b')!.glyphs).toEqual([glyphOf('a'), glyphOf(' '), glyphOf('b')]);
  });

  it('shortens with an ellipsis to the longest beginning that fits', () => {
    const width = layOut('dog…')!.width;
    expect(layOut('doghouse', width + 1e-9)!.glyphs).toEqual([...'dog…'].map(glyphOf));
    expect(layOut('doghouse', width - 0.01)!.glyphs).toEqual([...'do…'].map(glyphOf));
    expect(layOut('doghouse', 0.1)).toBeUndefined();
    expect(layOut('', 0)).toEqual({ glyphs: [], width: 0 });
  });

  it('never exceeds the width, crashes or yields a length that is not a number', () => {
    const strings = fc.oneof(fc.string({ unit: 'binary' }), fc.string({ maxLength: 3000 }));
    fc.assert(
      fc.property(strings, fc.double({ min: 0, max: 40, noNaN: true }), (text, width) => {
        const line = layOut(text, width);
        if (line) expect(line.width).toBeLessThanOrEqual(width + 1e-6);
        expect(line?.glyphs.every(({ edges, advance }) => edges.every(Number.isFinite) && advance >= 0) ?? true).toBe(
          true,
        );
      }),
    );
  });

  it('bounds the work for a label of any length', () => {
    expect(layOut('x'.repeat(10_000_000))!.glyphs.length).toBeLessThanOrEqual(1000);
  });
});
