import { DatasetBuilder } from './builder.ts';
import type { Dataset, Reference } from './dataset.ts';

/**
 * A data set with the ids of a reference: images are found by their names without folders and extension, categories by
 * theirs. Objects of categories that the reference lacks are left out with a warning.
 * @throws AppError naming images that the reference lacks.
 */
export function alignTo({ images, categories, annotations, warnings }: Dataset, reference: Reference): Dataset {
  const builder = new DatasetBuilder(reference);
  for (const warning of warnings) builder.warn(warning);
  const names = new Map(images.map(({ id, name }) => [id, name]));
  const labels = new Map(categories.map(({ id, name }) => [id, name]));
  for (const { name } of images) builder.addImage(name, undefined, name);
  for (const { id: _, imageId, categoryId, ...mark } of annotations) {
    builder.mark(names.get(imageId)!, labels.get(categoryId)!, mark);
  }
  return builder.finish();
}
