import { clamp } from './frame.ts';

/** For each sample along one axis: the two cells it lies between, and the weight of the second. */
export interface Axis {
  readonly length: number;
  /** Cells in the whole axis, the stride between rows where this is the column axis. */
  readonly cells: number;
  readonly low: Int32Array;
  readonly high: Int32Array;
  readonly weight: Float32Array;
}

/**
 * Where `length` pixels fall on a grid of `cells` cells (align_corners = false: cell k's centre is at k + 0.5).
 * @param fraction position on the grid, 0–1, of pixel coordinate p; called with pixel centres (k + 0.5).
 */
export function sampleAxis(length: number, fraction: (p: number) => number, cells: number): Axis {
  const low = new Int32Array(length);
  const high = new Int32Array(length);
  const weight = new Float32Array(length);
  for (let k = 0; k < length; k++) {
    const position = clamp(fraction(k + 0.5) * cells - 0.5, 0, cells - 1);
    low[k] = Math.floor(position);
    high[k] = Math.min(low[k]! + 1, cells - 1);
    weight[k] = position - low[k]!;
  }
  return { length, cells, low, high, weight };
}

/** The grid's value at sample (c, r), from its four neighbours. `offset` is where the channel begins. */
export function sampleBilinear(
  grid: Float32Array,
  offset: number,
  columns: Axis,
  c: number,
  rows: Axis,
  r: number,
): number {
  const top = offset + rows.low[r]! * columns.cells;
  const bottom = offset + rows.high[r]! * columns.cells;
  const left = columns.low[c]!;
  const right = columns.high[c]!;
  const w = columns.weight[c]!;
  const upper = grid[top + left]! + (grid[top + right]! - grid[top + left]!) * w;
  const lower = grid[bottom + left]! + (grid[bottom + right]! - grid[bottom + left]!) * w;
  return upper + (lower - upper) * rows.weight[r]!;
}
