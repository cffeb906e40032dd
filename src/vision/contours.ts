import type { BinaryMask } from './types.ts';

/** Directions along pixel edges, clockwise with y downwards: right, down, left, up. */
const DX = [1, 0, -1, 0] as const;
const DY = [0, 1, 0, -1] as const;

/** Rings of pixel corners in linked lists: one node per unit edge, which leads to the next node. */
interface Rings {
  readonly x: number[];
  readonly y: number[];
  readonly next: number[];
  /** A node of each outer ring, in raster order. */
  readonly outer: number[];
  /** The node before the topmost (of several: leftmost) corner of each hole, in raster order. */
  readonly holes: number[];
  /** The node at which the upper edge of pixel row·width + column starts. */
  readonly upperEdges: Map<number, number>;
}

/**
 * The outlines of a mask: one polygon for each part of it whose pixels touch along edges, flat x1, y1, x2, y2, … in source
 * pixels, clockwise as seen. Polygons run along the edges of pixels, so that filling them (COCO's rules, even-odd or
 * non-zero) and taking the union gives the mask back.
 *
 * COCO's list of polygons is a union and cannot name holes. A hole is therefore joined to the outline around it by a slit
 * of no width: there and back along the same vertical line. Fills do not see it; one who strokes the polygon does.
 * @param tolerance pixels by which the outline may deviate to save points (Douglas–Peucker). With 0 only points in the
 *   middle of straight lines are left out, and the polygon is exact.
 */
export function maskToPolygons(mask: BinaryMask, tolerance = 0): number[][] {
  const rings = traceRings(mask);
  for (const hole of rings.holes) joinHole(rings, hole, mask);
  return rings.outer.map((start) => {
    const corners = cornersFrom(rings, start, mask);
    return tolerance > 0 ? simplify(corners, tolerance) : corners;
  });
}

/** Walks along every boundary once, the mask to the right: outlines clockwise, holes anticlockwise. */
function traceRings({ data, width, height }: BinaryMask): Rings {
  const rings: Rings = { x: [], y: [], next: [], outer: [], holes: [], upperEdges: new Map() };
  const isSet = (x: number, y: number) => x >= 0 && y >= 0 && x < width && y < height && data[y * width + x] !== 0;
  // Bit d: the edge of this pixel that runs in direction d has been walked.
  const walked = new Uint8Array(width * height);

  const trace = (startX: number, startY: number, startDirection: number): number => {
    const first = rings.x.length;
    let x = startX;
    let y = startY;
    let direction = startDirection;
    do {
      const node = rings.x.length;
      rings.x.push(x);
      rings.y.push(y);
      rings.next.push(node + 1);
      // The pixel to the right of an edge that starts at corner (x, y).
      const column = direction === 1 || direction === 2 ? x - 1 : x;
      const row = direction === 2 || direction === 3 ? y - 1 : y;
      walked[row * width + column]! |= 1 << direction;
      if (direction === 0) rings.upperEdges.set(row * width + column, node);
      x += DX[direction]!;
      y += DY[direction]!;
      direction = nextDirection(isSet, x, y, direction);
    } while (x !== startX || y !== startY || direction !== startDirection);
    rings.next[rings.next.length - 1] = first;
    return first;
  };

  for (let row = 0; row < height; row++) {
    for (let column = 0; column < width; column++) {
      const at = row * width + column;
      if (data[at] === 0) continue;
      if (!isSet(column, row - 1) && !(walked[at]! & 1)) rings.outer.push(trace(column, row, 0));
      // A lower edge that no outline has: the top of a hole, walked from its right to its left end.
      if (!isSet(column, row + 1) && !(walked[at]! & 4)) rings.holes.push(trace(column + 1, row + 1, 2));
    }
  }
  return rings;
}

/** For each direction, the pixels right and left of the way ahead, as offsets from the corner that was reached. */
const AHEAD = [
  { right: [0, 0], left: [0, -1] },
  { right: [-1, 0], left: [0, 0] },
  { right: [-1, -1], left: [-1, 0] },
  { right: [0, -1], left: [-1, -1] },
] as const;

/** Turns right wherever it can: pixels that only touch at a corner are kept apart. */
function nextDirection(isSet: (x: number, y: number) => boolean, x: number, y: number, direction: number): number {
  const { right, left } = AHEAD[direction]!;
  if (!isSet(x + right[0], y + right[1])) return (direction + 1) % 4;
  return isSet(x + left[0], y + left[1]) ? (direction + 3) % 4 : direction;
}

/**
 * Splices a hole into the ring that a walk straight up from the hole's top meets first. That ring is an outline or a hole
 * with a higher top, which raster order has joined already.
 */
function joinHole({ x, y, next, upperEdges }: Rings, before: number, { data, width }: BinaryMask): void {
  const top = next[before]!;
  let pixel = (y[top]! - 1) * width + x[top]!;
  while (pixel >= width && data[pixel - width] !== 0) pixel -= width;
  const meeting = upperEdges.get(pixel)!;

  const topAgain = x.length;
  const meetingAgain = topAgain + 1;
  x.push(x[top]!, x[meeting]!);
  y.push(y[top]!, y[meeting]!);
  next.push(meetingAgain, next[meeting]!);
  next[before] = topAgain;
  next[meeting] = top;
  upperEdges.set(pixel, meetingAgain);
}

/** The corners of a ring in source pixels, without points in the middle of a straight line. */
function cornersFrom({ x, y, next }: Rings, start: number, mask: BinaryMask): number[] {
  const corners: number[] = [];
  let from = start;
  do {
    const node = next[from]!;
    const to = next[node]!;
    const goesOn =
      Math.sign(x[node]! - x[from]!) === Math.sign(x[to]! - x[node]!) &&
      Math.sign(y[node]! - y[from]!) === Math.sign(y[to]! - y[node]!);
    if (!goesOn) corners.push(x[node]! + mask.x, y[node]! + mask.y);
    from = node;
  } while (from !== start);
  return corners;
}

/** Douglas and Peucker, 1973, on the two halves of a ring; a ring that would lose its area stays as it is. */
function simplify(ring: number[], tolerance: number): number[] {
  const count = ring.length / 2;
  const keep = new Uint8Array(count + 1);
  const opposite = farthest(ring, 0, 0, count).index;
  keep[0] = keep[opposite] = 1;
  const spans = [
    [0, opposite],
    [opposite, count],
  ];
  for (let span = spans.pop(); span; span = spans.pop()) {
    const [first, last] = span as [number, number];
    const { index, distance } = farthest(ring, first, last % count, last);
    if (distance <= tolerance) continue;
    keep[index] = 1;
    spans.push([first, index], [index, last]);
  }
  const kept = ring.filter((_, i) => keep[i >> 1]);
  return kept.length >= 6 ? kept : ring;
}

/** The point between `from` and `end` that lies farthest from the segment between points `from` and `to`. */
function farthest(ring: readonly number[], from: number, to: number, end: number): { index: number; distance: number } {
  const ax = ring[2 * from]!;
  const ay = ring[2 * from + 1]!;
  const dx = ring[2 * to]! - ax;
  const dy = ring[2 * to + 1]! - ay;
  const length = dx * dx + dy * dy;
  let index = from;
  let distance = 0;
  for (let i = from + 1; i < end; i++) {
    const px = ring[2 * i]! - ax;
    const py = ring[2 * i + 1]! - ay;
    const along = length === 0 ? 0 : Math.min(1, Math.max(0, (px * dx + py * dy) / length));
    const squared = (px - along * dx) ** 2 + (py - along * dy) ** 2;
    if (squared > distance) [index, distance] = [i, squared];
  }
  return { index, distance: Math.sqrt(distance) };
}
