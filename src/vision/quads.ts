/**
 * The mean of a map over a convex polygon of whole cells, its outline (Bresenham's lines) included, as OpenCV fills it.
 * @param corners x, y pairs of cells, in order around; what lies outside the map does not count
 * @returns 0 where no cell of the map is inside
 */
export function meanInside(map: Float32Array, width: number, height: number, corners: readonly number[]): number {
  const starts = new Int32Array(height).fill(width);
  const ends = new Int32Array(height).fill(-1);
  const plot = (x: number, y: number) => {
    if (y < 0 || y >= height) return;
    starts[y] = Math.min(starts[y]!, Math.max(x, 0));
    ends[y] = Math.max(ends[y]!, Math.min(x, width - 1));
  };
  for (let i = 0; i < corners.length; i += 2) {
    const j = (i + 2) % corners.length;
    drawLine(corners[i]!, corners[i + 1]!, corners[j]!, corners[j + 1]!, plot);
  }
  let [sum, count] = [0, 0];
  for (let y = 0; y < height; y++) {
    for (let x = starts[y]!; x <= ends[y]!; x++) sum += map[y * width + x]!;
    count += Math.max(0, ends[y]! - starts[y]! + 1);
  }
  return count === 0 ? 0 : sum / count;
}

/** Bresenham's line, from left to right. */
function drawLine(x1: number, y1: number, x2: number, y2: number, plot: (x: number, y: number) => void): void {
  if (x2 < x1) {
    drawLine(x2, y2, x1, y1, plot);
    return;
  }
  const [dx, dy, down] = [x2 - x1, Math.abs(y2 - y1), Math.sign(y2 - y1)];
  const [long, short] = [Math.max(dx, dy), Math.min(dx, dy)];
  let [x, y, error] = [x1, y1, long - 2 * short];
  for (let i = 0; i <= long; i++) {
    plot(x, y);
    const turn = error < 0;
    error += (turn ? 2 * long : 0) - 2 * short;
    if (dx >= dy || turn) x++;
    if (dx < dy || turn) y += down;
  }
}

/**
 * A convex polygon with every side moved outwards by `distance`: the ends of the moved sides, between which arcs would lie.
 * @param corners x, y pairs in order around
 */
export function outset(corners: readonly number[], distance: number): number[] {
  const n = corners.length;
  // Twice the area; its sign tells on which side of an edge the outside lies.
  let turn = 0;
  for (let i = 0; i < n; i += 2) {
    turn += corners[i]! * corners[(i + 3) % n]! - corners[(i + 2) % n]! * corners[i + 1]!;
  }
  const moved: number[] = [];
  for (let i = 0; i < n; i += 2) {
    const [ax, ay, bx, by] = [corners[i]!, corners[i + 1]!, corners[(i + 2) % n]!, corners[(i + 3) % n]!];
    const length = Math.hypot(bx - ax, by - ay) * Math.sign(turn);
    if (length === 0) continue;
    const [x, y] = [((by - ay) / length) * distance, ((ax - bx) / length) * distance];
    moved.push(ax + x, ay + y, bx + x, by + y);
  }
  return moved;
}
