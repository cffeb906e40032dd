import type { Signature } from '../vision/signature.ts';
import { cityscapesNames } from './labels/cityscapes.ts';
import { cocoCategories } from './labels/coco.ts';
import { imagenetNames } from './labels/imagenet.ts';
import { parseNames } from './labels/names-literal.ts';
import { vocNames } from './labels/voc.ts';

/** Where a model's labels come from, the surest first. */
export type LabelSource = 'manifest' | 'metadata' | 'family' | 'class count' | 'numbered';

export interface Labels {
  readonly labels: readonly string[];
  readonly source: LabelSource;
}

/** As many names as a map of bytes needs, for graphs that do not tell how many classes they have. */
const UNKNOWN_CLASSES = 256;

const cocoIds = Object.keys(cocoCategories).map(Number);

/** Data sets by name. */
export const labelSets = {
  /** `ids[i]` is the official category id of `names[i]`. */
  coco80: { names: Object.values(cocoCategories), ids: cocoIds },
  voc20: { names: vocNames },
  cityscapes19: { names: cityscapesNames },
  imagenet1000: { names: imagenetNames },
} as const;

/** COCO by official id less one, as TensorFlow's detectors without a background number their classes. */
const cocoWithGaps = Array.from({ length: 90 }, (_, i) => cocoCategories[i + 1] ?? `unused_${i + 1}`);

/** Data sets whose number of classes gives them away. */
const labelsByCount: ReadonlyMap<number, readonly string[]> = new Map([
  [19, cityscapesNames],
  [20, vocNames],
  [21, ['background', ...vocNames]],
  [80, labelSets.coco80.names],
  [90, cocoWithGaps],
  [91, ['background', ...cocoWithGaps]],
  [1000, imagenetNames],
  [1001, ['background', ...imagenetNames]],
]);

/** Keys of metadata_props under which exporters leave class names; Ultralytics writes `names`. */
const METADATA_KEYS = ['names', 'labels', 'classes', 'class_names'];

/**
 * The names of a model's classes: what model.json says, else the graph's metadata, else what the family fixes, else the
 * data set that has as many classes, else numbers.
 * @param classes their number, or the family's names; 0 where the graph does not tell.
 * @param overrides the labels of model.json.
 * @throws RangeError where `overrides` are not as many as the model has classes.
 */
export function labelsFor(
  signature: Signature,
  classes: number | readonly string[],
  overrides?: readonly string[],
): Labels {
  const count = typeof classes === 'number' ? classes : classes.length;
  if (overrides) {
    if (count > 0 && overrides.length !== count) {
      throw new RangeError(`the model has ${count} classes, but ${overrides.length} labels are given`);
    }
    return { labels: overrides, source: 'manifest' };
  }
  const named = metadataLabels(signature, count);
  if (named) return { labels: named, source: 'metadata' };
  if (typeof classes !== 'number') return { labels: classes, source: 'family' };
  const known = labelsByCount.get(count);
  if (known) return { labels: known, source: 'class count' };
  return { labels: Array.from({ length: count || UNKNOWN_CLASSES }, (_, i) => `class_${i}`), source: 'numbered' };
}

/** Names that the exporter left in the graph, if they are as many as its classes. */
function metadataLabels({ metadata }: Signature, count: number): string[] | undefined {
  for (const key of METADATA_KEYS) {
    const names = Object.hasOwn(metadata, key) ? parseNames(metadata[key]!) : undefined;
    if (!names || names.size === 0 || (count > 0 && names.size !== count)) continue;
    const labels = Array.from({ length: names.size }, (_, i) => names.get(i));
    if (labels.every((label) => label !== undefined && label !== '')) return labels as string[];
  }
  return undefined;
}
