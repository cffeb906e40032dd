import { compareDetections } from '../eval/analysis/compare.ts';
import { prepareReport } from '../eval/analysis/report/data.ts';
import { renderReport } from '../eval/analysis/report/report.ts';
import { loadCoco } from '../eval/coco/load.ts';
import { imageNames } from './breakdowns.ts';
import { loadBaseline, refusing } from './detection.ts';
import { type DetectionOptions, toCocoOptions } from './detection-options.ts';

/**
 * Everything there is to say about predictions, as one page of HTML.
 * @param baseline other predictions to compare them with, if any.
 * @throws AppError naming the entries at fault.
 */
export function reportDetections(
  groundTruth: unknown,
  predictions: unknown,
  options: DetectionOptions,
  { title, baseline }: { readonly title: string; readonly baseline?: unknown },
): string {
  return refusing(() => {
    const { iouType = 'bbox', imageIds, categoryIds, sigmas } = toCocoOptions(options);
    const same = {
      iouType,
      ...(imageIds && { imageIds }),
      ...(categoryIds && { categoryIds }),
      ...(sigmas && { sigmas }),
      ...(options.bootstrap && { resamples: options.bootstrap }),
    };
    const data = loadCoco(groundTruth, predictions, { iouType });
    const other = loadBaseline(groundTruth, baseline, iouType);
    const names = imageNames(groundTruth);
    return renderReport(
      prepareReport(data, {
        ...same,
        title,
        imageName: (id) => names.get(id) ?? String(id),
        ...(options.sizes && { sizeEdges: options.sizes.map((side) => side ** 2) }),
        ...(other && { comparison: compareDetections(other, data, same) }),
      }),
    );
  });
}
