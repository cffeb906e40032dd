import { AppError } from '../errors.ts';
import { mapOrdered } from '../runtime/map-ordered.ts';
import type { DetectionOptions } from './detection-options.ts';
import { imagesOf, type TruthImage } from './model-results.ts';

/** What a model is asked on the images of a ground truth. */
export interface ModelRun {
  readonly images: readonly TruthImage[];
  readonly scoreThreshold: number;
  readonly maxDetections: number;
  readonly maskFormat: 'none' | 'rle';
}

/** COCO's way to score a detector: everything that it is not sure of counts too, a hundred objects per image. */
const SCORE_THRESHOLD = 0.001;
const MAX_DETECTIONS = 100;
/** No request may ask for more. */
const MOST_DETECTIONS = 10_000;

/**
 * How a model has to be run, so that what it finds can be scored with these options.
 * @param truth parsed COCO ground truth.
 * @throws AppError where there is nothing to run it on.
 */
export function planRun(truth: unknown, options: DetectionOptions): ModelRun {
  const { iou_type = 'bbox', image_ids, max_detections = [] } = options;
  const images = imagesOf(truth, image_ids);
  if (images.length === 0) throw new AppError('invalid_request', 'the ground truth has no images');
  return {
    images,
    scoreThreshold: SCORE_THRESHOLD,
    maxDetections: Math.min(MOST_DETECTIONS, Math.max(MAX_DETECTIONS, ...max_detections)),
    maskFormat: iou_type === 'bbox' || iou_type === 'keypoints' ? 'none' : 'rle',
  };
}

/** One image failed, and with it the run: scores without it would not be the model's. */
export class ImageFailure extends Error {
  constructor(name: string, cause: unknown) {
    super(name, { cause });
    this.name = 'ImageFailure';
  }
}

type Outcome<Image, Answer> = { readonly image: Image } & ({ readonly answer: Answer } | { readonly error: unknown });

/**
 * Runs a model on images, `width` at a time, and yields its answers in their order.
 * @param run reads one image and predicts.
 * @throws ImageFailure at the first image that fails, unless `signal` has ended the run: then it just ends.
 */
export async function* runOnImages<Image extends { readonly name: string }, Answer>(
  images: Iterable<Image> | AsyncIterable<Image>,
  width: number,
  run: (image: Image) => Promise<Answer>,
  signal: AbortSignal,
): AsyncGenerator<{ readonly image: Image; readonly answer: Answer }> {
  const attempt = async (image: Image): Promise<Outcome<Image, Answer>> => {
    try {
      return { image, answer: await run(image) };
    } catch (error) {
      return { image, error };
    }
  };
  for await (const outcome of mapOrdered(images, width, attempt, signal)) {
    if (signal.aborted) return;
    if ('error' in outcome) throw new ImageFailure(outcome.image.name, outcome.error);
    yield outcome;
  }
}
