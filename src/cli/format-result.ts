import type { z } from 'zod';
import type { prediction } from '../http/responses.ts';
import { type Column, formatTable, printable } from './table.ts';

/** The JSON document of a prediction, as the HTTP API answers it. */
export type Prediction = z.output<typeof prediction>;
export type ImageResult = Prediction['results'][number];

const sides = ['xmin', 'ymin', 'xmax', 'ymax'] as const;
const label: Column = { title: 'label' };
const score: Column = { title: 'score', align: 'right' };

/** What was found in one image, for a person. */
export function formatResult({ image, detections, segments, classes }: ImageResult): string {
  const head = `${printable(image.name)}  ${image.width}×${image.height}`;
  if (detections) return `${head}  ${count(detections.length, 'object')}\n${boxes(detections)}`;
  if (segments) {
    const rows = segments.map((s) => [s.label, `${(100 * s.fraction).toFixed(1)} %`, String(s.pixels)]);
    const columns: Column[] = [label, { title: 'share', align: 'right' }, { title: 'pixels', align: 'right' }];
    return `${head}\n${formatTable(columns, rows, '  ')}`;
  }
  return `${head}\n${classTable(classes ?? [])}`;
}

function boxes(detections: NonNullable<ImageResult['detections']>): string {
  if (detections.length === 0) return '';
  const columns = [label, score, ...sides.map((title): Column => ({ title, align: 'right' }))];
  const rows = detections.map((d) => [d.label, d.score.toFixed(3), ...sides.map((side) => d.box[side].toFixed(1))]);
  return formatTable(columns, rows, '  ');
}

function classTable(classes: NonNullable<ImageResult['classes']>): string {
  const rows = classes.map((c) => [c.label, c.score.toFixed(3)]);
  return rows.length === 0 ? '  no class is that sure\n' : formatTable([label, score], rows, '  ');
}

/** `1 picture`, `2 pictures`. */
export function count(n: number, noun: string): string {
  return `${n} ${noun}${n === 1 ? '' : 's'}`;
}
