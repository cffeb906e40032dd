import { evaluateCoco } from '../../../src/eval/coco/evaluate.ts';
import { loadCoco } from '../../../src/eval/coco/load.ts';
import type { CocoOptions, CocoResult } from '../../../src/eval/coco/types.ts';

export interface TruthEntry {
  id: number;
  image_id: number;
  category_id: number;
  bbox: number[];
  area: number;
  iscrowd: number;
}

export interface ResultEntry {
  image_id: number;
  category_id: number;
  bbox: number[];
  score: number;
}

/** A ground truth around annotations, with images and categories 1 to 3. */
export function groundTruth(annotations: unknown[]) {
  const ids = [1, 2, 3];
  return {
    images: ids.map((id) => ({ id, width: 100, height: 100 })),
    categories: ids.map((id) => ({ id, name: `class ${id}` })),
    annotations,
  };
}

export function truth(id: number, bbox: number[], more: Partial<TruthEntry> = {}): TruthEntry {
  return { id, image_id: 1, category_id: 1, bbox, area: bbox[2]! * bbox[3]!, iscrowd: 0, ...more };
}

export function result(score: number, bbox: number[], more: Partial<ResultEntry> = {}): ResultEntry {
  return { image_id: 1, category_id: 1, bbox, score, ...more };
}

export function score(truths: unknown[], results: unknown[], options: CocoOptions = {}): CocoResult {
  return evaluateCoco(loadCoco(groundTruth(truths), results, options), options);
}
