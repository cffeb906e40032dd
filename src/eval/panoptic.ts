/** A class of a panoptic segmentation. */
export interface PanopticCategory {
  readonly id: number;
  /** Countable objects; otherwise stuff such as sky. */
  readonly isThing: boolean;
}

/** A segment of one image: the pixels of its id in the image's map. */
export interface PanopticSegment {
  readonly id: number;
  readonly categoryId: number;
  /** True segments only: pixels, as COCO's JSON has them. Default: counted in the map. */
  readonly area?: number;
  /** True segments only: predictions inside do not count as wrong. */
  readonly crowd?: boolean;
}

/** A segment id per pixel, 0 for void, with what each id stands for. */
export interface PanopticImage {
  readonly ids: Uint32Array;
  readonly segments: readonly PanopticSegment[];
}

/** Panoptic quality = segmentation quality · recognition quality. */
export interface PanopticQuality {
  readonly pq: number;
  /** Mean IoU of matched segments. */
  readonly sq: number;
  /** F1 of the segments. */
  readonly rq: number;
}

export interface PanopticClass extends PanopticQuality {
  readonly categoryId: number;
  readonly truePositives: number;
  readonly falsePositives: number;
  readonly falseNegatives: number;
}

/** Means over the `n` categories that occur; 0 where none does. */
export interface PanopticMean extends PanopticQuality {
  readonly n: number;
}

export interface PanopticResult {
  readonly all: PanopticMean;
  readonly things: PanopticMean;
  readonly stuff: PanopticMean;
  readonly classes: readonly PanopticClass[];
}

const VOID = 0;
/** Ids are three bytes of colour in COCO's PNG files, so that two fit a number exactly. */
const MAX_ID = 2 ** 24;

/**
 * Panoptic quality (Kirillov et al., CVPR 2019) with the rules of cocodataset/panopticapi: segments of one class match
 * where their IoU exceeds 1/2; void pixels of the truth do not count against a prediction, nor does a prediction that
 * lies in void or a crowd of its class by more than half.
 */
export class PanopticEvaluator {
  readonly #counts: Map<number, { isThing: boolean; iou: number; tp: number; fp: number; fn: number }>;

  constructor(categories: readonly PanopticCategory[]) {
    this.#counts = new Map(categories.map(({ id, isThing }) => [id, { isThing, iou: 0, tp: 0, fp: 0, fn: 0 }]));
  }

  /** Adds an image. @throws RangeError for maps that differ in length, and ids and categories that nothing explains. */
  update(truth: PanopticImage, predicted: PanopticImage): void {
    if (truth.ids.length !== predicted.ids.length) {
      throw new RangeError(`the truth has ${truth.ids.length} pixels, the prediction ${predicted.ids.length}`);
    }
    const shared = countPairs(truth.ids, predicted.ids);
    const [truthAreas, areas] = areasOf(shared);
    const truths = this.#index(truth, 'truth');
    const found = this.#index(predicted, 'prediction');
    for (const id of areas.keys()) {
      if (id !== VOID && !found.has(id)) throw new RangeError(`segment ${id} of the prediction has no category`);
    }
    for (const id of found.keys()) {
      if (!areas.has(id)) throw new RangeError(`segment ${id} of the prediction has no pixels`);
    }

    const matchedTruths = new Set<number>();
    const matched = new Set<number>();
    for (const [pair, pixels] of shared) {
      const truthId = Math.floor(pair / MAX_ID);
      const id = pair % MAX_ID;
      const segment = truths.get(truthId);
      const guess = found.get(id);
      if (!segment || !guess || segment.crowd || segment.categoryId !== guess.categoryId) continue;
      const area = segment.area ?? truthAreas.get(truthId)!;
      const union = areas.get(id)! + area - pixels - (shared.get(VOID * MAX_ID + id) ?? 0);
      const iou = pixels / union;
      if (!(iou > 0.5)) continue;
      const counts = this.#counts.get(segment.categoryId)!;
      counts.tp++;
      counts.iou += iou;
      matchedTruths.add(truthId);
      matched.add(id);
    }

    const crowds = new Map<number, number>();
    for (const { id, categoryId, crowd } of truths.values()) {
      if (matchedTruths.has(id)) continue;
      if (crowd) crowds.set(categoryId, id);
      else this.#counts.get(categoryId)!.fn++;
    }
    for (const { id, categoryId } of found.values()) {
      if (matched.has(id)) continue;
      const inVoid = shared.get(VOID * MAX_ID + id) ?? 0;
      const crowd = crowds.get(categoryId);
      const inCrowd = crowd === undefined ? 0 : (shared.get(crowd * MAX_ID + id) ?? 0);
      if ((inVoid + inCrowd) / areas.get(id)! <= 0.5) this.#counts.get(categoryId)!.fp++;
    }
  }

  compute(): PanopticResult {
    const classes = [...this.#counts].map(([categoryId, { iou, tp, fp, fn }]): PanopticClass => {
      const sq = tp === 0 ? 0 : iou / tp;
      const half = tp + 0.5 * fp + 0.5 * fn;
      const rq = half === 0 ? 0 : tp / half;
      const pq = half === 0 ? 0 : iou / half;
      return { categoryId, pq, sq, rq, truePositives: tp, falsePositives: fp, falseNegatives: fn };
    });
    const isThing = ({ categoryId }: PanopticClass) => this.#counts.get(categoryId)!.isThing;
    return {
      all: meanOf(classes),
      things: meanOf(classes.filter(isThing)),
      stuff: meanOf(classes.filter((entry) => !isThing(entry))),
      classes,
    };
  }

  reset(): void {
    for (const counts of this.#counts.values()) Object.assign(counts, { iou: 0, tp: 0, fp: 0, fn: 0 });
  }

  #index({ segments }: PanopticImage, what: string): Map<number, PanopticSegment> {
    for (const { id, categoryId } of segments) {
      if (!this.#counts.has(categoryId)) {
        throw new RangeError(`segment ${id} of the ${what} has the unknown category ${categoryId}`);
      }
      if (!(Number.isInteger(id) && id > VOID && id < MAX_ID)) throw new RangeError(`segment id ${id} of the ${what}`);
    }
    return new Map(segments.map((segment) => [segment.id, segment]));
  }
}

function meanOf(classes: readonly PanopticClass[]): PanopticMean {
  const present = classes.filter((entry) => entry.truePositives + entry.falsePositives + entry.falseNegatives > 0);
  const n = present.length;
  const mean = (key: keyof PanopticQuality) => (n ? present.reduce((sum, entry) => sum + entry[key], 0) / n : 0);
  return { pq: mean('pq'), sq: mean('sq'), rq: mean('rq'), n };
}

/** How many pixels have each pair of ids, in ascending order of truth, then prediction. */
function countPairs(truth: Uint32Array, predicted: Uint32Array): Map<number, number> {
  const counts = new Map<number, number>();
  const flush = (pair: number, run: number) => counts.set(pair, (counts.get(pair) ?? 0) + run);
  let last = -1;
  let run = 0;
  for (let i = 0; i < truth.length; i++) {
    if (truth[i]! >= MAX_ID || predicted[i]! >= MAX_ID)
      throw new RangeError(`an id at pixel ${i} exceeds ${MAX_ID - 1}`);
    const pair = truth[i]! * MAX_ID + predicted[i]!;
    if (pair !== last) {
      if (run) flush(last, run);
      last = pair;
      run = 0;
    }
    run++;
  }
  if (run) flush(last, run);
  return new Map([...counts].sort(([a], [b]) => a - b));
}

/** Pixels of each id of the truth and of the prediction. */
function areasOf(shared: ReadonlyMap<number, number>): [Map<number, number>, Map<number, number>] {
  const truths = new Map<number, number>();
  const found = new Map<number, number>();
  for (const [pair, pixels] of shared) {
    const [truth, id] = [Math.floor(pair / MAX_ID), pair % MAX_ID];
    truths.set(truth, (truths.get(truth) ?? 0) + pixels);
    found.set(id, (found.get(id) ?? 0) + pixels);
  }
  return [truths, found];
}
