import type { Rle } from '../../vision/rle.ts';
import { evaluateCoco } from './evaluate.ts';
import { comparesMasks, extentOf, RowColumns } from './rows.ts';
import { measure } from './segmentation.ts';
import type { CocoData, CocoOptions, CocoResult, IouType } from './types.ts';

/** n objects of one image. What is not compared may be left out. */
export interface ImageObjects {
  /** n category ids. */
  readonly categoryIds: ArrayLike<number>;
  /** 4n: x, y, width, height in pixels. Default for masks: their tight boxes. */
  readonly boxes?: ArrayLike<number>;
  readonly masks?: readonly Rle[];
  /** n·k·3: x, y, visibility. */
  readonly keypoints?: ArrayLike<number>;
  /** n, square pixels. Default: of the masks, else of the boxes. */
  readonly areas?: ArrayLike<number>;
}

export interface ImageTruths extends ImageObjects {
  /** n, 1 where the region holds many objects. Default 0. */
  readonly crowd?: ArrayLike<number>;
  /** n, 1 where detections that match do not count. Default: crowds, and people without labelled keypoints. */
  readonly ignore?: ArrayLike<number>;
}

export interface ImageDetections extends ImageObjects {
  readonly scores: ArrayLike<number>;
}

/**
 * Collects truths and detections image by image and scores them all:
 *
 *     const evaluator = new CocoEvaluator({ iouType: 'bbox' });
 *     evaluator.update(1, truths, detections);
 *     const { AP } = summarizeDetections(evaluator.compute());
 */
export class CocoEvaluator {
  readonly #options: CocoOptions;
  #images = new Map<number, { truths: ImageTruths; detections: ImageDetections }>();

  constructor(options: CocoOptions = {}) {
    this.#options = options;
  }

  /** Adds one image. @throws RangeError when it was added before. */
  update(imageId: number, truths: ImageTruths, detections: ImageDetections): void {
    if (this.#images.has(imageId)) throw new RangeError(`image ${imageId} was added before`);
    this.#images.set(imageId, { truths, detections });
  }

  /** Scores everything added so far. @throws RangeError for lists whose lengths do not fit together. */
  compute(): CocoResult {
    return evaluateCoco(this.#collect(), this.#options);
  }

  reset(): void {
    this.#images.clear();
  }

  #collect(): CocoData {
    const images = [...this.#images].sort(([a], [b]) => a - b);
    const categories = new Set<number>();
    for (const [, { truths, detections }] of images) {
      for (const { categoryIds } of [truths, detections]) for (const id of Array.from(categoryIds)) categories.add(id);
    }
    const categoryIds = [...categories].sort((a, b) => a - b);
    const places = new Map(categoryIds.map((id, place) => [id, place]));

    const iouType = this.#options.iouType ?? 'bbox';
    const truthRows = new RowColumns(iouType);
    const foundRows = new RowColumns(iouType);
    const crowd: number[] = [];
    const ignore: number[] = [];
    const scores: number[] = [];
    images.forEach(([id, { truths, detections }], image) => {
      addRows(truthRows, image, truths, places, iouType, `truths of image ${id}`);
      addRows(foundRows, image, detections, places, iouType, `detections of image ${id}`);
      for (let i = 0; i < truths.categoryIds.length; i++) {
        crowd.push(truths.crowd?.[i] ?? 0);
        ignore.push(truths.ignore?.[i] ?? Number(iouType === 'keypoints' && !isLabelled(truths, i)));
      }
      for (let i = 0; i < detections.scores.length; i++) scores.push(detections.scores[i]!);
    });
    return {
      imageIds: Float64Array.from(images, ([id]) => id),
      categoryIds: Float64Array.from(categoryIds),
      categoryNames: categoryIds.map(String),
      truths: {
        ...truthRows.finish(),
        // Ids only tell truths apart; 0 would mean "unmatched".
        ids: Float64Array.from(crowd, (_, i) => i + 1),
        crowd: Uint8Array.from(crowd),
        ignore: Uint8Array.from(ignore, (flag, i) => flag || crowd[i]!),
      },
      detections: { ...foundRows.finish(), scores: Float64Array.from(scores) },
      warnings: [],
    };
  }
}

function addRows(
  rows: RowColumns,
  image: number,
  objects: ImageTruths | ImageDetections,
  places: ReadonlyMap<number, number>,
  iouType: IouType,
  what: string,
): void {
  const { categoryIds, boxes, masks, keypoints, areas } = objects;
  const n = categoryIds.length;
  for (const [key, list] of Object.entries(objects)) {
    const expected = key === 'boxes' ? 4 * n : n;
    const fits = key === 'keypoints' ? list.length % Math.max(3 * n, 1) === 0 : list.length === expected;
    if (!fits) throw new RangeError(`${what}: ${list.length} ${key} for ${n} objects`);
  }
  if (comparesMasks(iouType) && !masks) throw new RangeError(`${what}: there are no masks`);
  if (iouType === 'keypoints' && !keypoints) throw new RangeError(`${what}: there are no keypoints`);
  for (let i = 0; i < n; i++) {
    const box = boxes && Array.from({ length: 4 }, (_, c) => boxes[4 * i + c]!);
    const pose = keypoints && poseOf(objects, i);
    const extent = (masks && measure(masks[i]!)) ?? (pose && extentOf(pose));
    const known = box ?? extent?.box;
    if (!known) throw new RangeError(`${what}: there are neither boxes nor masks nor keypoints`);
    const area = masks ? extent!.area : known[2]! * known[3]!;
    rows.push(image, places.get(categoryIds[i]!)!, known, areas?.[i] ?? area);
    if (comparesMasks(iouType)) rows.masks.add(masks![i]!);
    if (iouType === 'keypoints') for (const value of pose!) rows.keypoints.push(value);
  }
}

function poseOf({ categoryIds, keypoints }: ImageObjects, i: number): number[] {
  const length = (keypoints?.length ?? 0) / categoryIds.length;
  return Array.from({ length }, (_, p) => keypoints![i * length + p]!);
}

function isLabelled(truths: ImageTruths, i: number): boolean {
  return poseOf(truths, i).some((value, p) => p % 3 === 2 && value > 0);
}
