import { AppError } from '../errors.ts';
import type { IouType } from '../eval/coco/types.ts';
import { alignTo } from '../formats/align.ts';
import { readCoco, readCocoReference } from '../formats/coco-read.ts';
import { toCocoJson, toCocoResults } from '../formats/coco-write.ts';
import { theOne } from '../formats/convert.ts';
import type { Annotation, Dataset, Reference, SourceFile } from '../formats/dataset.ts';
import type { Format } from '../formats/format.ts';
import { boxOf } from '../formats/geometry.ts';
import { type DataFiles, readData } from '../formats/inputs.ts';
import { firstByte, jsonList, parseJsonLists } from '../formats/json.ts';
import { listSome } from '../formats/names.ts';
import { recognise, recogniseOne } from '../formats/recognise.ts';
import type { Sizes } from '../formats/sizes.ts';
import type { DetectionOptions } from './detection-options.ts';

/** Ground truth of any format. */
export interface Truth {
  /** COCO JSON, parsed; its annotations may be any iterable. */
  readonly json: unknown;
  /** What predictions refer to. @throws AppError where the file is not whole. */
  readonly reference: () => Reference;
  /** The file, where it is COCO JSON already, so that ids mean what they say. */
  readonly file?: SourceFile;
  readonly warnings: readonly string[];
}

/** Predictions of any format as a COCO results array, or an iterable like one. */
export interface Predictions {
  readonly json: unknown;
  /** The file, where it is a COCO results array already. */
  readonly file?: SourceFile;
  readonly warnings: readonly string[];
}

export interface DetectionContext {
  readonly options: DetectionOptions;
  /** Of images, where the files do not tell. */
  readonly sizes?: Sizes;
}

const ANSWERED_ELSEWHERE: Partial<Record<Format, string>> = {
  'label-maps': 'label maps, which are scored as segmentation',
  'coco-panoptic': 'panoptic annotations, which are scored as panoptic segmentation',
};

/**
 * Reads a ground truth. COCO JSON is handed on as it is; anything else becomes COCO JSON, with ids in the order of names.
 * @throws AppError saying what is wrong with the ground truth.
 */
export async function readTruth(data: DataFiles, { options, sizes }: DetectionContext): Promise<Truth> {
  return about('the ground truth', async () => {
    const format = formatOf(data, 'coco');
    if (format === 'coco') {
      const file = theOne(data.files, format);
      const json = parseJsonLists(file, (key) => key === 'annotations');
      return { json, reference: () => readCocoReference(json, file), file, warnings: [] };
    }
    const dataset = await readData(data, format, sizes && { sizes });
    checkGeometry(dataset, options.iou_type);
    return {
      json: toCocoJson(dataset),
      reference: () => dataset,
      warnings: [...dataset.warnings, ...difficultWarning(dataset, options)],
    };
  });
}

/**
 * Reads predictions for a ground truth. A COCO results array for a COCO ground truth is handed on as it is; of everything
 * else images and categories are found by their names.
 * @param side what messages call them.
 * @throws AppError saying what is wrong with them.
 */
export async function readPredictions(
  data: DataFiles,
  truth: Truth,
  { options, sizes }: DetectionContext,
  side = 'the predictions',
): Promise<Predictions> {
  const format = await about(side, async () => formatOf(data, 'coco-results'));
  if (format === 'coco-results' && truth.file) {
    const file = await about(side, async () => theOne(data.files, format));
    return { json: jsonList(file), file, warnings: [] };
  }
  const reference = await about('the ground truth', async () => truth.reference());
  return about(side, async () => {
    const dataset =
      format === 'coco'
        ? alignTo(readCoco(theOne(data.files, format)), reference)
        : await readData(data, format, { reference, ...(sizes && { sizes }) });
    checkGeometry(dataset, options.iou_type);
    return { json: toCocoResults(onlyCompared(dataset, options.iou_type)), warnings: dataset.warnings };
  });
}

/** @param json what JSON is that cannot be recognised, so that messages say what it lacks. */
function formatOf({ files }: DataFiles, json: 'coco' | 'coco-results'): Format {
  const [file, other] = files;
  const isJson =
    file && !other && (/\.json$/i.test(file.name) || [0x5b, 0x7b].includes(file.bytes[firstByte(file.bytes)]!));
  const format = isJson ? (recogniseOne(file) ?? json) : recognise(files);
  if (format === 'coco-results' && json === 'coco') {
    throw new AppError(
      'invalid_request',
      `${file!.name} is a list of COCO results; are ground truth and predictions swapped?`,
    );
  }
  const elsewhere = ANSWERED_ELSEWHERE[format];
  if (elsewhere) throw new AppError('invalid_request', `these are ${elsewhere}`);
  return format;
}

/** The objects of predictions with what is compared and nothing else: COCO takes an area from whatever comes first. */
function onlyCompared(dataset: Dataset, iouType: IouType = 'bbox'): Dataset {
  const annotations = dataset.annotations.map((annotation): Annotation => {
    const { box: _, segmentation, keypoints, area: __, ...rest } = annotation;
    if (iouType === 'bbox') return { ...rest, box: boxOf(annotation)! };
    if (iouType === 'keypoints') return { ...rest, keypoints: keypoints! };
    return { ...rest, segmentation: segmentation! };
  });
  return { ...dataset, annotations };
}

/** @throws AppError where objects lack what is compared. */
function checkGeometry({ images, annotations }: Dataset, iouType: IouType = 'bbox'): void {
  const has = {
    bbox: (annotation: Annotation) => boxOf(annotation),
    segm: ({ segmentation }: Annotation) => segmentation,
    boundary: ({ segmentation }: Annotation) => segmentation,
    keypoints: ({ keypoints }: Annotation) => keypoints,
  }[iouType];
  const lacking = annotations.filter((annotation) => !has(annotation));
  if (lacking.length === 0) return;
  const names = new Map(images.map(({ id, name }) => [id, name]));
  const where = listSome(new Set(lacking.map(({ imageId }) => names.get(imageId)!)));
  const what = { bbox: 'box', segm: 'mask', boundary: 'mask', keypoints: 'keypoints' }[iouType];
  const count = `${lacking.length} of ${annotations.length} objects have no ${what}`;
  throw new AppError('invalid_request', `${count}, which iou_type ${iouType} compares, in the images ${where}`);
}

function difficultWarning({ annotations }: Dataset, { protocol = 'coco' }: DetectionOptions): string[] {
  const count = annotations.filter(({ difficult }) => difficult).length;
  if (count === 0 || protocol !== 'coco') return [];
  return [
    `${count} difficult objects count like all others: COCO has no such flag; protocols voc2007 and voc2012 have`,
  ];
}

/** Says which side an error is about. */
async function about<T>(side: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof AppError) throw new AppError(error.code, `${side}: ${error.message}`, { cause: error });
    throw error;
  }
}
