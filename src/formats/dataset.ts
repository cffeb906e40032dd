import type { Rle } from '../vision/rle.ts';

/** A file in memory. `name` may have folders, with forward slashes. */
export interface SourceFile {
  readonly name: string;
  readonly bytes: Uint8Array;
}

/**
 * Images with what is marked in them: ground truth where annotations have no scores, predictions where they have.
 * Coordinates are pixels of the image, continuous, origin top-left; a box that covers the image is 0, 0, width, height.
 */
export interface Dataset {
  readonly images: readonly DatasetImage[];
  readonly categories: readonly Category[];
  readonly annotations: readonly Annotation[];
  /** What was left out or is likely to surprise, in plain words. */
  readonly warnings: readonly string[];
}

export interface DatasetImage {
  readonly id: number;
  /** File name, with folders where the format has them. */
  readonly name: string;
  /** In pixels; both or neither is known. */
  readonly width?: number;
  readonly height?: number;
}

export interface Category {
  readonly id: number;
  readonly name: string;
  readonly supercategory?: string;
  /** Names of the points of a pose. */
  readonly keypoints?: readonly string[];
  /** Pairs of points that are joined, counted from 1. */
  readonly skeleton?: readonly (readonly number[])[];
  /** Panoptic data: a countable object; `false` for stuff such as sky. */
  readonly isThing?: boolean;
}

/** The union of polygons, each x, y, x, y, … */
export type Polygons = readonly (readonly number[])[];

export interface Annotation {
  readonly id: number;
  readonly imageId: number;
  readonly categoryId: number;
  /** x, y, width, height. */
  readonly box?: readonly number[];
  readonly segmentation?: Polygons | Rle;
  /** k·3: x, y, visibility (0 not labelled, 1 hidden, 2 visible). */
  readonly keypoints?: readonly number[];
  /** Square pixels, where the format says so. */
  readonly area?: number;
  /** Marks a region of many objects; any number of detections may match it. */
  readonly crowd?: true;
  /** Finding it is not asked for (Pascal VOC; `ignore` in COCO files). */
  readonly difficult?: true;
  readonly truncated?: true;
  /** Of a prediction, usually in [0, 1]. */
  readonly score?: number;
}

/** What a prediction refers to: the ids, names and sizes of the ground truth. */
export type Reference = Pick<Dataset, 'images' | 'categories'>;

/** What a writer made, and what the format had no place for. */
export interface Written {
  readonly files: readonly SourceFile[];
  readonly warnings: readonly string[];
}

/** The annotations of each image, in their order. */
export function groupByImage(annotations: readonly Annotation[]): Map<number, Annotation[]> {
  const groups = new Map<number, Annotation[]>();
  for (const annotation of annotations) {
    const group = groups.get(annotation.imageId);
    if (group) group.push(annotation);
    else groups.set(annotation.imageId, [annotation]);
  }
  return groups;
}
