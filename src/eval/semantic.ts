/** One class of a semantic segmentation; NaN where the class does not allow a value. */
export interface SemanticClass {
  /** TP / (TP + FP + FN); NaN for a class in neither truth nor prediction. */
  readonly iou: number;
  /** 2 TP / (2 TP + FP + FN), the F1 of its pixels; NaN as `iou`. */
  readonly dice: number;
  /** Part of its true pixels that were found; NaN for a class without any. */
  readonly accuracy: number;
  /** True pixels. */
  readonly pixels: number;
}

export interface SemanticResult {
  /** Mean IoU over classes in truth or prediction; a class only predicted counts as 0 (mmsegmentation, Cityscapes). */
  readonly meanIou: number;
  /** Mean IoU over the classes in the truth (detectron2). */
  readonly meanIouOfPresent: number;
  /** Mean IoU over all classes, absent ones as 0 (scikit-learn with zero_division=0). */
  readonly meanIouOfAll: number;
  /** IoU weighted by true pixels. */
  readonly frequencyWeightedIou: number;
  /** Part of all pixels that are right. */
  readonly pixelAccuracy: number;
  /** Mean accuracy over the classes in the truth. */
  readonly meanAccuracy: number;
  /** Mean Dice over classes in truth or prediction. */
  readonly meanDice: number;
  readonly classes: readonly SemanticClass[];
  /**
   * n·(n + 1) pixels, row-major: truth i predicted as j at i · (n + 1) + j. The last column counts predictions that are
   * no class.
   */
  readonly confusion: Float64Array;
}

/** Label maps: one class index per pixel. */
export type LabelMap = Uint8Array | Uint16Array | Int32Array;

/** Scores label maps by the pixels of all images together. */
export class SemanticEvaluator {
  readonly #classCount: number;
  readonly #ignoreIndex: number;
  readonly #confusion: Float64Array;

  /** @param ignoreIndex true pixels of this label, and of any other that is no class, do not count. */
  constructor(classCount: number, ignoreIndex = 255) {
    if (!(Number.isInteger(classCount) && classCount > 0)) throw new RangeError(`there are ${classCount} classes`);
    this.#classCount = classCount;
    this.#ignoreIndex = ignoreIndex;
    this.#confusion = new Float64Array(classCount * (classCount + 1));
  }

  /** Adds an image. @throws RangeError for maps of different lengths. */
  update(truth: LabelMap, predicted: LabelMap): void {
    if (truth.length !== predicted.length) {
      throw new RangeError(`the truth has ${truth.length} pixels, the prediction ${predicted.length}`);
    }
    const n = this.#classCount;
    for (let i = 0; i < truth.length; i++) {
      const label = truth[i]!;
      if (label === this.#ignoreIndex || label < 0 || label >= n) continue;
      const guess = predicted[i]!;
      this.#confusion[label * (n + 1) + (guess >= 0 && guess < n ? guess : n)]!++;
    }
  }

  compute(): SemanticResult {
    return summarizeConfusion(this.#confusion, this.#classCount);
  }

  reset(): void {
    this.#confusion.fill(0);
  }
}

function summarizeConfusion(confusion: Float64Array, n: number): SemanticResult {
  const truths = new Float64Array(n);
  const guesses = new Float64Array(n + 1);
  for (let i = 0; i < n; i++) {
    for (let j = 0; j <= n; j++) {
      truths[i]! += confusion[i * (n + 1) + j]!;
      guesses[j]! += confusion[i * (n + 1) + j]!;
    }
  }
  const total = truths.reduce((a, b) => a + b, 0);
  const hits = Float64Array.from(truths, (_, i) => confusion[i * (n + 2)]!);
  const classes = Array.from({ length: n }, (_, i): SemanticClass => {
    const [hit, either] = [hits[i]!, truths[i]! + guesses[i]!];
    return { iou: hit / (either - hit), dice: (2 * hit) / either, accuracy: hit / truths[i]!, pixels: truths[i]! };
  });
  const present = classes.filter(({ pixels }) => pixels > 0);
  return {
    meanIou: mean(classes.map(({ iou }) => iou).filter((iou) => !Number.isNaN(iou))),
    meanIouOfPresent: mean(present.map(({ iou }) => iou)),
    meanIouOfAll: mean(classes.map(({ iou }) => iou || 0)),
    frequencyWeightedIou: total
      ? present.reduce((sum, { iou, pixels }) => sum + (iou * pixels) / total, 0)
      : Number.NaN,
    pixelAccuracy: hits.reduce((a, b) => a + b, 0) / total,
    meanAccuracy: mean(present.map(({ accuracy }) => accuracy)),
    meanDice: mean(classes.map(({ dice }) => dice).filter((dice) => !Number.isNaN(dice))),
    classes,
    confusion: confusion.slice(),
  };
}

/** NaN for none. */
function mean(values: readonly number[]): number {
  return values.reduce((a, b) => a + b, 0) / values.length;
}
