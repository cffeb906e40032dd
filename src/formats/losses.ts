import type { Annotation, Dataset } from './dataset.ts';
import type { Format } from './format.ts';

const FLAGS = ['crowd', 'difficult', 'truncated', 'score'] as const satisfies (keyof Annotation)[];
type Flag = (typeof FLAGS)[number];

/** What a format keeps beside shapes and categories, or says itself that it does not. */
const KEPT: Readonly<Record<Format, readonly Flag[]>> = {
  coco: ['crowd', 'difficult', 'score'],
  'coco-results': ['score'],
  'coco-panoptic': ['crowd'],
  voc: ['crowd', 'difficult', 'truncated', 'score'],
  'voc-results': ['score'],
  yolo: ['crowd', 'score'],
  labelme: ['crowd', 'difficult', 'score'],
  csv: ['crowd', 'difficult', 'score'],
  'label-maps': [],
};

/** What a format has no place for, in plain words. */
export function lossesOf({ annotations }: Dataset, format: Format): string[] {
  return FLAGS.filter((flag) => !KEPT[format].includes(flag)).flatMap((flag) => {
    const count = annotations.filter((annotation) => annotation[flag] !== undefined).length;
    return count ? [`‘${flag}’ of ${count} annotations is left out: ${format} has no place for it`] : [];
  });
}
