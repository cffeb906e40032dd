/** Width and height in pixels. */
export interface Size {
  readonly width: number;
  readonly height: number;
}

/**
 * n objects as parallel arrays, sorted by descending score. Coordinates are pixels, continuous, origin top-left: of the
 * model's input where a decoder returns them, of the source image (EXIF orientation applied) after `toSource`.
 */
export interface Detections {
  /** 4n: xmin, ymin, xmax, ymax. */
  readonly boxes: Float32Array;
  /** n, in [0, 1]. */
  readonly scores: Float32Array;
  /** n, indices into the model's labels. */
  readonly classIds: Int32Array;
  readonly keypoints?: Keypoints;
  /**
   * 8n: x and y of the four corners of each oriented box, in order around it; `boxes` are then their extents. Corners, not
   * an angle, because scaling the axes apart turns a rectangle into a parallelogram.
   */
  readonly corners?: Float32Array;
}

/** k points for each of n objects, in the space of their `Detections`. */
export interface Keypoints {
  readonly names: readonly string[];
  /** n·k·3: x, y, visibility in [0, 1]. */
  readonly points: Float32Array;
}

/** Mask scores of n objects on a coarse grid; a cell is inside where its score exceeds `threshold`. */
export interface MaskGrids {
  readonly width: number;
  readonly height: number;
  /** What the grid covers: the whole model input, or the object's own box. */
  readonly region: 'input' | 'box';
  /** 4n: what each grid covers, xyxy in model-input pixels, where that is not quite the object's own box. */
  readonly regions?: Float32Array;
  /** 4n: how far each mask may reach, xyxy in model-input pixels, where that is not the object's own box. */
  readonly windows?: Float32Array;
  readonly threshold: number;
  /** Row-major width·height scores of object i. Computed on demand: masks that nobody asked for cost nothing. */
  grid(i: number): Float32Array;
}

/** A binary mask cut out of an image: pixel (x + column, y + row) is set where data[row·width + column] is 1. */
export interface BinaryMask {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array;
}

/** A class per cell of a grid that covers the whole model input. */
export type SemanticScores =
  /** Scores, channel-major c·height·width; the largest channel wins. */
  | { readonly kind: 'scores'; readonly width: number; readonly height: number; readonly data: Float32Array }
  /** One channel; class 1 where it exceeds `threshold`, else class 0. */
  | {
      readonly kind: 'binary';
      readonly width: number;
      readonly height: number;
      readonly data: Float32Array;
      readonly threshold: number;
    }
  /** Class indices. */
  | { readonly kind: 'labels'; readonly width: number; readonly height: number; readonly data: Uint8Array };

/** What a decoder returns for each task, in model-input pixels. */
export interface PredictionByTask {
  detection: Detections;
  'instance-segmentation': Detections & { readonly masks: MaskGrids };
  'semantic-segmentation': SemanticScores;
  /** One score per class, in [0, 1]. */
  classification: { readonly scores: Float32Array };
}

export type Task = keyof PredictionByTask;

/** The same in source pixels. */
export interface ResultByTask {
  detection: Detections;
  'instance-segmentation': Detections & { readonly masks: readonly BinaryMask[] };
  /** One class index per source pixel, row-major. */
  'semantic-segmentation': Size & { readonly labels: Uint8Array };
  classification: { readonly scores: Float32Array };
}

/** A prediction with its task, so that `switch (result.task)` narrows it. */
export type Prediction = { [T in Task]: { readonly task: T; readonly value: PredictionByTask[T] } }[Task];
export type Result = { [T in Task]: { readonly task: T; readonly value: ResultByTask[T] } }[Task];

/** What the caller asked for. */
export interface Limits {
  /** Objects scoring less are dropped. */
  readonly scoreThreshold: number;
  /** Non-maximum suppression drops a box that overlaps a better one by more than this. */
  readonly iouThreshold: number;
  readonly maxDetections: number;
  /** Class indices to keep; absent: all. */
  readonly classes?: ReadonlySet<number>;
  /** Suppress across classes instead of within each. */
  readonly classAgnostic: boolean;
}
