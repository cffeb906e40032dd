import { CITYSCAPES_LABELS, IDS_PER_LABEL } from './cityscapes-labels.ts';
import type { LabelMap } from './semantic.ts';

/** IoU of a label or category; NaN where it occurs nowhere or does not count. */
export interface CityscapesScore {
  readonly name: string;
  readonly iou: number;
  /** IoU with every object weighed alike, whatever its size; NaN for labels that tell no objects apart. */
  readonly instanceIou: number;
}

export interface CityscapesResult {
  readonly classes: readonly CityscapesScore[];
  readonly categories: readonly CityscapesScore[];
  /** Means over what is not NaN. */
  readonly meanIou: number;
  readonly meanInstanceIou: number;
  readonly meanCategoryIou: number;
  readonly meanCategoryInstanceIou: number;
}

interface Weighted {
  hit: number;
  missed: number;
}

const N = CITYSCAPES_LABELS.length;
const ALL_IDS = Array.from({ length: N }, (_, id) => id);
const COUNTED_IDS = ALL_IDS.filter((id) => !CITYSCAPES_LABELS[id]!.ignored);
const CATEGORIES = [...new Set(CITYSCAPES_LABELS.map(({ category }) => category))];
const INSTANCE_CATEGORIES = new Set(
  CATEGORIES.filter((name) => CITYSCAPES_LABELS.every((label) => label.category !== name || label.hasInstances)),
);

/**
 * Pixel-level scores of Cityscapes label maps, with the rules of cityscapesScripts: predictions of ignored labels count
 * as missed pixels, true pixels of ignored labels do not count.
 */
export class CityscapesEvaluator {
  readonly #confusion = new Float64Array(N * N);
  readonly #classes = new Map<string, Weighted>();
  readonly #categories = new Map<string, Weighted>();

  constructor() {
    this.reset();
  }

  /**
   * Adds an image.
   * @param truth label ids.
   * @param predicted label ids.
   * @param instances the truth's instance ids.
   * @throws RangeError for maps of different lengths and unknown label ids.
   */
  update(truth: LabelMap, predicted: LabelMap, instances: LabelMap): void {
    if (predicted.length !== truth.length || instances.length !== truth.length) {
      const lengths = `${truth.length}, ${predicted.length} and ${instances.length}`;
      throw new RangeError(`truth, prediction and instances have ${lengths} pixels`);
    }
    /** By instance id: pixels, those of its label, those of its category. */
    const sizes = new Map<number, [number, number, number]>();
    for (let i = 0; i < truth.length; i++) {
      const label = truth[i]!;
      const guess = predicted[i]!;
      if (!(label < N && guess < N && label >= 0 && guess >= 0)) {
        throw new RangeError(`pixel ${i} has an unknown label id: ${label} (truth) or ${guess} (prediction)`);
      }
      this.#confusion[label * N + guess]!++;
      const instance = instances[i]!;
      if (instance <= IDS_PER_LABEL) continue;
      let size = sizes.get(instance);
      if (!size) {
        size = [0, 0, 0];
        sizes.set(instance, size);
      }
      const own = Math.floor(instance / IDS_PER_LABEL);
      size[0]++;
      if (guess === own) size[1]++;
      if (CITYSCAPES_LABELS[guess]!.category === CITYSCAPES_LABELS[own]?.category) size[2]++;
    }
    for (const [instance, [pixels, ofLabel, ofCategory]] of sizes) {
      const label = CITYSCAPES_LABELS[Math.floor(instance / IDS_PER_LABEL)];
      if (!label?.averageSize || label.ignored) continue;
      const weight = label.averageSize / pixels;
      add(this.#classes.get(label.name)!, ofLabel * weight, (pixels - ofLabel) * weight);
      add(this.#categories.get(label.category)!, ofCategory * weight, (pixels - ofCategory) * weight);
    }
  }

  compute(): CityscapesResult {
    const classes = CITYSCAPES_LABELS.map(({ name, ignored }, id): CityscapesScore => {
      if (ignored) return { name, iou: Number.NaN, instanceIou: Number.NaN };
      return this.#score(name, [id], this.#classes.get(name));
    });
    const categories = CATEGORIES.map((name) => {
      const ids = COUNTED_IDS.filter((id) => CITYSCAPES_LABELS[id]!.category === name);
      return this.#score(name, ids, this.#categories.get(name));
    });
    return {
      classes,
      categories,
      meanIou: meanOfDefined(classes.map(({ iou }) => iou)),
      meanInstanceIou: meanOfDefined(classes.map(({ instanceIou }) => instanceIou)),
      meanCategoryIou: meanOfDefined(categories.map(({ iou }) => iou)),
      meanCategoryInstanceIou: meanOfDefined(categories.map(({ instanceIou }) => instanceIou)),
    };
  }

  reset(): void {
    this.#confusion.fill(0);
    for (const { name, hasInstances } of CITYSCAPES_LABELS) {
      if (hasInstances) this.#classes.set(name, { hit: 0, missed: 0 });
    }
    for (const name of INSTANCE_CATEGORIES) this.#categories.set(name, { hit: 0, missed: 0 });
  }

  #score(name: string, ids: readonly number[], weighted: Weighted | undefined): CityscapesScore {
    const hit = this.#sum(ids, ids);
    const missed = this.#sum(ids, ALL_IDS) - hit;
    const wrong = this.#sum(
      COUNTED_IDS.filter((id) => !ids.includes(id)),
      ids,
    );
    const instanceIou = weighted ? weighted.hit / (weighted.hit + weighted.missed + wrong) : Number.NaN;
    return { name, iou: hit / (hit + missed + wrong), instanceIou };
  }

  #sum(truths: readonly number[], guesses: readonly number[]): number {
    let sum = 0;
    for (const label of truths) for (const guess of guesses) sum += this.#confusion[label * N + guess]!;
    return sum;
  }
}

function add(weighted: Weighted, hit: number, missed: number): void {
  weighted.hit += hit;
  weighted.missed += missed;
}

/** The mean of what is not NaN; NaN for nothing. */
export function meanOfDefined(values: readonly number[]): number {
  const defined = values.filter((value) => !Number.isNaN(value));
  return defined.reduce((a, b) => a + b, 0) / defined.length;
}
