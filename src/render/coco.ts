import { AppError } from '../errors.ts';
import { rleFromCrop } from '../vision/rle.ts';
import { rleToString } from '../vision/rle-string.ts';
import type { Keypoints, Result, Size } from '../vision/types.ts';
import { roundPixel, roundScore } from './json.ts';

export interface CocoContext {
  /** File name; its digits are the image id where it is a number, as in COCO's own files. */
  readonly name: string;
  readonly picture: Size;
  /** Official category id of each class; absent: the class ids themselves. */
  readonly categoryIds?: readonly number[] | undefined;
}

/**
 * Elements of a COCO results array, comma-separated, without its brackets: several images make one array.
 * @throws AppError invalid_option for tasks that COCO's results format does not know.
 */
export function toCocoResults(result: Result, { name, picture, categoryIds }: CocoContext): string {
  if (result.task !== 'detection' && result.task !== 'instance-segmentation') {
    throw new AppError('invalid_option', `format=coco is for detections; this model does ${result.task}`);
  }
  const { boxes, scores, classIds, keypoints } = result.value;
  const masks = result.task === 'instance-segmentation' ? result.value.masks : [];
  const imageId = toImageId(name);
  return Array.from(scores, (score, i) => {
    const [xmin, ymin, xmax, ymax] = boxes.subarray(4 * i, 4 * i + 4) as unknown as [number, number, number, number];
    const mask = masks[i] && rleFromCrop(masks[i], picture.width, picture.height);
    return JSON.stringify({
      image_id: imageId,
      category_id: categoryIds?.[classIds[i]!] ?? classIds[i]!,
      bbox: [xmin, ymin, xmax - xmin, ymax - ymin].map(roundPixel),
      score: roundScore(score),
      ...(keypoints && { keypoints: pointsOf(keypoints, i) }),
      ...(mask && { segmentation: { size: [picture.height, picture.width], counts: rleToString(mask) } }),
    });
  }).join(',');
}

/** x, y and score of each point of object i, one after another. */
function pointsOf({ names, points }: Keypoints, i: number): number[] {
  const length = 3 * names.length;
  return Array.from(points.subarray(length * i, length * (i + 1)), (v, k) =>
    k % 3 === 2 ? roundScore(v) : roundPixel(v),
  );
}

/** `000000397133.jpg` is image 397133; any other name is its own id. */
export function toImageId(name: string): number | string {
  const stem = name.replace(/\.[^.]*$/, '');
  return /^\d{1,15}$/.test(stem) ? Number(stem) : stem;
}
