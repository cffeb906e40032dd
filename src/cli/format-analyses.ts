import type { AnalysisAnswers } from '../evaluate/analyses.ts';
import type { ConventionsAnswer, SizeAnswer, WorstAnswer } from '../evaluate/breakdowns.ts';
import type { BootstrapAnswer, ComparisonAnswer, ImageChangeAnswer } from '../evaluate/resampling.ts';
import { count } from './format-result.ts';
import { type Column, formatTable, printable } from './table.ts';

/** How many rows a list of the most confused or the most changed has. */
const ROWS = 10;

export const left = (title: string): Column => ({ title });
export const right = (title: string): Column => ({ title, align: 'right' });

/** Three digits as COCO's tables have them; a dash where COCO has −1. */
export function share(value: number | undefined): string {
  return value === undefined || value < 0 ? '–' : value.toFixed(3);
}

const NOTHING = '0.000';

/** A change with its sign. */
function change(value: number): string {
  const text = value.toFixed(3);
  if (text === NOTHING || text === `-${NOTHING}`) return NOTHING;
  return value > 0 ? `+${text}` : text;
}

/** A section for every analysis in the answer, each after an empty line. */
export function formatAnalyses(answer: AnalysisAnswers, { perClass }: { readonly perClass: boolean }): string {
  const { sizes, bootstrap, comparison, conventions, curves, errors, confusion, worst } = answer;
  const sections = [
    sizes && formatSizes(sizes),
    bootstrap && formatBootstrap(bootstrap),
    comparison && formatComparison(comparison, perClass),
    conventions && formatConventions(conventions),
    curves && formatCurves(curves),
    errors && formatErrors(errors),
    confusion && formatConfusion(confusion),
    worst && formatWorst(worst),
  ];
  return sections.flatMap((section) => (section ? [`\n${section}`] : [])).join('');
}

function formatSizes(sizes: readonly SizeAnswer[]): string {
  const rows = sizes.map(({ label, AP, AR, ground_truth }) => [label, share(AP), share(AR), String(ground_truth)]);
  return titled('AP by size of object', [left('pixels'), right('AP'), right('AR'), right('objects')], rows);
}

function formatBootstrap({ AP, confidence, resamples }: BootstrapAnswer): string {
  return `AP ${share(AP.value)}, ${percent(confidence)} interval ${share(AP.low)} to ${share(AP.high)} (${resamples} resamples of the images)\n`;
}

function formatComparison(comparison: ComparisonAnswer, perClass: boolean): string {
  const { AP, confidence, better, resamples, per_class, images } = comparison;
  const row = (label: string, { baseline, predictions, difference }: typeof AP) => [
    label,
    share(baseline),
    share(predictions),
    change(difference.value),
    `${change(difference.low)} to ${change(difference.high)}`,
  ];
  const numbers = ['baseline', 'this', 'change', `${percent(confidence)} interval`].map(right);
  const classes = per_class.map((entry) => row(entry.label, entry));
  const between = classes.length - 2 * ROWS;
  const shown =
    perClass || between <= 0
      ? classes
      : [...classes.slice(0, ROWS), [`… ${between} more with --per-class`], ...classes.slice(-ROWS)];
  return [
    titled(
      'Compared with the baseline: classes, most improved first',
      [left('AP'), ...numbers],
      [row('all', AP), ...shown],
    ),
    `  Better in ${percent(better)} of ${resamples} resamples of the images.\n`,
    `\n${count(images.better, 'image')} got better, ${images.worse} worse, ${images.same} stayed the same, by LRP error (0 is perfect)\n`,
    imageTable('most improved', images.most_improved),
    imageTable('most worsened', images.most_worsened),
  ].join('');
}

function imageTable(title: string, changes: readonly ImageChangeAnswer[]): string {
  if (changes.length === 0) return '';
  const rows = changes
    .slice(0, ROWS)
    .map(({ image_id, file_name, baseline, predictions, difference }) => [
      file_name ?? String(image_id),
      share(baseline.lrp),
      share(predictions.lrp),
      change(difference),
    ]);
  return `\n${formatTable([left(title), right('baseline'), right('this'), right('change')], rows, '  ')}`;
}

function formatConventions({ iou_threshold, definitions }: ConventionsAnswer): string {
  const rows = definitions.flatMap(({ name, AP, causes }) => {
    const steps = causes.map((cause) => [`  ${cause.explanation}`, share(cause.AP), change(cause.change)]);
    const told = steps.filter((step) => step[2] !== NOTHING);
    const silent = steps.length - told.length;
    const others = silent > 0 ? [[`  ${silent} ${told.length ? 'more ' : ''}differences change nothing here`]] : [];
    return [[name, share(AP)], ...told, ...others];
  });
  const columns = [left('definition, and what leads to it from COCO’s'), right('AP'), right('change')];
  return titled(`AP at IoU ${iou_threshold} by several definitions`, columns, rows);
}

function formatCurves({ iou_threshold, overall: { best } }: NonNullable<AnalysisAnswers['curves']>): string {
  if (!best) return `At IoU ${iou_threshold}, nothing that was found is right.\n`;
  const { score, f1, precision, recall } = best;
  return `Best F1 at IoU ${iou_threshold}: ${share(f1)} from score ${share(score)} (precision ${share(precision)}, recall ${share(recall)})\n`;
}

const ERRORS: Readonly<Record<string, string>> = {
  classification: 'wrong class',
  localization: 'wrong place',
  both: 'wrong class and place',
  duplicate: 'found twice',
  background: 'nothing there',
  missed: 'missed',
};

function formatErrors(errors: NonNullable<AnalysisAnswers['errors']>): string {
  const kinds = Object.entries(errors.kinds).map(([kind, cost]) => [ERRORS[kind] ?? kind, cost] as const);
  const totals = [
    ['all wrong detections', errors.false_positives],
    ['all missed objects', errors.false_negatives],
  ] as const;
  const rows = [...kinds, ...totals].map(([label, { count, cost }]) => [label, String(count), change(cost)]);
  return titled(
    `What costs AP at IoU ${errors.iou_threshold} (${share(errors.AP)}): each kind of error alone, by TIDE`,
    [left('error'), right('times'), right('AP without it')],
    rows,
  );
}

function formatConfusion(confusion: NonNullable<AnalysisAnswers['confusion']>): string {
  const { labels, matrix, score_threshold, iou_threshold } = confusion;
  const background = labels.length - 1;
  const at = `from score ${score_threshold} at IoU ${iou_threshold}`;
  const mixed = matrix
    .flatMap((counts, row) => counts.map((count, column) => ({ count, row, column })))
    .filter(({ count, row, column }) => count > 0 && row !== column && row < background && column < background)
    .sort((a, b) => b.count - a.count)
    .slice(0, ROWS);
  if (mixed.length === 0) return `No object was taken for one of another class, ${at}.\n`;
  return titled(
    `Most often taken for something else, ${at}`,
    [left('object'), left('taken for'), right('times')],
    mixed.map(({ row, column, count }) => [labels[row]!, labels[column]!, String(count)]),
  );
}

function formatWorst({ images, score_threshold, iou_threshold }: WorstAnswer): string {
  const rows = images.map(({ image_id, file_name, lrp, f1, true_positives, false_positives, missed }) => [
    file_name ?? String(image_id),
    share(lrp),
    share(f1),
    String(true_positives),
    String(false_positives),
    String(missed),
  ]);
  return titled(
    `Worst images by LRP error, from score ${share(score_threshold)} at IoU ${iou_threshold}`,
    [left('image'), ...['LRP', 'F1', 'right', 'wrong', 'missed'].map(right)],
    rows,
  );
}

function titled(title: string, columns: readonly Column[], rows: readonly (readonly string[])[]): string {
  return `${printable(title)}\n${formatTable(columns, rows, '  ')}`;
}

function percent(value: number): string {
  return `${Number((100 * value).toFixed(1))} %`;
}
