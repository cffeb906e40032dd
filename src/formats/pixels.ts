import type { Rle } from '../vision/rle.ts';
import { RunWriter } from '../vision/rle-runs.ts';

/** The masks of all values that occur in a row-major map, in ascending order of the values. */
export function rlesOf(map: Uint8Array | Uint16Array | Uint32Array, width: number, height: number): Map<number, Rle> {
  const open = new Map<number, { runs: RunWriter; end: number }>();
  const close = (value: number, start: number, end: number) => {
    let mask = open.get(value);
    if (!mask) {
      mask = { runs: new RunWriter(8), end: 0 };
      open.set(value, mask);
    }
    mask.runs.push(start - mask.end);
    mask.runs.push(end - start);
    mask.end = end;
  };
  let last = map[0]!;
  let start = 0;
  for (let x = 0, at = 0; x < width; x++) {
    for (let i = x; i < map.length; i += width, at++) {
      if (map[i] === last) continue;
      close(last, start, at);
      last = map[i]!;
      start = at;
    }
  }
  close(last, start, map.length);
  const masks = [...open].sort(([a], [b]) => a - b);
  return new Map(
    masks.map(([value, { runs, end }]) => {
      if (end < map.length) runs.push(map.length - end);
      return [value, { width, height, counts: runs.finish() }];
    }),
  );
}

/** Sets the pixels of a mask in a row-major map of its size. */
export function paint(map: Uint8Array | Uint32Array, { width, height, counts }: Rle, value: number): void {
  let position = 0;
  for (const [i, run] of counts.entries()) {
    const end = position + run;
    if (i % 2 === 0) position = end;
    for (; position < end; position++) map[(position % height) * width + Math.floor(position / height)] = value;
  }
}
