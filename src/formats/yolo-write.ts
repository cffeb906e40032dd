import { writeDataYaml } from './class-list.ts';
import { type Annotation, type Dataset, type DatasetImage, groupByImage, type Written } from './dataset.ts';
import { fail } from './fail.ts';
import { boxOf, joinRings, polygonsOf } from './geometry.ts';
import { fileNames, listSome } from './names.ts';

/** Parts of an image's size to a millionth of a pixel, without the noise of a division. */
const DECIMALS = 10;

/**
 * `labels/<image>.txt` for each image and `data.yaml`. Class i is the category of the i-th lowest id. A mask becomes one
 * polygon, its parts joined by lines there and back. Crowds are left out: YOLO would take them for one object. Where any
 * annotation has keypoints, every line is a box with keypoints, for no file can mix them with polygons.
 * @throws AppError for images whose size is unknown or whose names cannot be those of files, and poses of several shapes.
 */
export function writeYolo({ images, categories, annotations }: Dataset): Written {
  const sizeless = images.filter(({ width }) => width === undefined);
  if (sizeless.length) fail(`YOLO needs the size of every image; unknown of ${listSome(sizeless.map(({ id }) => id))}`);
  const names = fileNames(images, '.txt');
  const ordered = categories.toSorted((a, b) => a.id - b.id);
  const classes = new Map(ordered.map(({ id }, i) => [id, i]));
  const pose = poseLength(annotations);
  const ofImage = groupByImage(annotations);
  let leftOut = 0;

  const encoder = new TextEncoder();
  const files = images.map((image, i) => {
    const lines: string[] = [];
    for (const annotation of ofImage.get(image.id) ?? []) {
      const places = placesOf(annotation, image, pose);
      const score = annotation.score === undefined ? [] : [annotation.score];
      if (places) lines.push(`${[classes.get(annotation.categoryId), ...places, ...score].join(' ')}\n`);
      else leftOut++;
    }
    return { name: `labels/${names[i]!}`, bytes: encoder.encode(lines.join('')) };
  });
  const yaml = writeDataYaml({
    names: ordered.map(({ name }) => name),
    ...(pose > 0 && { keypointShape: { count: pose / 3, size: 3 } }),
  });
  const shapes = pose > 0 && annotations.some(({ segmentation }) => segmentation);
  return {
    files: [...files, { name: 'data.yaml', bytes: encoder.encode(yaml) }],
    warnings: [
      ...(leftOut ? [`${leftOut} annotations are left out: crowds, and those without a box or an outline`] : []),
      ...(shapes ? ['masks are left out: YOLO has no files with both masks and keypoints'] : []),
    ],
  };
}

/** What comes after the class: parts of the image's width and height, in turn, and visibilities. */
function placesOf(
  annotation: Annotation,
  { width = 0, height = 0 }: DatasetImage,
  pose: number,
): readonly number[] | undefined {
  if (annotation.crowd) return undefined;
  const { segmentation, keypoints } = annotation;
  const part = (value: number, size: number) => Number((value / size).toFixed(DECIMALS));
  if (segmentation && pose === 0) {
    const ring = joinRings(polygonsOf(segmentation));
    return ring.length ? ring.map((value, i) => part(value, i % 2 ? height : width)) : undefined;
  }
  const box = boxOf(annotation);
  if (!box) return undefined;
  const [x, y, w, h] = box as [number, number, number, number];
  const points = keypoints ?? new Array<number>(pose).fill(0);
  return [
    part(x + w / 2, width),
    part(y + h / 2, height),
    part(w, width),
    part(h, height),
    ...points.map((value, i) => (i % 3 === 2 ? value : part(value, i % 3 ? height : width))),
  ];
}

/** How many numbers the keypoints of every pose are; 0 where there are none. */
function poseLength(annotations: readonly Annotation[]): number {
  const lengths = new Set(annotations.flatMap(({ keypoints }) => (keypoints ? [keypoints.length] : [])));
  if (lengths.size > 1)
    fail(`YOLO needs as many keypoints in every pose, got ${listSome([...lengths].map((n) => n / 3))}`);
  return [...lengths][0] ?? 0;
}
