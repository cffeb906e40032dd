import { z } from 'zod';
import { AppError } from '../errors.ts';
import { SemanticEvaluator } from '../eval/semantic.ts';
import type { SourceFile } from '../formats/dataset.ts';
import { listSome } from '../formats/names.ts';
import { readPngSamples } from '../image/png.ts';
import { bool, names, numeric } from './fields.ts';
import { byName, type MapLimits, prefixing, unpackMaps } from './maps.ts';

/** The confusion matrix has so many rows at most. */
const MAX_CLASSES = 4096;

/** Options of POST /v1/evaluate/segmentation, as they arrive. */
export const segmentationOptionsSchema = z
  .strictObject({
    ignore_index: numeric(z.int().min(0).max(65_535)).describe('Label of pixels that do not count; default 255'),
    labels: names(MAX_CLASSES).describe('Names of the labels 0, 1, …; absent: as many as occur'),
    confusion: bool.describe('Add the confusion matrix in pixels'),
  })
  .partial();

export type SegmentationOptions = z.output<typeof segmentationOptionsSchema>;

/** Numbers that are not defined are −1. */
export interface SegmentationAnswer {
  /** Over classes in truth or prediction; a class that is only predicted counts as 0. */
  readonly mean_iou: number;
  /** Over the classes in the truth. */
  readonly mean_iou_present: number;
  /** Over all classes, absent ones as 0. */
  readonly mean_iou_all: number;
  readonly frequency_weighted_iou: number;
  readonly pixel_accuracy: number;
  readonly mean_accuracy: number;
  readonly mean_dice: number;
  readonly per_class: readonly {
    readonly class_id: number;
    readonly label: string;
    readonly iou: number;
    readonly dice: number;
    readonly accuracy: number;
    /** True pixels. */
    readonly pixels: number;
  }[];
  readonly images: number;
  /** A row for each true class, a column for each predicted one, the last for what is no class. */
  readonly confusion?: readonly (readonly number[])[];
}

/**
 * Scores label maps that are paired by their file names.
 * @throws AppError naming the files at fault.
 */
export async function evaluateSegmentation(
  groundTruth: readonly SourceFile[],
  predictions: readonly SourceFile[],
  options: SegmentationOptions,
  limits: MapLimits,
): Promise<SegmentationAnswer> {
  const { ignore_index: ignoreIndex = 255, labels } = options;
  const pairs = pair(
    await unpackMaps(groundTruth, limits, 'ground_truth'),
    await unpackMaps(predictions, limits, 'predictions'),
  );
  const read = (file: SourceFile) => readLabels(file, limits.maxPixels);
  const n = labels?.length ?? countClasses(pairs.flat(), read, ignoreIndex);
  const evaluator = new SemanticEvaluator(n, ignoreIndex);
  for (const [truth, guess] of pairs) {
    const [a, b] = [read(truth), read(guess)];
    if (a.width !== b.width || a.height !== b.height) {
      const sizes = `the truth has ${a.width}×${a.height} pixels, the prediction ${b.width}×${b.height}`;
      throw new AppError('invalid_request', `${truth.name}: ${sizes}`);
    }
    prefixing(truth.name, () => evaluator.update(a.data, b.data));
  }
  const result = evaluator.compute();
  const defined = (value: number) => (Number.isNaN(value) ? -1 : value);
  return {
    mean_iou: defined(result.meanIou),
    mean_iou_present: defined(result.meanIouOfPresent),
    mean_iou_all: defined(result.meanIouOfAll),
    frequency_weighted_iou: defined(result.frequencyWeightedIou),
    pixel_accuracy: defined(result.pixelAccuracy),
    mean_accuracy: defined(result.meanAccuracy),
    mean_dice: defined(result.meanDice),
    per_class: result.classes.map(({ iou, dice, accuracy, pixels }, id) => ({
      class_id: id,
      label: labels?.[id] ?? String(id),
      iou: defined(iou),
      dice: defined(dice),
      accuracy: defined(accuracy),
      pixels,
    })),
    images: pairs.length,
    ...(options.confusion && {
      confusion: result.classes.map((_, i) => Array.from(result.confusion.subarray(i * (n + 1), (i + 1) * (n + 1)))),
    }),
  };
}

function pair(truths: readonly SourceFile[], guesses: readonly SourceFile[]): [SourceFile, SourceFile][] {
  const truthByName = byName(truths, 'ground_truth');
  const guessByName = byName(guesses, 'predictions');
  const missing = [...truthByName.keys()].filter((name) => !guessByName.has(name));
  const surplus = [...guessByName.keys()].filter((name) => !truthByName.has(name));
  if (missing.length) throw new AppError('invalid_request', `there are no predictions for ${listSome(missing)}`);
  if (surplus.length) throw new AppError('invalid_request', `there is no ground truth for ${listSome(surplus)}`);
  return [...truthByName].map(([name, truth]) => [truth, guessByName.get(name)!]);
}

function readLabels(file: SourceFile, maxPixels: number) {
  const { width, height, channels, data } = readPngSamples(file.bytes, file.name, maxPixels);
  if (channels === 1) return { width, height, data };
  const why = `${channels} numbers per pixel where a label map has one: save it as an indexed or grey PNG`;
  throw new AppError('unreadable_image', `${file.name}: ${why}`);
}

/** One more than the largest label. */
function countClasses(
  files: readonly SourceFile[],
  read: (file: SourceFile) => { data: Uint8Array | Uint16Array },
  ignoreIndex: number,
): number {
  let largest = 0;
  for (const file of files) {
    const { data } = read(file);
    for (let i = 0; i < data.length; i++) if (data[i]! > largest && data[i] !== ignoreIndex) largest = data[i]!;
    if (largest >= MAX_CLASSES) {
      const why = `a label is ${largest}, and at most ${MAX_CLASSES} classes are scored; ‘ignore_index’ or ‘labels’ may be missing`;
      throw new AppError('invalid_request', `${file.name}: ${why}`);
    }
  }
  return largest + 1;
}
