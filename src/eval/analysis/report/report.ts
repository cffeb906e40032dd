import type { ReportData } from './data.ts';
import { comparisonTable, conventionTable } from './extras.ts';
import { html, integer } from './html.ts';
import { classTable, confusion, curves, errors, headline, worstImages } from './sections.ts';
import { STYLE } from './style.ts';

/** What is compared, in words. */
const KINDS: Record<string, string> = { bbox: 'boxes', segm: 'masks', boundary: 'boundaries', keypoints: 'keypoints' };

/**
 * One page of HTML that shows everything: it needs no other file, no network and no script, and every name in it is
 * escaped.
 */
export function renderReport(data: ReportData): string {
  const { title, images, truths, detections, iouType, conventions, comparison, imageName } = data;
  const facts = `${integer(images)} images, ${integer(truths)} objects, ${integer(detections)} detections, compared by their ${KINDS[iouType] ?? iouType}`;
  return html`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1"><meta name="color-scheme" content="light dark"><meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'"><title>${title}</title><style>${STYLE}</style></head>
<body><main><h1>${title}</h1><p class="facts">${facts}</p>
${headline(data)}
${comparison && comparisonTable(comparison, imageName)}
${curves(data)}
${errors(data)}
${classTable(data)}
${confusion(data)}
${worstImages(data)}
${conventions && conventionTable(conventions)}
<footer>All numbers in percent unless they count something. AP as COCO defines it: the mean over classes and over IoU 0.50 to 0.95.</footer>
</main></body></html>
`.text;
}
