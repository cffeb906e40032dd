/** Components of a binary map: 0 where it is not set, 1 to count where it is. */
export interface Components {
  readonly count: number;
  readonly labels: Int32Array;
}

/**
 * Numbers the 8-connected components of a map, in the order in which their first cells lie (row by row).
 * @param isSet asked once for each cell index.
 */
export function connectedComponents(width: number, height: number, isSet: (cell: number) => boolean): Components {
  const UNSEEN = -1;
  const labels = new Int32Array(width * height);
  for (let cell = 0; cell < labels.length; cell++) if (isSet(cell)) labels[cell] = UNSEEN;
  // Each cell is pushed once, so that the stack cannot outgrow the map.
  const stack = new Int32Array(width * height);
  let count = 0;
  for (let seed = 0; seed < labels.length; seed++) {
    if (labels[seed] !== UNSEEN) continue;
    labels[seed] = ++count;
    stack[0] = seed;
    for (let depth = 1; depth > 0; ) {
      const cell = stack[--depth]!;
      const x = cell % width;
      const y = (cell - x) / width;
      const right = Math.min(x + 1, width - 1);
      const bottom = Math.min(y + 1, height - 1);
      for (let v = Math.max(y - 1, 0); v <= bottom; v++) {
        for (let u = Math.max(x - 1, 0); u <= right; u++) {
          const neighbour = v * width + u;
          if (labels[neighbour] !== UNSEEN) continue;
          labels[neighbour] = count;
          stack[depth++] = neighbour;
        }
      }
    }
  }
  return { count, labels };
}
