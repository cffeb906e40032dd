import type { Rle } from '../vision/rle.ts';
import { rleToString } from '../vision/rle-string.ts';
import type { Annotation, Category, Dataset, DatasetImage, Polygons, SourceFile, Written } from './dataset.ts';
import { fail } from './fail.ts';
import { areaOf, boxOf, isPolygons } from './geometry.ts';
import { listSome } from './names.ts';

/** A COCO ground truth as a JSON value, which an evaluator takes as it would a parsed file. */
export interface CocoJson {
  readonly images: readonly Record<string, unknown>[];
  readonly annotations: readonly Record<string, unknown>[];
  readonly categories: readonly Record<string, unknown>[];
}

/** Masks are written as compressed run lengths, difficult objects with `ignore`, which COCO's own tools overlook. */
export function toCocoJson({ images, categories, annotations }: Dataset): CocoJson {
  const byId = new Map(images.map((image) => [image.id, image]));
  return {
    images: images.map(({ id, name, width, height }) => ({ id, file_name: name, width, height })),
    annotations: annotations.map((annotation) => toAnnotation(annotation, byId.get(annotation.imageId))),
    categories: categories.map(toCategory),
  };
}

/** A COCO results array as a JSON value. @throws AppError naming annotations that have no score. */
export function toCocoResults({ images, annotations }: Dataset): Record<string, unknown>[] {
  const unscored = annotations.filter(({ score }) => score === undefined);
  if (unscored.length) {
    const names = new Map(images.map(({ id, name }) => [id, name]));
    const where = listSome(new Set(unscored.map(({ imageId }) => names.get(imageId) ?? imageId)));
    fail(`results need a score each; ${unscored.length} of ${annotations.length} have none, in the images ${where}`);
  }
  return annotations.map((annotation) => {
    const { imageId, categoryId, segmentation, keypoints, score } = annotation;
    return {
      image_id: imageId,
      category_id: categoryId,
      // COCO computes box and area of a mask itself; a box beside it would change what counts as small.
      ...(annotation.box && { bbox: annotation.box }),
      ...(segmentation && { segmentation: toSegmentation(segmentation) }),
      ...(keypoints && { keypoints }),
      score,
    };
  });
}

/** One file, `annotations.json`. */
export function writeCoco(dataset: Dataset): Written {
  return { files: [jsonFile('annotations.json', toCocoJson(dataset))], warnings: [] };
}

/** One file, `results.json`. @throws AppError naming annotations that have no score. */
export function writeCocoResults(dataset: Dataset): Written {
  return { files: [jsonFile('results.json', toCocoResults(dataset))], warnings: [] };
}

export function jsonFile(name: string, value: unknown): SourceFile {
  return { name, bytes: new TextEncoder().encode(`${JSON.stringify(value)}\n`) };
}

export function toCategory({
  id,
  name,
  supercategory,
  keypoints,
  skeleton,
  isThing,
}: Category): Record<string, unknown> {
  return {
    id,
    name,
    ...(supercategory !== undefined && { supercategory }),
    ...(keypoints && { keypoints }),
    ...(skeleton && { skeleton }),
    ...(isThing !== undefined && { isthing: Number(isThing) }),
  };
}

/** The mirror image of `readSegmentation`; pycocotools reads both forms. */
function toSegmentation(segmentation: Polygons | Rle): unknown {
  if (isPolygons(segmentation)) return segmentation;
  return { size: [segmentation.height, segmentation.width], counts: rleToString(segmentation) };
}

function toAnnotation(annotation: Annotation, image: DatasetImage | undefined): Record<string, unknown> {
  const { id, imageId, categoryId, segmentation, keypoints, crowd, difficult, score } = annotation;
  if (!image) fail(`annotation ${id} is of image ${imageId}, which is not there`);
  const box = boxOf(annotation);
  return {
    id,
    image_id: imageId,
    category_id: categoryId,
    ...(box && { bbox: box }),
    area: areaOf(annotation, image),
    iscrowd: crowd ? 1 : 0,
    ...(segmentation && { segmentation: toSegmentation(segmentation) }),
    ...(keypoints && { keypoints, num_keypoints: keypoints.filter((value, i) => i % 3 === 2 && value > 0).length }),
    ...(difficult && { ignore: 1 }),
    ...(score !== undefined && { score }),
  };
}
