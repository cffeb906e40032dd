import { AppError } from '../errors.ts';
import type { SourceFile } from '../formats/dataset.ts';
import { parseJson } from '../formats/json.ts';
import { evaluateDetection } from './detection.ts';
import { type DetectionOptions, parseDetectionOptions } from './detection-options.ts';
import type { MapLimits } from './maps.ts';
import { evaluatePanoptic } from './panoptic.ts';
import { evaluateSegmentation, type SegmentationOptions } from './segmentation.ts';

/** What the main thread asks of a scoring thread. */
export type ScoringTask =
  | {
      readonly kind: 'detection';
      readonly groundTruth: SourceFile;
      readonly predictions: SourceFile;
      /** Other predictions to compare them with. */
      readonly baseline?: SourceFile;
      readonly options: DetectionOptions;
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
  return new TextEncoder().encode(JSON.stringify(await score(task)));
}

async function score(task: ScoringTask): Promise<unknown> {
  switch (task.kind) {
    case 'detection': {
      const baseline = task.baseline && parseJson(task.baseline);
      return evaluateDetection(parseJson(task.groundTruth), parseJson(task.predictions), task.options, baseline);
    }
    case 'detection-json': {
      const { ground_truth, predictions, baseline, ...fields } = asObject(parseJson(task.body));
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

function asObject(value: unknown): Record<string, unknown> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  throw new AppError('invalid_request', 'the body is not a JSON object');
}
