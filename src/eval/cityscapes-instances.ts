import { meanOfDefined } from './cityscapes.ts';
import { CITYSCAPES_LABELS, IDS_PER_LABEL } from './cityscapes-labels.ts';
import type { LabelMap } from './semantic.ts';

/** A predicted object: its pixels are those that are not 0. */
export interface CityscapesObject {
  readonly labelId: number;
  readonly score: number;
  readonly mask: Uint8Array;
}

export interface CityscapesInstanceResult {
  /** Mean over overlaps and labels; NaN where no label has objects. */
  readonly ap: number;
  /** At an overlap of 0.5. */
  readonly ap50: number;
  /** By label that tells objects apart and counts; NaN for one without objects. */
  readonly classes: readonly { readonly name: string; readonly ap: number; readonly ap50: number }[];
}

interface TrueObject {
  readonly pixels: number;
  /** Whether it may be matched; otherwise a group or too small. */
  readonly counts: boolean;
}

interface Guess {
  readonly score: number;
  readonly pixels: number;
  /** Its pixels in ignored regions: void, groups, small objects. */
  readonly excused: number;
  /** Pixels shared with each true object of its label that it touches. */
  readonly shared: ReadonlyMap<TrueObject, number>;
}

interface ImageObjects {
  readonly truths: readonly TrueObject[];
  readonly guesses: readonly Guess[];
}

/** Objects of fewer pixels are not asked for. */
const MIN_PIXELS = 100;

/** numpy's arange(0.5, 1, 0.05): its step is 0.55 − 0.5, rounded. */
const OVERLAPS = Array.from({ length: 10 }, (_, i) => 0.5 + i * (0.55 - 0.5));

const LABEL_IDS = [...CITYSCAPES_LABELS.keys()].filter((id) => {
  const { hasInstances, ignored } = CITYSCAPES_LABELS[id]!;
  return hasInstances && !ignored;
});

/** Average precision of Cityscapes' instance segmentation, with the rules of cityscapesScripts (no distances). */
export class CityscapesInstanceEvaluator {
  readonly #images = new Map<number, ImageObjects[]>();

  constructor() {
    this.reset();
  }

  /**
   * Adds an image.
   * @param instances the truth's instance ids.
   * @throws RangeError for masks of another length.
   */
  update(instances: LabelMap, predicted: readonly CityscapesObject[]): void {
    const sizes = new Map<number, number>();
    for (let i = 0; i < instances.length; i++) sizes.set(instances[i]!, (sizes.get(instances[i]!) ?? 0) + 1);
    const truths = new Map<number, TrueObject>();
    for (const [id, pixels] of sizes) truths.set(id, { pixels, counts: id >= IDS_PER_LABEL && pixels >= MIN_PIXELS });
    for (const labelId of LABEL_IDS) {
      this.#images.get(labelId)!.push({
        truths: [...truths].flatMap(([id, truth]) => (labelOf(id) === labelId && truth.counts ? [truth] : [])),
        guesses: predicted.flatMap((object, i) => {
          if (object.mask.length !== instances.length) {
            throw new RangeError(`mask ${i} has ${object.mask.length} pixels, the truth ${instances.length}`);
          }
          const guess = object.labelId === labelId ? examine(object, instances, truths) : undefined;
          return guess ? [guess] : [];
        }),
      });
    }
  }

  compute(): CityscapesInstanceResult {
    const table = LABEL_IDS.map((labelId) =>
      OVERLAPS.map((overlap) => averagePrecision(this.#images.get(labelId)!, overlap)),
    );
    return {
      ap: meanOfDefined(table.flat()),
      ap50: meanOfDefined(table.map(([first]) => first!)),
      classes: LABEL_IDS.map((labelId, i) => {
        const aps = table[i]!;
        const ap = aps.reduce((a, b) => a + b, 0) / aps.length;
        return { name: CITYSCAPES_LABELS[labelId]!.name, ap, ap50: aps[0]! };
      }),
    };
  }

  reset(): void {
    for (const labelId of LABEL_IDS) this.#images.set(labelId, []);
  }
}

function labelOf(instanceId: number): number {
  return instanceId < IDS_PER_LABEL ? instanceId : Math.floor(instanceId / IDS_PER_LABEL);
}

/** What a predicted object touches; undefined for an empty one. */
function examine(
  { labelId, score, mask }: CityscapesObject,
  instances: LabelMap,
  truths: ReadonlyMap<number, TrueObject>,
): Guess | undefined {
  const byId = new Map<number, number>();
  let pixels = 0;
  let excused = 0;
  for (let i = 0; i < mask.length; i++) {
    if (mask[i] === 0) continue;
    const id = instances[i]!;
    pixels++;
    if (CITYSCAPES_LABELS[id]?.ignored) excused++;
    if (labelOf(id) === labelId) byId.set(id, (byId.get(id) ?? 0) + 1);
  }
  const shared = new Map<TrueObject, number>();
  for (const [id, both] of byId) {
    const truth = truths.get(id)!;
    shared.set(truth, both);
    // A group that is also small counts for both reasons, as in cityscapesScripts.
    if (id < IDS_PER_LABEL) excused += both;
    if (truth.pixels < MIN_PIXELS) excused += both;
  }
  return pixels === 0 ? undefined : { score, pixels, excused, shared };
}

function averagePrecision(images: readonly ImageObjects[], overlap: number): number {
  const hits: number[] = [];
  const misses: number[] = [];
  let missed = 0;
  for (const { truths, guesses } of images) {
    const overlapping = (guess: Guess, truth: TrueObject) => {
      const both = guess.shared.get(truth) ?? 0;
      return both / (truth.pixels + guess.pixels - both) > overlap;
    };
    for (const truth of truths) {
      const scores = guesses.filter((guess) => overlapping(guess, truth)).map(({ score }) => score);
      if (scores.length === 0) missed++;
      else {
        const [best, ...others] = scores.sort((a, b) => b - a);
        hits.push(best!);
        misses.push(...others);
      }
    }
    for (const guess of guesses) {
      const isMatched = [...guess.shared.keys()].some((truth) => overlapping(guess, truth));
      if (!isMatched && guess.excused / guess.pixels <= overlap) misses.push(guess.score);
    }
  }
  if (!images.some(({ truths }) => truths.length > 0)) return Number.NaN;
  if (!images.some(({ guesses }) => guesses.length > 0)) return 0;
  return areaUnder(hits, misses, missed);
}

/** The area under precision over recall by trapezoids of recall around each distinct score. */
function areaUnder(hits: readonly number[], misses: readonly number[], missed: number): number {
  const right = hits.toSorted((a, b) => a - b);
  const wrong = misses.toSorted((a, b) => a - b);
  const precision: number[] = [];
  const recall: number[] = [];
  // From the lowest score up: what lies below it is no longer found.
  for (let i = 0, j = 0; i < right.length || j < wrong.length; ) {
    const score = Math.min(right[i] ?? Number.POSITIVE_INFINITY, wrong[j] ?? Number.POSITIVE_INFINITY);
    const found = right.length - i;
    precision.push(found / (found + wrong.length - j));
    recall.push(found === 0 ? 0 : found / (right.length + missed));
    while (right[i] === score) i++;
    while (wrong[j] === score) j++;
  }
  // The curve ends at recall 0 with the precision of the best score.
  precision.push(precision.at(-1) ?? 0);
  recall.push(0);
  return precision.reduce((area, value, i) => {
    const width = (recall[Math.max(0, i - 1)]! - (recall[i + 1] ?? 0)) / 2;
    return area + value * width;
  }, 0);
}
