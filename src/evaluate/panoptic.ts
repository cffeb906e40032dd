import { z } from 'zod';
import { AppError } from '../errors.ts';
import { PanopticEvaluator, type PanopticImage, type PanopticQuality } from '../eval/panoptic.ts';
import type { SourceFile } from '../formats/dataset.ts';
import { firstByte, parseJson } from '../formats/json.ts';
import { listSome, quote, stemOf } from '../formats/names.ts';
import { unpackAll } from '../formats/zip.ts';
import { readPngSamples } from '../image/png.ts';
import { byName, type MapLimits, prefixing } from './maps.ts';

const annotation = z.object({
  image_id: z.union([z.int(), z.string()]),
  file_name: z.string().min(1),
  segments_info: z.array(
    z.object({
      id: z.int(),
      category_id: z.int(),
      area: z.number().min(0).optional(),
      iscrowd: z.union([z.int(), z.boolean()]).optional(),
    }),
  ),
});
const predictionSchema = z.object({ annotations: z.array(annotation) });
const truthSchema = predictionSchema.extend({
  categories: z.array(z.object({ id: z.int(), name: z.string().optional(), isthing: z.union([z.int(), z.boolean()]) })),
});

type Annotation = z.output<typeof annotation>;
interface Quality {
  readonly PQ: number;
  readonly SQ: number;
  readonly RQ: number;
}

/** The answer of POST /v1/evaluate/panoptic; 0 for what does not occur, as panopticapi has it. */
export interface PanopticAnswer extends Quality {
  /** Classes that occur. */
  readonly n: number;
  readonly things: Quality & { readonly n: number };
  readonly stuff: Quality & { readonly n: number };
  readonly per_class: readonly (Quality & {
    readonly class_id: number;
    readonly label: string;
    readonly is_thing: boolean;
    readonly true_positives: number;
    readonly false_positives: number;
    readonly false_negatives: number;
  })[];
  readonly images: number;
}

/**
 * Scores COCO panoptic results: on each side one JSON file and the PNG files that it names, or archives of them.
 * @throws AppError naming the files and images at fault.
 */
export async function evaluatePanoptic(
  groundTruth: readonly SourceFile[],
  predictions: readonly SourceFile[],
  limits: MapLimits,
): Promise<PanopticAnswer> {
  const { maxBytes } = limits;
  const truth = split(await unpackAll(groundTruth, { maxBytes }), 'ground_truth');
  const found = split(await unpackAll(predictions, { maxBytes }), 'predictions');
  const { annotations, categories } = read(truthSchema, truth.json);
  const guesses = byImage(read(predictionSchema, found.json).annotations, found.json.name);
  byImage(annotations, truth.json.name);
  const missing = annotations.filter(({ image_id }) => !guesses.has(String(image_id)));
  if (missing.length) {
    const ids = listSome(missing.map(({ image_id }) => image_id));
    throw new AppError('invalid_request', `there are no predictions for the images ${ids}`);
  }

  const evaluator = new PanopticEvaluator(categories.map(({ id, isthing }) => ({ id, isThing: Boolean(isthing) })));
  for (const entry of annotations) {
    const guess = guesses.get(String(entry.image_id))!;
    const image = { ...readMap(truth.maps, entry, 'ground_truth', limits), segments: entry.segments_info.map(toTruth) };
    const guessed = {
      ...readMap(found.maps, guess, 'predictions', limits),
      segments: guess.segments_info.map(({ id, category_id }) => ({ id, categoryId: category_id })),
    };
    if (image.width !== guessed.width || image.height !== guessed.height) {
      const sizes = `the truth has ${image.width}×${image.height} pixels, the prediction ${guessed.width}×${guessed.height}`;
      throw new AppError('invalid_request', `image ${entry.image_id}: ${sizes}`);
    }
    prefixing(`image ${entry.image_id}`, () => evaluator.update(image, guessed));
  }
  const { all, things, stuff, classes } = evaluator.compute();
  const byId = new Map(categories.map((category) => [category.id, category]));
  return {
    ...upper(all),
    n: all.n,
    things: { ...upper(things), n: things.n },
    stuff: { ...upper(stuff), n: stuff.n },
    per_class: classes.map((entry) => ({
      class_id: entry.categoryId,
      label: byId.get(entry.categoryId)?.name ?? String(entry.categoryId),
      is_thing: Boolean(byId.get(entry.categoryId)?.isthing),
      ...upper(entry),
      true_positives: entry.truePositives,
      false_positives: entry.falsePositives,
      false_negatives: entry.falseNegatives,
    })),
    images: annotations.length,
  };
}

function upper({ pq, sq, rq }: PanopticQuality): Quality {
  return { PQ: pq, SQ: sq, RQ: rq };
}

function toTruth({ id, category_id, area, iscrowd }: Annotation['segments_info'][number]) {
  return { id, categoryId: category_id, crowd: Boolean(iscrowd), ...(area !== undefined && { area }) };
}

/** JSON begins with a brace, everything else is a map. */
function split(files: readonly SourceFile[], field: string): { json: SourceFile; maps: Map<string, SourceFile> } {
  const isJson = ({ bytes }: SourceFile) => bytes[firstByte(bytes)] === 0x7b;
  const [json, other] = files.filter(isJson);
  if (!json || other) {
    const why = other
      ? `two JSON files, ${quote(json!.name)} and ${quote(other.name)}`
      : 'no JSON file beside its maps';
    throw new AppError('invalid_request', `${field} has ${why}`);
  }
  return {
    json,
    maps: byName(
      files.filter((file) => !isJson(file)),
      field,
    ),
  };
}

function read<S extends z.ZodType>(schema: S, file: SourceFile): z.output<S> {
  const parsed = schema.safeParse(parseJson(file));
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new AppError('invalid_request', `${file.name}: ${issue?.path.join('.')}: ${issue?.message}`);
}

function byImage(annotations: readonly Annotation[], file: string): Map<string, Annotation> {
  const found = new Map<string, Annotation>();
  for (const entry of annotations) {
    const id = String(entry.image_id);
    if (found.has(id)) throw new AppError('invalid_request', `${file}: two annotations have the image_id ${quote(id)}`);
    found.set(id, entry);
  }
  return found;
}

/** The segment ids of an image: red + 256 · green + 65536 · blue, or one number per pixel. */
function readMap(
  maps: ReadonlyMap<string, SourceFile>,
  { file_name, image_id }: Annotation,
  field: string,
  { maxPixels }: MapLimits,
): Pick<PanopticImage, 'ids'> & { width: number; height: number } {
  const file = maps.get(stemOf(file_name));
  if (!file) throw new AppError('invalid_request', `${field} lacks ${quote(file_name)} of image ${image_id}`);
  const { width, height, channels, data } = readPngSamples(file.bytes, file.name, maxPixels);
  if (channels < 3)
    return { width, height, ids: Uint32Array.from({ length: width * height }, (_, i) => data[i * channels]!) };
  const ids = new Uint32Array(width * height);
  for (let i = 0, at = 0; i < ids.length; i++, at += channels) {
    ids[i] = data[at]! + 256 * data[at + 1]! + 65_536 * data[at + 2]!;
  }
  return { width, height, ids };
}
