/** Objects of a set of images as columns, in the order in which they were given. */
export interface VocRows {
  /** n, any numbering of the images. */
  readonly images: ArrayLike<number>;
  /** n, indices of classes. */
  readonly classes: ArrayLike<number>;
  /** 4n: xmin, ymin, xmax, ymax in pixels. */
  readonly boxes: ArrayLike<number>;
}

export interface VocTruths extends VocRows {
  /** n, 1 where finding the object is not asked for: it counts neither when found nor when missed. */
  readonly difficult?: ArrayLike<number>;
}

export interface VocDetections extends VocRows {
  readonly scores: ArrayLike<number>;
}

export interface VocOptions {
  /** 11-point: mean of the best precision at recall 0, 0.1, …, 1 (VOC 2007). all-point: area under it (2010 and after). */
  readonly interpolation?: '11-point' | 'all-point';
  /** Default 0.5. */
  readonly iouThreshold?: number;
  /** Whether the IoU must exceed the threshold, as in the development kit (default), or may equal it. */
  readonly strict?: boolean;
  /** Whether corners are pixels that belong to the box, which adds 1 to its sides. The VOC convention and default. */
  readonly inclusive?: boolean;
}

export interface VocClass {
  /** −1 where the class has no ground truth. */
  readonly ap: number;
  /** Objects that are not difficult. */
  readonly truths: number;
  readonly detections: number;
  /** By descending score, one entry per detection. */
  readonly scores: Float64Array;
  readonly precision: Float64Array;
  readonly recall: Float64Array;
}

export interface VocResult {
  /** Mean over the classes that have ground truth; −1 where none has. */
  readonly map: number;
  readonly classes: readonly VocClass[];
}

/**
 * Average precision as Pascal VOC defines it: detections by descending score (equal scores as given), each compared
 * with the truth it overlaps most (of equals the first), whether or not that is taken already.
 * @throws RangeError for columns whose lengths do not fit and classes outside [0, classCount).
 */
export function evaluateVoc(
  truths: VocTruths,
  detections: VocDetections,
  classCount: number,
  options: VocOptions = {},
): VocResult {
  const ofTruths = rowsByClass(truths, classCount, 'truths', { difficult: truths.difficult });
  const ofDetections = rowsByClass(detections, classCount, 'detections', { scores: detections.scores });
  const classes = ofTruths.map((rows, k) => evaluateClass(truths, rows, detections, ofDetections[k]!, options));
  const scored = classes.filter(({ truths }) => truths > 0);
  const map = scored.length ? scored.reduce((sum, { ap }) => sum + ap, 0) / scored.length : -1;
  return { map, classes };
}

function evaluateClass(
  truths: VocTruths,
  truthRows: readonly number[],
  detections: VocDetections,
  foundRows: readonly number[],
  options: VocOptions,
): VocClass {
  const { interpolation = 'all-point', iouThreshold = 0.5, strict = true, inclusive = true } = options;
  const inImage = new Map<number, number[]>();
  for (const row of truthRows) {
    const image = truths.images[row]!;
    const rows = inImage.get(image);
    if (rows) rows.push(row);
    else inImage.set(image, [row]);
  }
  const positives = truthRows.filter((row) => !truths.difficult?.[row]).length;
  const order = foundRows.toSorted((a, b) => detections.scores[b]! - detections.scores[a]!);
  const taken = new Set<number>();
  const precision = new Float64Array(order.length);
  const recall = new Float64Array(order.length);
  let hits = 0;
  let misses = 0;
  order.forEach((row, i) => {
    let best = -1;
    let most = Number.NEGATIVE_INFINITY;
    for (const candidate of inImage.get(detections.images[row]!) ?? []) {
      const iou = cornerIou(detections.boxes, row, truths.boxes, candidate, inclusive ? 1 : 0);
      if (iou > most) [most, best] = [iou, candidate];
    }
    const isMatch = best >= 0 && (strict ? most > iouThreshold : most >= iouThreshold);
    if (!isMatch || taken.has(best)) misses++;
    else if (!truths.difficult?.[best]) {
      hits++;
      taken.add(best);
    }
    precision[i] = hits + misses === 0 ? 0 : hits / (hits + misses);
    recall[i] = hits / positives;
  });
  const average = interpolation === '11-point' ? elevenPoints : areaUnder;
  return {
    ap: positives === 0 ? -1 : average(precision, recall),
    truths: positives,
    detections: order.length,
    scores: Float64Array.from(order, (row) => detections.scores[row]!),
    precision,
    recall,
  };
}

/** `extent` is 1 where the corners are pixels inside the box. */
function cornerIou(a: ArrayLike<number>, i: number, b: ArrayLike<number>, j: number, extent: number): number {
  const side = (boxes: ArrayLike<number>, at: number) => boxes[at + 2]! - boxes[at]! + extent;
  const [at, bt] = [4 * i, 4 * j];
  const width = Math.max(0, Math.min(a[at + 2]!, b[bt + 2]!) - Math.max(a[at]!, b[bt]!) + extent);
  const height = Math.max(0, Math.min(a[at + 3]!, b[bt + 3]!) - Math.max(a[at + 1]!, b[bt + 1]!) + extent);
  const shared = width * height;
  const union = side(a, at) * side(a, at + 1) + side(b, bt) * side(b, bt + 1) - shared;
  return shared === 0 ? 0 : shared / union;
}

function elevenPoints(precision: Float64Array, recall: Float64Array): number {
  let ap = 0;
  for (let point = 0; point <= 10; point++) {
    let best = 0;
    // The recalls are numpy's arange(0, 1.1, 0.1), of which 0.3, 0.6 and 0.7 lie a rounding above.
    recall.forEach((value, i) => {
      if (value >= point * 0.1) best = Math.max(best, precision[i]!);
    });
    ap += best / 11;
  }
  return ap;
}

function areaUnder(precision: Float64Array, recall: Float64Array): number {
  let area = 0;
  let best = 0;
  for (let i = precision.length - 1; i >= 0; i--) {
    best = Math.max(best, precision[i]!);
    area += (recall[i]! - (recall[i - 1] ?? 0)) * best;
  }
  return area;
}

/** Row numbers of each class, in order. */
function rowsByClass(
  rows: VocRows,
  classCount: number,
  what: string,
  columns: Record<string, ArrayLike<number> | undefined>,
): number[][] {
  const n = rows.classes.length;
  const lengths = { images: rows.images.length, boxes: rows.boxes.length / 4 };
  for (const [name, column] of Object.entries(columns)) if (column) Object.assign(lengths, { [name]: column.length });
  for (const [name, length] of Object.entries(lengths)) {
    if (length !== n) throw new RangeError(`${what} have ${length} ${name} for ${n} objects`);
  }
  const byClass = Array.from({ length: classCount }, (): number[] => []);
  for (let row = 0; row < n; row++) {
    const list = byClass[rows.classes[row]!];
    if (!list) throw new RangeError(`class ${rows.classes[row]} of ${what} ${row} is not in [0, ${classCount})`);
    list.push(row);
  }
  return byClass;
}
