/** A map of `width`·`height` values inside a larger array: cell (x, y) is at start + x·stepX + y·stepY. */
export interface MapView {
  readonly width: number;
  readonly height: number;
  readonly start: number;
  readonly stepX: number;
  readonly stepY: number;
}

/**
 * Whether no neighbour among the eight is larger: what comparing with a 3 × 3 maximum pooling selects. Each cell of a
 * plateau is a peak.
 */
export function isPeak(data: Float32Array, map: MapView, x: number, y: number): boolean {
  const center = data[map.start + x * map.stepX + y * map.stepY]!;
  const right = Math.min(x + 1, map.width - 1);
  const bottom = Math.min(y + 1, map.height - 1);
  for (let v = Math.max(y - 1, 0); v <= bottom; v++) {
    for (let u = Math.max(x - 1, 0); u <= right; u++) {
      if (data[map.start + u * map.stepX + v * map.stepY]! > center) return false;
    }
  }
  return true;
}
