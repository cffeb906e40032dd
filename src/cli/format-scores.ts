import type { DetectionAnswer } from '../evaluate/detection.ts';
import { formatAnalyses, left, right, share } from './format-analyses.ts';
import { formatTable } from './table.ts';

type Line = readonly [
  stat: string,
  kind: 'AP' | 'AR',
  iou: 'all' | '0.50' | '0.75',
  area: string,
  limit: 0 | 1 | 2 | 100 | 20,
];

/** The lines of pycocotools' summarize; the limit is a place among the limits, or the limit itself. */
const DETECTION_LINES: readonly Line[] = [
  ['AP', 'AP', 'all', 'all', 100],
  ['AP50', 'AP', '0.50', 'all', 2],
  ['AP75', 'AP', '0.75', 'all', 2],
  ['APs', 'AP', 'all', 'small', 2],
  ['APm', 'AP', 'all', 'medium', 2],
  ['APl', 'AP', 'all', 'large', 2],
  ['AR1', 'AR', 'all', 'all', 0],
  ['AR10', 'AR', 'all', 'all', 1],
  ['AR100', 'AR', 'all', 'all', 2],
  ['ARs', 'AR', 'all', 'small', 2],
  ['ARm', 'AR', 'all', 'medium', 2],
  ['ARl', 'AR', 'all', 'large', 2],
];

const KEYPOINT_LINES: readonly Line[] = [
  ['AP', 'AP', 'all', 'all', 20],
  ['AP50', 'AP', '0.50', 'all', 20],
  ['AP75', 'AP', '0.75', 'all', 20],
  ['APm', 'AP', 'all', 'medium', 20],
  ['APl', 'AP', 'all', 'large', 20],
  ['AR', 'AR', 'all', 'all', 20],
  ['AR50', 'AR', '0.50', 'all', 20],
  ['AR75', 'AR', '0.75', 'all', 20],
  ['ARm', 'AR', 'all', 'medium', 20],
  ['ARl', 'AR', 'all', 'large', 20],
];

const names = { AP: 'Average Precision', AR: 'Average Recall' };

/** Scores, classes where they are wanted, and whatever analyses the answer has. */
export function formatAnswer(answer: DetectionAnswer, options: { readonly perClass: boolean }): string {
  const classes = options.perClass ? `\n${formatClasses(answer)}` : '';
  return formatScores(answer) + classes + formatAnalyses(answer, options);
}

/** The scores as pycocotools prints them, so that they can be compared line by line. */
export function formatScores(answer: DetectionAnswer): string {
  const { protocol, iou_type, stats, parameters } = answer;
  const ious = parameters.iou_thresholds;
  const range = `${ious[0]!.toFixed(2)}:${ious.at(-1)!.toFixed(2)}`;
  if (protocol !== 'coco') {
    const points = protocol === 'voc2007' ? '11 points' : 'area';
    return `Pascal VOC, ${points}, IoU ${ious.join(', ')}: mean AP = ${stats.AP!.toFixed(4)}\n`;
  }
  const limits = parameters.max_detections!;
  const lines = (iou_type === 'keypoints' ? KEYPOINT_LINES : DETECTION_LINES).map(([stat, kind, iou, area, limit]) => {
    const most = limit > 2 ? limit : limits[Math.min(limit, limits.length - 1)]!;
    const of = [
      `IoU=${(iou === 'all' ? range : iou).padEnd(9)}`,
      `area=${area.padStart(6)}`,
      `maxDets=${String(most).padStart(3)}`,
    ].join(' | ');
    return ` ${names[kind].padEnd(18)} (${kind}) @[ ${of} ] = ${stats[stat]!.toFixed(3)}\n`;
  });
  return lines.join('');
}

/** One row per class; a dash where COCO has −1. With intervals and best thresholds where the answer has them. */
export function formatClasses({ per_class, protocol, bootstrap, curves }: DetectionAnswer): string {
  const scores = protocol === 'coco' ? (['AP', 'AP50', 'AP75', 'AR100'] as const) : (['AP'] as const);
  const rows = per_class.map((entry, k) => {
    const interval = bootstrap?.per_class[k];
    const best = curves?.per_class[k]?.best;
    return [
      String(entry.class_id),
      entry.label,
      ...scores.map((score) => share(entry[score])),
      ...(bootstrap ? [share(interval?.low), share(interval?.high)] : []),
      ...(curves ? [share(best?.f1), share(best?.score)] : []),
      String(entry.ground_truth),
      String(entry.predictions),
    ];
  });
  const added = [...(bootstrap ? ['AP from', 'AP to'] : []), ...(curves ? ['best F1', 'at score'] : [])];
  const columns = [...scores, ...added, 'objects', 'predictions'].map(right);
  return formatTable([right('id'), left('class'), ...columns], rows);
}
