import { prepareReport } from '../eval/analysis/report/data.ts';
import { renderReport } from '../eval/analysis/report/report.ts';
import { loadCoco } from '../eval/coco/load.ts';
import { refusing } from './detection.ts';
import { type DetectionOptions, toCocoOptions } from './detection-options.ts';
import { imagesOf } from './model-results.ts';

/** Everything there is to say about predictions, as one page of HTML. @throws AppError naming the entries at fault. */
export function reportDetections(
  groundTruth: unknown,
  predictions: unknown,
  options: DetectionOptions,
  title: string,
): string {
  return refusing(() => {
    const { iouType = 'bbox', imageIds, categoryIds, sigmas } = toCocoOptions(options);
    const data = loadCoco(groundTruth, predictions, { iouType });
    const names = new Map(imagesOf(groundTruth, undefined).map(({ id, name }) => [id, name]));
    return renderReport(
      prepareReport(data, {
        title,
        iouType,
        imageName: (id) => names.get(id) ?? String(id),
        ...(imageIds && { imageIds }),
        ...(categoryIds && { categoryIds }),
        ...(sigmas && { sigmas }),
      }),
    );
  });
}
