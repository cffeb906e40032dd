import { AppError } from '../errors.ts';

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
  readonly #categories: ReadonlyMap<string, number>;
  readonly #unknown = new Map<string, number>();

  /** @throws AppError unless `truth` has categories. */
  constructor(truth: unknown) {
    this.#categories = new Map(
      listOf(truth, 'categories').map(({ id, name }) => [normalise(String(name)), Number(id)] as const),
    );
  }

  add({ id }: TruthImage, detections: readonly Detection[]): void {
    for (const { label, score, box, mask } of detections) {
      const category_id = this.#categories.get(normalise(label));
      if (category_id === undefined) {
        this.#unknown.set(label, (this.#unknown.get(label) ?? 0) + 1);
        continue;
      }
      const bbox = [box.xmin, box.ymin, box.xmax - box.xmin, box.ymax - box.ymin];
      this.results.push({ image_id: id, category_id, bbox, score, ...(mask !== undefined && { segmentation: mask }) });
    }
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

/** `traffic_light` is `Traffic light`. */
function normalise(name: string): string {
  return name.toLowerCase().replaceAll('_', ' ').trim();
}

function listOf(truth: unknown, key: 'images' | 'categories'): Record<string, unknown>[] {
  const list = (truth as Record<string, unknown> | null)?.[key];
  if (Array.isArray(list) && list.every((entry) => typeof entry === 'object' && entry !== null)) return list;
  throw new AppError('invalid_request', `the ground truth has no list of ${key}`);
}
