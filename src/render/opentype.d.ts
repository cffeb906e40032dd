/** The part of opentype.js that Miru uses. Its published types pull the whole DOM into every file of the project. */
declare module 'opentype.js' {
  /** What TrueType outlines consist of. */
  type Command =
    | { readonly type: 'M' | 'L'; readonly x: number; readonly y: number }
    | { readonly type: 'Q'; readonly x1: number; readonly y1: number; readonly x: number; readonly y: number }
    | { readonly type: 'Z' };
  interface Glyph {
    readonly advanceWidth: number;
    getPath(x: number, y: number, fontSize: number): { readonly commands: readonly Command[] };
  }
  interface Font {
    readonly unitsPerEm: number;
    /** 0, the font's ".notdef", where the font has no glyph for the character. */
    charToGlyphIndex(character: string): number;
    charToGlyph(character: string): Glyph;
  }
  const opentype: { parse(buffer: ArrayBuffer): Font };

  export type { Command, Font };
  export default opentype;
}
