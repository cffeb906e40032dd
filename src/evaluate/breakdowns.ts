import { compareConventions } from '../eval/analysis/conventions.ts';
import { type ImageScore, scoreImages } from '../eval/analysis/images.ts';
import type { AnalysisOptions } from '../eval/analysis/ranked.ts';
import { scoreBySize } from '../eval/analysis/sizes.ts';
import type { AreaRange, CocoData } from '../eval/coco/types.ts';
import { checkSize } from './check-size.ts';

/** What images are called, by their ids. */
export type ImageNames = ReadonlyMap<number, string>;

export interface SizeAnswer {
  readonly label: string;
  /** Square pixels. */
  readonly min: number;
  /** Null: no bound. */
  readonly max: number | null;
  readonly AP: number;
  readonly AR: number;
  readonly ground_truth: number;
}

export interface ImageName {
  readonly image_id: number;
  readonly file_name?: string;
}

export interface ImageScoreAnswer {
  /** Localisation Recall Precision error, 0 (perfect) to 1. */
  readonly lrp: number;
  readonly f1: number;
  readonly true_positives: number;
  readonly false_positives: number;
  readonly missed: number;
}

export interface WorstAnswer {
  readonly iou_threshold: number;
  readonly score_threshold: number;
  /** Worst first. */
  readonly images: readonly (ImageName & ImageScoreAnswer)[];
}

export interface ConventionsAnswer {
  readonly iou_threshold: number;
  readonly definitions: readonly {
    readonly name: string;
    readonly AP: number;
    /** What leads from COCO's number to this one, step by step. */
    readonly causes: readonly {
      readonly rule: string;
      readonly explanation: string;
      /** With this rule and those before it exchanged. */
      readonly AP: number;
      readonly change: number;
    }[];
  }[];
}

/** What a COCO ground truth calls its images; those without a name are left out. */
export function imageNames(groundTruth: unknown): ImageNames {
  const images = (groundTruth as { images?: unknown } | null)?.images;
  const entries: readonly unknown[] = Array.isArray(images) ? images : [];
  return new Map(
    entries.flatMap((entry): [number, string][] => {
      const { id, file_name: name } = (entry ?? {}) as Record<string, unknown>;
      return typeof id === 'number' && typeof name === 'string' ? [[id, name]] : [];
    }),
  );
}

/** @param sides edges between the bins, as sides of a square in pixels. */
export function sizes(data: CocoData, sides: readonly number[], options: AnalysisOptions): SizeAnswer[] {
  const { maxDetections = options.iouType === 'keypoints' ? 20 : 100, ...rest } = options;
  const cocoOptions = { ...rest, maxDetections: [maxDetections] };
  const bins = Array.from({ length: sides.length + 1 }, (): AreaRange => ({ label: '', min: 0, max: 0 }));
  checkSize(data, { ...cocoOptions, areaRanges: bins });
  const edges = sides.map((side) => side ** 2);
  return scoreBySize(data, edges, cocoOptions).map(({ label, min, max, ap, ar, truths }) => ({
    label,
    min,
    max: max === Infinity ? null : max,
    AP: ap,
    AR: ar,
    ground_truth: truths,
  }));
}

export function worst(data: CocoData, most: number, options: AnalysisOptions, names: ImageNames): WorstAnswer {
  const { iouThreshold, scoreThreshold, images } = scoreImages(data, options);
  return {
    iou_threshold: iouThreshold,
    score_threshold: scoreThreshold,
    images: images.slice(0, most).map((image) => ({ ...naming(image.imageId, names), ...scoresOf(image) })),
  };
}

export function scoresOf(image: ImageScore): ImageScoreAnswer {
  return {
    lrp: image.lrp,
    f1: image.f1,
    true_positives: image.truePositives,
    false_positives: image.falsePositives,
    missed: image.missed,
  };
}

export function naming(id: number, names: ImageNames): ImageName {
  const name = names.get(id);
  return { image_id: id, ...(name !== undefined && { file_name: name }) };
}

export function conventions(
  data: CocoData,
  selection: Pick<AnalysisOptions, 'imageIds' | 'categoryIds'>,
): ConventionsAnswer {
  const iouThreshold = 0.5;
  return {
    iou_threshold: iouThreshold,
    definitions: compareConventions(data, { ...selection, iouThreshold }).map(({ name, ap, causes }) => ({
      name,
      AP: ap,
      causes: causes.map(({ rule, explanation, ap, change }) => ({ rule, explanation, AP: ap, change })),
    })),
  };
}
