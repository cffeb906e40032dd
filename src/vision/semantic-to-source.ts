import type { Frame } from './frame.ts';
import { type Axis, sampleAxis, sampleBilinear } from './resample.ts';
import type { ResultByTask, SemanticScores } from './types.ts';

/**
 * A class for every source pixel: scores are interpolated bilinearly and the largest wins, as the reference
 * implementations do; maps of class indices take the nearest cell.
 */
export function semanticToSource(map: SemanticScores, frame: Frame): ResultByTask['semantic-segmentation'] {
  const { width, height } = frame.source;
  const { input } = frame;
  const columns = sampleAxis(width, (x) => (x * frame.scaleX + frame.offsetX) / input.width, map.width);
  const rows = sampleAxis(height, (y) => (y * frame.scaleY + frame.offsetY) / input.height, map.height);
  switch (map.kind) {
    case 'scores':
      return { width, height, labels: largestChannel(map.data, map.width * map.height, columns, rows) };
    case 'binary':
      return { width, height, labels: aboveThreshold(map.data, map.threshold, columns, rows) };
    case 'labels':
      return { width, height, labels: nearest(map.data, columns, rows) };
  }
}

function aboveThreshold(scores: Float32Array, threshold: number, columns: Axis, rows: Axis): Uint8Array {
  const labels = new Uint8Array(columns.length * rows.length);
  for (let r = 0, at = 0; r < rows.length; r++) {
    for (let c = 0; c < columns.length; c++, at++) {
      if (sampleBilinear(scores, 0, columns, c, rows, r) > threshold) labels[at] = 1;
    }
  }
  return labels;
}

function nearest(cells: Uint8Array, columns: Axis, rows: Axis): Uint8Array {
  const labels = new Uint8Array(columns.length * rows.length);
  for (let r = 0, at = 0; r < rows.length; r++) {
    const row = nearestCell(rows, r) * columns.cells;
    for (let c = 0; c < columns.length; c++, at++) labels[at] = cells[row + nearestCell(columns, c)]!;
  }
  return labels;
}

function nearestCell(axis: Axis, k: number): number {
  return axis.weight[k]! < 0.5 ? axis.low[k]! : axis.high[k]!;
}

/**
 * Interpolating every channel at every source pixel is slow, and mostly needless: where the four cells around a pixel
 * agree on the winner, so does every weighted mean of them. Only pixels on a class boundary look at all channels.
 */
function largestChannel(scores: Float32Array, area: number, columns: Axis, rows: Axis): Uint8Array {
  const winners = argmaxOfCells(scores, area);
  const channels = scores.length / area;
  const labels = new Uint8Array(columns.length * rows.length);
  for (let r = 0, at = 0; r < rows.length; r++) {
    const top = rows.low[r]! * columns.cells;
    const bottom = rows.high[r]! * columns.cells;
    for (let c = 0; c < columns.length; c++, at++) {
      const left = columns.low[c]!;
      const right = columns.high[c]!;
      const winner = winners[top + left]!;
      const agreed =
        winner === winners[top + right] && winner === winners[bottom + left] && winner === winners[bottom + right];
      labels[at] = agreed ? winner : argmaxAt(scores, area, channels, columns, c, rows, r);
    }
  }
  return labels;
}

function argmaxOfCells(scores: Float32Array, area: number): Uint8Array {
  const winners = new Uint8Array(area);
  const best = scores.slice(0, area);
  for (let from = area, channel = 1; from < scores.length; from += area, channel++) {
    for (let i = 0; i < area; i++) {
      const score = scores[from + i]!;
      if (score > best[i]!) {
        best[i] = score;
        winners[i] = channel;
      }
    }
  }
  return winners;
}

function argmaxAt(
  scores: Float32Array,
  area: number,
  channels: number,
  columns: Axis,
  c: number,
  rows: Axis,
  r: number,
): number {
  let winner = 0;
  let best = Number.NEGATIVE_INFINITY;
  for (let channel = 0; channel < channels; channel++) {
    const score = sampleBilinear(scores, channel * area, columns, c, rows, r);
    if (score > best) {
      best = score;
      winner = channel;
    }
  }
  return winner;
}
