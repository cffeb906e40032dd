import { areaOfRuns, boxOfRuns, type Rle } from '../../vision/rle.ts';
import { RunWriter } from '../../vision/rle-runs.ts';
import type { Masks } from './types.ts';

/** Collects masks in one pool. */
export class MaskPool {
  readonly #runs = new RunWriter(4096);
  readonly #offsets: number[] = [0];
  readonly #widths: number[] = [];
  readonly #heights: number[] = [];

  add(rle: Rle): void {
    this.#runs.append(rle.counts);
    this.#offsets.push(this.#runs.length);
    this.#widths.push(rle.width);
    this.#heights.push(rle.height);
  }

  finish(): Masks {
    const n = this.#widths.length;
    const runs = this.#runs.finish();
    const offsets = Uint32Array.from(this.#offsets);
    const heights = Int32Array.from(this.#heights);
    const boxes = new Float64Array(4 * n);
    const areas = new Float64Array(n);
    for (let i = 0; i < n; i++) {
      boxOfRuns(runs, offsets[i]!, offsets[i + 1]!, heights[i]!, boxes, 4 * i);
      areas[i] = areaOfRuns(runs, offsets[i]!, offsets[i + 1]!);
    }
    return { runs, offsets, widths: Int32Array.from(this.#widths), heights, boxes, areas };
  }
}
