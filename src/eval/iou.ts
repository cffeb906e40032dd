/**
 * Intersection over union of box i of `a` and box j of `b`, both [x, y, width, height], with COCO's arithmetic: over
 * the area of `a` alone where j marks a crowd; boxes that only touch share nothing.
 */
export function boxIou(a: Float64Array, i: number, b: Float64Array, j: number, crowd: boolean): number {
  const ax = a[4 * i]!;
  const ay = a[4 * i + 1]!;
  const aw = a[4 * i + 2]!;
  const ah = a[4 * i + 3]!;
  const bx = b[4 * j]!;
  const by = b[4 * j + 1]!;
  const bw = b[4 * j + 2]!;
  const bh = b[4 * j + 3]!;
  const width = Math.min(aw + ax, bw + bx) - Math.max(ax, bx);
  if (width <= 0) return 0;
  const height = Math.min(ah + ay, bh + by) - Math.max(ay, by);
  if (height <= 0) return 0;
  const shared = width * height;
  return shared / (crowd ? aw * ah : aw * ah + bw * bh - shared);
}
