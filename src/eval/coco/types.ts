/** Masks of n objects, all runs in one pool. */
export interface Masks {
  /** Column-major run lengths, background first, as in `Rle`; mask i has runs `offsets[i]` to `offsets[i + 1]`. */
  readonly runs: Uint32Array;
  /** n + 1. */
  readonly offsets: Uint32Array;
  /** n, sizes of the images that the masks belong to, in pixels. */
  readonly widths: Int32Array;
  readonly heights: Int32Array;
  /** 4n: the masks' own tight boxes, x, y, width, height. */
  readonly boxes: Float64Array;
  /** n, in pixels. */
  readonly areas: Float64Array;
}

/** n annotated or detected objects as columns, in the order in which they were given. */
export interface Rows {
  readonly count: number;
  /** n, indices into `CocoData.imageIds`. */
  readonly images: Int32Array;
  /** n, indices into `CocoData.categoryIds`. */
  readonly categories: Int32Array;
  /** 4n: x, y, width, height in pixels. */
  readonly boxes: Float64Array;
  /** n: what decides whether an object is small, medium or large, in square pixels. */
  readonly areas: Float64Array;
  readonly masks?: Masks;
  /** n·k·3: x, y, visibility. */
  readonly keypoints?: Float64Array;
}

export interface Truths extends Rows {
  readonly ids: Float64Array;
  /** 1: marks a region of many objects; any number of detections may match it, and none of them counts. */
  readonly crowd: Uint8Array;
  /** 1: detections that match it do not count. Crowds are always ignored. */
  readonly ignore: Uint8Array;
  /** 1: the file has `ignore`, which COCO overlooks; Pascal VOC does not ask for such objects. */
  readonly difficult?: Uint8Array;
}

export interface Detected extends Rows {
  readonly scores: Float64Array;
  /** n, 1: counts for nothing where it matches nothing, for categories that are not labelled exhaustively. */
  readonly excused?: Uint8Array;
}

/** Ground truth and detections of a set of images. */
export interface CocoData {
  /** Ascending. */
  readonly imageIds: Float64Array;
  /** Ascending. */
  readonly categoryIds: Float64Array;
  readonly categoryNames: readonly string[];
  readonly truths: Truths;
  readonly detections: Detected;
  /** What was left out or is likely to surprise, in plain words. */
  readonly warnings: readonly string[];
}

export type IouType = 'bbox' | 'segm' | 'keypoints' | 'boundary';

/** Objects of an area from `min` to `max` square pixels, both included. */
export interface AreaRange {
  readonly label: string;
  readonly min: number;
  readonly max: number;
}

export interface CocoOptions {
  /** What is compared: boxes, masks, keypoints, or the smaller of mask and boundary IoU. Default: boxes. */
  readonly iouType?: IouType;
  /** Default 0.5, 0.55, …, 0.95. */
  readonly iouThresholds?: readonly number[];
  /** Ascending. Default 0, 0.01, …, 1. */
  readonly recallThresholds?: readonly number[];
  /** How many detections per image and category count. Default 1, 10, 100; for keypoints 20. */
  readonly maxDetections?: readonly number[];
  /** Default all, small (to 32²), medium (to 96²), large; for keypoints without small. */
  readonly areaRanges?: readonly AreaRange[];
  /** Whether a detection must be of the right category. Default true. */
  readonly useCategories?: boolean;
  /** Evaluate these images only. Default all. */
  readonly imageIds?: readonly number[];
  /** Evaluate these categories only. Default all. */
  readonly categoryIds?: readonly number[];
  /** Per-keypoint σ of the object keypoint similarity. Default COCO's for 17 points of a person. */
  readonly sigmas?: readonly number[];
  /** Width of the boundary as a part of the image's diagonal. Default 0.02. */
  readonly dilationRatio?: number;
}

/** Options with every default filled in. */
export type CocoParams = Required<CocoOptions>;

/**
 * Precision, recall and scores over T IoU thresholds, R recall thresholds, K categories, A area ranges and M limits on
 * detections, row-major in this order. −1 where there is no ground truth.
 */
export interface CocoResult {
  readonly params: CocoParams;
  /** K, the evaluated categories; without `useCategories` the one entry −1. */
  readonly categoryIds: readonly number[];
  /** T·R·K·A·M. */
  readonly precision: Float64Array;
  /** T·R·K·A·M: the score of the detection at which each recall is reached, 0 where it never is. */
  readonly scores: Float64Array;
  /** T·K·A·M. */
  readonly recall: Float64Array;
  /** K: objects that are not ignored, of any size. */
  readonly truthCounts: Int32Array;
  /** K: detections, before any limit. */
  readonly detectionCounts: Int32Array;
}
