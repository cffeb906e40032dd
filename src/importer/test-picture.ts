import { sizeOf } from './constant.ts';

/**
 * The same picture-like values for the same dims, everywhere: waves as of shaded surfaces, blocks with hard edges, and
 * a little noise. Multiplications that must wrap use Math.imul, so every machine agrees; sines differ in the last bit
 * at most, and are rounded away.
 * @param range the smallest and largest value
 */
export function testPicture(dims: readonly number[], [low, high]: readonly [number, number]): Float32Array {
  const width = dims.at(-1) ?? 1;
  const height = dims.at(-2) ?? 1;
  let state = 1;
  return Float32Array.from({ length: sizeOf(dims) }, (_, i) => {
    const x = i % width;
    const y = Math.floor(i / width) % height;
    const channel = Math.floor(i / (width * height));
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    const noise = (state >>> 8) / 2 ** 24;
    const wave = 0.5 + 0.5 * Math.sin((x * (channel + 2)) / 31) * Math.cos((y * (channel + 3)) / 47);
    const block = ((x >> 5) + (y >> 5) + channel) % 3 === 0 ? 1 : 0;
    const value = 0.6 * wave + 0.25 * block + 0.15 * noise;
    return low + (high - low) * (Math.round(value * 4096) / 4096);
  });
}
