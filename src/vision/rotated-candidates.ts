import { Candidates, type Selection } from './candidates.ts';
import { ROTATED, rotatedCorners, suppressRotated } from './rotated-boxes.ts';
import { halfExtents } from './rotated-rect.ts';
import type { Detections, Limits } from './types.ts';

/** `Candidates` for boxes at any angle. */
export class RotatedCandidates {
  readonly #limits: Limits;
  readonly #extents: Candidates;
  /** Five numbers of each proposal. */
  readonly #rotated: number[] = [];

  constructor(limits: Limits) {
    this.#limits = limits;
    this.#extents = new Candidates(limits);
  }

  wants(score: number): boolean {
    return this.#extents.wants(score);
  }

  /** @param angle radians, from x towards y. */
  add(x: number, y: number, width: number, height: number, angle: number, score: number, classId: number): void {
    if (!(width > 0 && height > 0)) return;
    const half = halfExtents({ centerX: x, centerY: y, width, height, angle });
    const source = this.#rotated.length / ROTATED;
    this.#rotated.push(x, y, width, height, angle);
    this.#extents.add(x - half.x, y - half.y, x + half.x, y + half.y, score, classId, source);
  }

  /** The best as they are, for graphs that suppress duplicates themselves. */
  top(): Detections {
    return this.#withCorners(this.#extents.top());
  }

  /** The best that no better one of their class covers, by `suppressRotated`. */
  suppress(): Detections {
    const sorted = this.#extents.sorted();
    const kept = suppressRotated(this.#boxesOf(sorted), sorted.classIds, this.#limits);
    return this.#withCorners({
      boxes: Float32Array.from(kept.flatMap((i) => [...sorted.boxes.subarray(4 * i, 4 * i + 4)])),
      scores: Float32Array.from(kept, (i) => sorted.scores[i]!),
      classIds: Int32Array.from(kept, (i) => sorted.classIds[i]!),
      sources: Int32Array.from(kept, (i) => sorted.sources[i]!),
    });
  }

  #boxesOf({ sources }: Selection): Float32Array {
    const boxes = new Float32Array(ROTATED * sources.length);
    sources.forEach((source, i) => {
      for (let k = 0; k < ROTATED; k++) boxes[ROTATED * i + k] = this.#rotated[ROTATED * source + k]!;
    });
    return boxes;
  }

  #withCorners(selection: Selection): Detections {
    const rotated = this.#boxesOf(selection);
    const corners = new Float32Array(8 * selection.scores.length);
    for (let i = 0; i < selection.scores.length; i++) rotatedCorners(rotated, i, corners, 8 * i);
    const { boxes, scores, classIds } = selection;
    return { boxes, scores, classIds, corners };
  }
}
