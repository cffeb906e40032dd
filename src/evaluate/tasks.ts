import { AppError } from '../errors.ts';
import type { SourceFile } from '../formats/dataset.ts';
import { openFiles } from '../formats/inputs.ts';
import { parseJsonLists } from '../formats/json.ts';
import { readSizes } from '../formats/sizes.ts';
import { type DetectionAnswer, evaluateDetection } from './detection.ts';
import { readPredictions, readTruth } from './detection-files.ts';
import { type DetectionOptions, parseDetectionOptions } from './detection-options.ts';
import type { MapLimits } from './maps.ts';
import { withinMemory } from './memory.ts';
import { evaluatePanoptic } from './panoptic.ts';
import { evaluateSegmentation, type SegmentationOptions } from './segmentation.ts';

/** What the main thread asks of a scoring thread. */
export type ScoringTask =
  | {
      readonly kind: 'detection';
      /** Of any format, or archives. */
      readonly groundTruth: readonly SourceFile[];
      readonly predictions: readonly SourceFile[];
      /** Other predictions to compare them with. */
      readonly baseline?: readonly SourceFile[];
      /** Lists of sizes of images, where the other files do not tell. */
      readonly imageSizes?: readonly SourceFile[];
      readonly options: DetectionOptions;
      readonly limits: MapLimits;
    }
  | {
      readonly kind: 'detection-json';
      /** An object with `ground_truth`, `predictions` and the options. */
      readonly body: SourceFile;
      /** Options from the query; the body wins. */
      readonly fields: Readonly<Record<string, unknown>>;
    }
  | ({ readonly kind: 'segmentation'; readonly options: SegmentationOptions } & MapFiles)
  | ({ readonly kind: 'panoptic' } & MapFiles);

interface MapFiles {
  readonly groundTruth: readonly SourceFile[];
  readonly predictions: readonly SourceFile[];
  readonly limits: MapLimits;
}

/** Answers a task with JSON. @throws AppError. */
export async function answerScoring(task: ScoringTask): Promise<Uint8Array> {
  return withinMemory(async () => new TextEncoder().encode(JSON.stringify(await score(task))));
}

async function score(task: ScoringTask): Promise<unknown> {
  switch (task.kind) {
    case 'detection':
      return evaluateFiles(task);
    case 'detection-json': {
      const isLong = (key: string) => key === 'predictions' || key === 'baseline';
      const { ground_truth, predictions, baseline, ...fields } = asObject(parseJsonLists(task.body, isLong));
      const options = parseDetectionOptions({ ...task.fields, ...fields });
      for (const [name, value] of Object.entries({ ground_truth, predictions })) {
        if (value === undefined) throw new AppError('invalid_request', `the body has no ‘${name}’`);
      }
      return evaluateDetection(ground_truth, predictions, options, baseline);
    }
    case 'segmentation':
      return evaluateSegmentation(task.groundTruth, task.predictions, task.options, task.limits);
    case 'panoptic':
      return evaluatePanoptic(task.groundTruth, task.predictions, task.limits);
  }
}

async function evaluateFiles(task: Extract<ScoringTask, { kind: 'detection' }>): Promise<DetectionAnswer> {
  const { groundTruth, predictions, baseline = [], imageSizes = [], options, limits } = task;
  const sizes = new Map(imageSizes.flatMap((file) => [...readSizes(file)]));
  const context = { options, sizes };
  const truth = await readTruth(await openFiles(groundTruth, limits), context);
  const found = await readPredictions(await openFiles(predictions, limits), truth, context);
  const other =
    baseline.length > 0
      ? await readPredictions(await openFiles(baseline, limits), truth, context, 'the baseline')
      : undefined;
  const answer = evaluateDetection(truth.json, found.json, options, other?.json);
  return {
    ...answer,
    warnings: [...truth.warnings, ...found.warnings, ...(other?.warnings ?? []), ...answer.warnings],
  };
}

function asObject(value: unknown): Record<string, unknown> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  throw new AppError('invalid_request', 'the body is not a JSON object');
}
