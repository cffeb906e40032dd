import type { CocoData } from '../coco/types.ts';
import { type AnalysisOptions, rankMatches } from './ranked.ts';
import { meanOf, Reweighted } from './resample.ts';

export interface BootstrapOptions extends AnalysisOptions {
  /** What AP is averaged over. Default 0.5, 0.55, …, 0.95. */
  readonly iouThresholds?: readonly number[];
  /** Default 1000. */
  readonly resamples?: number;
  /** Part of the resamples that the interval holds. Default 0.95. */
  readonly confidence?: number;
  /** Results are the same for the same seed. Default 0. */
  readonly seed?: number;
}

/** A number with the interval between the percentiles of its resamples. */
export interface Interval {
  readonly value: number;
  readonly low: number;
  readonly high: number;
}

export interface ClassInterval extends Interval {
  readonly categoryId: number;
  readonly name: string;
}

export interface BootstrapResult {
  readonly ap: Interval;
  /** By category; −1 where a category has no truths. */
  readonly classes: readonly ClassInterval[];
  /** AP of every resample, in order of drawing. */
  readonly samples: Float64Array;
}

/**
 * How much AP depends on the choice of images: it is computed again for as many images drawn with replacement
 * (percentile bootstrap; Efron 1979). Images are matched once. Equal scores keep the order that they have in the data.
 * A class is left out of the resamples that have none of its objects, so that the interval need not be centred on AP.
 * @throws RangeError for options out of range and as `evaluateCoco`.
 */
export function bootstrapAp(data: CocoData, options: BootstrapOptions = {}): BootstrapResult {
  const { resamples, confidence, seed } = checked(options);
  const ranked = rankMatches(data, options, options.iouThresholds);
  const model = new Reweighted(data, ranked);
  const evaluated = evaluatedImages(data, ranked.params.imageIds);
  const once = model.perCategory(countImages(evaluated, data.imageIds.length));
  const samples = new Float64Array(resamples);
  const perClass = once.length ? Array.from(once, () => new Float64Array(resamples)) : [];
  drawImages(evaluated, data.imageIds.length, resamples, seed, (weights, s) => {
    const aps = model.perCategory(weights);
    samples[s] = meanOf(aps);
    for (let k = 0; k < aps.length; k++) perClass[k]![s] = aps[k]!;
  });
  const defined = (values: Float64Array) => values.filter((ap) => ap >= 0);
  return {
    ap: interval(meanOf(once), defined(samples), confidence),
    classes: Array.from(once, (ap, k) => ({
      categoryId: ranked.categoryIds[k]!,
      name: ranked.names[k]!,
      ...interval(ap, defined(perClass[k]!), confidence),
    })),
    samples,
  };
}

export function checked({ resamples = 1000, confidence = 0.95, seed = 0 }: BootstrapOptions) {
  if (!(Number.isSafeInteger(resamples) && resamples > 0)) throw new RangeError(`${resamples} resamples`);
  if (!(confidence > 0 && confidence < 1)) throw new RangeError(`confidence ${confidence} is not in (0, 1)`);
  if (!Number.isSafeInteger(seed)) throw new RangeError(`seed ${seed} is not an integer`);
  return { resamples, confidence, seed };
}

/** Places of the evaluated images in `CocoData.imageIds`. */
export function evaluatedImages(data: CocoData, imageIds: readonly number[]): Int32Array {
  const chosen = new Set(imageIds);
  return Int32Array.from(data.imageIds.keys()).filter((place) => chosen.has(data.imageIds[place]!));
}

export function countImages(places: Int32Array, imageCount: number): Int32Array {
  const weights = new Int32Array(imageCount);
  for (const place of places) weights[place]!++;
  return weights;
}

/** Draws as many images as there are, with replacement, again and again. */
export function drawImages(
  places: Int32Array,
  imageCount: number,
  resamples: number,
  seed: number,
  visit: (weights: Int32Array, sample: number) => void,
): void {
  const random = uniform(seed);
  const weights = new Int32Array(imageCount);
  for (let s = 0; s < resamples; s++) {
    weights.fill(0);
    for (let i = 0; i < places.length; i++) weights[places[Math.floor(random() * places.length)]!]!++;
    visit(weights, s);
  }
}

/** Percentiles interpolate linearly between neighbours; without samples the interval is the value. */
export function interval(value: number, samples: Float64Array, confidence: number): Interval {
  if (samples.length === 0) return { value, low: value, high: value };
  const sorted = samples.slice().sort();
  const at = (part: number) => {
    const position = part * (sorted.length - 1);
    const [below, above] = [sorted[Math.floor(position)]!, sorted[Math.ceil(position)]!];
    return below + (above - below) * (position - Math.floor(position));
  };
  return { value, low: at((1 - confidence) / 2), high: at((1 + confidence) / 2) };
}

/**
 * Uniform numbers in [0, 1): a Weyl sequence hashed by the finaliser of MurmurHash3, so that neighbouring seeds have
 * nothing in common.
 */
function uniform(seed: number): () => number {
  let state = hash(seed);
  return () => {
    state = (state + 0x9e3779b9) | 0;
    return hash(state) / 2 ** 32;
  };
}

function hash(value: number): number {
  let h = value | 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}
