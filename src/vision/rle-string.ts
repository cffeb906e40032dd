import { pixelCount, type Rle } from './rle.ts';
import { RunWriter } from './rle-runs.ts';

/** Characters '0' to 'o' carry 6 bits: 5 of the number, lowest first, and one that says more follow. */
const FIRST_CHARACTER = 48;
const MORE = 0x20;
const SIGN = 0x10;

/** Seven characters hold 35 bits, more than any difference of two runs needs. */
const MAX_CHARACTERS = 7;

/**
 * COCO's compressed counts: from the fourth run on, the difference to the run two before; LEB128-like with 6-bit
 * characters.
 */
export function rleToString(rle: Rle): string {
  const { counts } = rle;
  const bytes: number[] = [];
  for (let i = 0; i < counts.length; i++) {
    let value = counts[i]! - (i > 2 ? counts[i - 2]! : 0);
    for (let more = true; more; ) {
      const bits = value & 0x1f;
      value >>= 5;
      more = value !== (bits & SIGN ? -1 : 0);
      bytes.push(FIRST_CHARACTER + bits + (more ? MORE : 0));
    }
  }
  return decodeAscii(bytes);
}

/**
 * Reads COCO's compressed counts.
 * @throws RangeError for a character outside '0'–'o', a number cut short or too long, a negative run, or runs that do
 * not add up to width · height.
 */
export function rleFromString(text: string, width: number, height: number): Rle {
  const pixels = pixelCount(width, height);
  const runs = new RunWriter(Math.min(text.length, 1024));
  let covered = 0;
  for (let at = 0; at < text.length; ) {
    const start = at;
    let value = 0;
    let bits = MORE;
    for (let unit = 1; bits & MORE; unit *= 32) {
      if (at === text.length) throw new RangeError(`RLE string is cut short in the number at character ${start}`);
      if (at - start === MAX_CHARACTERS) throw new RangeError(`RLE string has too long a number at character ${start}`);
      bits = text.charCodeAt(at) - FIRST_CHARACTER;
      if (!(bits >= 0 && bits < 64)) throw new RangeError(`RLE string has an invalid character at ${at}`);
      at++;
      value += (bits & 0x1f) * unit;
      if (!(bits & MORE) && bits & SIGN) value -= 32 * unit;
    }
    const i = runs.length;
    const run = i > 2 ? value + runs.at(i - 2) : value;
    if (run < 0) throw new RangeError(`run ${i} of the RLE string is negative (${run})`);
    covered += run;
    if (covered > pixels) {
      throw new RangeError(`runs 0 to ${i} of the RLE string add up to ${covered}, beyond ${width}×${height} pixels`);
    }
    runs.push(run);
  }
  if (covered < pixels) {
    throw new RangeError(`the runs of the RLE string add up to ${covered} of ${width}×${height} pixels`);
  }
  return { width, height, counts: runs.finish() };
}

/** Long masks have more characters than a function call may have arguments. */
function decodeAscii(bytes: readonly number[]): string {
  let text = '';
  for (let i = 0; i < bytes.length; i += 4096) text += String.fromCharCode(...bytes.slice(i, i + 4096));
  return text;
}
