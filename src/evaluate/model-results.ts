import { AppError } from '../errors.ts';
import type { IouType } from '../eval/coco/types.ts';

export interface TruthImage {
  readonly id: number;
  readonly name: string;
}

/** What a model has found, as the API answers it. */
export interface Detection {
  readonly label: string;
  readonly score: number;
  readonly box: { readonly xmin: number; readonly ymin: number; readonly xmax: number; readonly ymax: number };
  readonly mask?: unknown;
  readonly keypoints?: readonly Keypoint[] | undefined;
}

interface Keypoint {
  readonly name: string;
  readonly x: number;
  readonly y: number;
}

interface Category {
  readonly id: number;
  /** Names of its keypoints, where the ground truth has them. */
  readonly keypoints: readonly string[] | undefined;
}

/** The images that a COCO ground truth names. @throws AppError where it is none. */
export function imagesOf(truth: unknown, wanted: readonly number[] | undefined): TruthImage[] {
  const set = wanted && new Set(wanted);
  return listOf(truth, 'images')
    .map((image): TruthImage => {
      const { id, file_name: name } = image;
      if (typeof id !== 'number' || typeof name !== 'string') {
        throw new AppError(
          'invalid_request',
          `image ${String(id)} of the ground truth has no number as id or no file_name`,
        );
      }
      return { id, name };
    })
    .filter(({ id }) => !set || set.has(id));
}

/** Turns the detections of a model into COCO results: its classes are those of the ground truth that have their names. */
export class ModelResults {
  readonly results: unknown[] = [];
  readonly #categories: ReadonlyMap<string, Category>;
  readonly #iouType: IouType;
  readonly #unknown = new Map<string, number>();

  /** @throws AppError unless `truth` has categories. */
  constructor(truth: unknown, iouType: IouType = 'bbox') {
    this.#iouType = iouType;
    this.#categories = new Map(
      listOf(truth, 'categories').map(({ id, name, keypoints }) => {
        const names = Array.isArray(keypoints) ? keypoints.map(String) : undefined;
        return [normalise(String(name)), { id: Number(id), keypoints: names }] as const;
      }),
    );
  }

  /** @throws AppError where the model does not find what is compared. */
  add({ id }: TruthImage, detections: readonly Detection[]): void {
    for (const detection of detections) {
      const { label, score } = detection;
      const category = this.#categories.get(normalise(label));
      if (category === undefined) {
        this.#unknown.set(label, (this.#unknown.get(label) ?? 0) + 1);
        continue;
      }
      this.results.push({ image_id: id, category_id: category.id, ...this.#compared(detection, category), score });
    }
  }

  /** What is compared and nothing else: where a result has a box, COCO takes its size from that and not from the mask. */
  #compared({ label, box, mask, keypoints }: Detection, category: Category): object {
    if (this.#iouType === 'bbox') return { bbox: [box.xmin, box.ymin, box.xmax - box.xmin, box.ymax - box.ymin] };
    if (this.#iouType !== 'keypoints') {
      return { segmentation: mask ?? lacking(`a mask for ${label}, which iou_type ${this.#iouType} compares`) };
    }
    const found = keypoints ?? lacking(`keypoints for ${label}`);
    return { keypoints: inOrder(found, category.keypoints).flatMap(({ x, y }) => [x, y, 1]) };
  }

  /** What was left out. @throws AppError where that was everything. */
  warnings(): string[] {
    if (this.#unknown.size === 0) return [];
    const labels = [...this.#unknown.keys()];
    const some = `${labels.slice(0, 5).join(', ')}${labels.length > 5 ? ` and ${labels.length - 5} more` : ''}`;
    if (this.results.length === 0) {
      const known = [...this.#categories.keys()].slice(0, 5).join(', ');
      throw new AppError(
        'invalid_request',
        `the model’s classes (${some}) are none of the ground truth’s (${known}, …)`,
      );
    }
    return [`left out detections of classes that the ground truth lacks: ${some}`];
  }
}

/** The keypoints in the order of the ground truth, where the names in it are the model's. */
function inOrder(found: readonly Keypoint[], names: readonly string[] | undefined): readonly Keypoint[] {
  if (!names) return found;
  const byName = new Map(found.map((keypoint) => [normalise(keypoint.name), keypoint]));
  const ordered = names.map((name) => byName.get(normalise(name)));
  if (ordered.every((keypoint) => keypoint !== undefined)) return ordered;
  if (found.length === names.length) return found;
  return lacking(`the ${names.length} keypoints of the ground truth: it finds ${found.length}`);
}

function lacking(what: string): never {
  throw new AppError('invalid_request', `the model does not find ${what}`);
}

/** `traffic_light` is `Traffic light`. */
function normalise(name: string): string {
  return name.toLowerCase().replaceAll('_', ' ').trim();
}

function listOf(truth: unknown, key: 'images' | 'categories'): Record<string, unknown>[] {
  const list = (truth as Record<string, unknown> | null)?.[key];
  if (Array.isArray(list) && list.every((entry) => typeof entry === 'object' && entry !== null)) return list;
  throw new AppError('invalid_request', `the ground truth has no list of ${key}`);
}
