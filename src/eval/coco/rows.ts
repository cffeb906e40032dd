import { Column } from './columns.ts';
import { MaskPool } from './masks.ts';
import type { IouType, Rows } from './types.ts';

/** Rows under construction. */
export class RowColumns {
  readonly #iouType: IouType;
  readonly #images = new Column();
  readonly #categories = new Column();
  readonly #boxes = new Column();
  readonly #areas = new Column();
  readonly masks = new MaskPool();
  readonly keypoints = new Column();

  constructor(iouType: IouType) {
    this.#iouType = iouType;
  }

  get count(): number {
    return this.#images.length;
  }

  /** Adds an object; its mask or keypoints are added on their own. */
  push(image: number, category: number, box: ArrayLike<number>, area: number): void {
    this.#images.push(image);
    this.#categories.push(category);
    for (let i = 0; i < 4; i++) this.#boxes.push(box[i]!);
    this.#areas.push(area);
  }

  finish(): Rows {
    return {
      count: this.count,
      images: Int32Array.from(this.#images.values),
      categories: Int32Array.from(this.#categories.values),
      boxes: this.#boxes.values,
      areas: this.#areas.values,
      ...(comparesMasks(this.#iouType) && { masks: this.masks.finish() }),
      ...(this.#iouType === 'keypoints' && { keypoints: this.keypoints.values }),
    };
  }
}

export function comparesMasks(iouType: IouType): boolean {
  return iouType === 'segm' || iouType === 'boundary';
}

/** Area and box of the points of a pose, for detections that have no box of their own. */
export function extentOf(keypoints: ArrayLike<number>): { area: number; box: readonly number[] } {
  let [left, top, right, bottom] = [Infinity, Infinity, -Infinity, -Infinity];
  for (let i = 0; i + 1 < keypoints.length; i += 3) {
    left = Math.min(left, keypoints[i]!);
    right = Math.max(right, keypoints[i]!);
    top = Math.min(top, keypoints[i + 1]!);
    bottom = Math.max(bottom, keypoints[i + 1]!);
  }
  const [width, height] = [right - left, bottom - top];
  return { area: width * height, box: [left, top, width, height] };
}
