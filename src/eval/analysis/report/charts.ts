import type { Interval } from '../bootstrap.ts';
import type { ConfusionMatrix } from '../confusion.ts';
import type { PrecisionRecallCurve, PrecisionRecallCurves } from '../curves.ts';
import { at, type Html, html, percent } from './html.ts';

/** A bar from 0 to `value` of 1, with the interval around it. */
export function bar(value: number, interval?: Interval, color = 'accent'): Html {
  const width = 150;
  const whisker =
    interval && value >= 0
      ? html`<line class="whisker" x1="${at(width * interval.low)}" x2="${at(width * interval.high)}" y1="6" y2="6"/>`
      : undefined;
  return html`<svg width="${width}" height="12" viewBox="0 0 ${width} 12" aria-hidden="true"><rect class="track" width="${width}" height="8" y="2" rx="4"/><rect width="${at(width * Math.max(0, value))}" height="8" y="2" rx="4" style="fill:var(--${color})"/>${whisker}</svg>`;
}

/** Precision by recall in a square of `size`, as the best precision at each recall or more; `d` of a path. */
function outline({ precision, recall }: PrecisionRecallCurve, size: number): string {
  const n = precision.length;
  if (n === 0) return '';
  const best = precision.slice();
  for (let i = n - 1; i > 0; i--) best[i - 1] = Math.max(best[i - 1]!, best[i]!);
  // A picture has no finer steps than its pixels.
  const y = (p: number) => Math.round((1 - p) * size);
  let path = `M0 ${y(best[0]!)}`;
  let [lastX, lastY] = [0, y(best[0]!)];
  for (let i = 0; i < n; i++) {
    const [nextX, nextY] = [Math.round(recall[i]! * size), y(best[i]!)];
    if (nextY !== lastY) path += `V${nextY}`;
    if (nextX !== lastX) path += `H${nextX}`;
    [lastX, lastY] = [nextX, nextY];
  }
  return `${path}V${size}`.replace(/H\d+(?=H)/g, '').replace(/V\d+(?=V)/g, '');
}

export function sparkline(curve: PrecisionRecallCurve): Html {
  return html`<svg width="40" height="26" viewBox="-1 -1 42 42" preserveAspectRatio="none" aria-hidden="true"><rect class="track" width="40" height="40"/><path class="curve" style="opacity:1" d="${outline(curve, 40)}"/></svg>`;
}

/** All classes faintly, everything together in bold, with the point of the best F1. */
export function curvePlot({ classes, overall }: PrecisionRecallCurves): Html {
  const size = 400;
  const ticks = [0, 0.25, 0.5, 0.75, 1];
  const grid = ticks.map(
    (t) =>
      html`<path class="grid" d="M0 ${at(size * t)}H${size}M${at(size * t)} 0V${size}"/><text x="-8" y="${at(size * (1 - t) + 4)}" text-anchor="end">${100 * t}</text><text x="${at(size * t)}" y="${size + 18}" text-anchor="middle">${100 * t}</text>`,
  );
  const lines = classes
    .filter(({ truths, scores }) => truths > 0 && scores.length > 0)
    .map((curve) => html`<path class="curve" d="${outline(curve, size)}"><title>${curve.name}</title></path>`);
  const { best } = overall;
  const dot = best
    ? html`<circle cx="${at(size * best.recall)}" cy="${at(size * (1 - best.precision))}" r="5" style="fill:var(--bad);stroke:var(--card);stroke-width:2"/>`
    : undefined;
  return html`<svg viewBox="-40 -8 452 456" role="img" aria-label="Precision by recall">${grid}${lines}<path class="main" d="${outline(overall, size)}"/>${dot}<text x="${size / 2}" y="${size + 38}" text-anchor="middle">recall</text><text transform="translate(-32 ${size / 2}) rotate(-90)" text-anchor="middle">precision</text></svg>`;
}

const LEVELS = 8;
/** Up to so many classes, cells are large enough for numbers and names. */
const FEW = 20;

/** Shares of each row's objects (of the background row: of all its detections), darker for more. */
export function confusionPlot({ names, counts }: ConfusionMatrix): Html {
  const size = names.length + 1;
  const few = size <= FEW + 1;
  const cell = few ? 34 : Math.max(5, Math.floor(860 / size));
  const labels = [...names, 'background'];
  const paths = { right: new Array<string>(LEVELS).fill(''), wrong: new Array<string>(LEVELS).fill('') };
  const numbers: Html[] = [];
  for (let i = 0; i < size; i++) {
    const row = counts.subarray(i * size, (i + 1) * size);
    const total = row.reduce((sum, n) => sum + n, 0);
    row.forEach((n, j) => {
      if (n === 0) return;
      const level = Math.min(LEVELS - 1, Math.floor(Math.sqrt(n / total) * LEVELS));
      paths[i === j ? 'right' : 'wrong'][level] += `M${j * cell} ${i * cell}h${cell}v${cell}h-${cell}z`;
      if (few) {
        numbers.push(
          html`<text x="${at((j + 0.5) * cell)}" y="${at((i + 0.5) * cell + 4)}" text-anchor="middle" class="ink">${n}</text>`,
        );
      }
    });
  }
  const layer = (list: string[], color: string) =>
    list.flatMap((d, level) =>
      d ? [html`<path d="${d}" style="fill:var(--${color});opacity:${at((level + 1) / LEVELS)}"/>`] : [],
    );
  // Long names are cut: they are in the tables in full.
  const short = (name: string) => (name.length > 16 ? `${name.slice(0, 15)}…` : name);
  const font = Math.min(11, cell - 0.5);
  const texts = labels.map(
    (name, i) =>
      html`<text x="-6" y="${at((i + 0.5) * cell + font * 0.35)}" text-anchor="end">${short(name)}</text><text transform="translate(${at((i + 0.5) * cell + font * 0.35)} -6) rotate(-90)">${short(name)}</text>`,
  );
  const side = size * cell;
  const margin = few ? 110 : 12 * font * 0.75;
  return html`<svg width="${at(side + margin + 4)}" viewBox="${at(-margin)} ${at(-margin)} ${at(side + margin + 4)} ${at(side + margin + 4)}" role="img" aria-label="Confusion matrix"><g style="font-size:${at(font)}px"><rect class="track" width="${side}" height="${side}" style="opacity:.5"/>${layer(paths.wrong, 'bad')}${layer(paths.right, 'accent')}<path class="grid" d="M0 ${side - cell}H${side}M${side - cell} 0V${side}"/><g class="labels">${texts}</g>${numbers}</g></svg>`;
}

/** A row of labelled horizontal bars; `max` fills the width. */
export function bars(rows: readonly { label: string; value: number; note: string; color: string }[]): Html {
  const [left, width, step] = [116, 300, 34];
  const max = rows.reduce((most, { value }) => Math.max(most, value), 1e-9);
  const drawn = rows.map(
    ({ label, value, note, color }, i) =>
      html`<text class="ink" x="${left - 10}" y="${i * step + 17}" text-anchor="end" style="font-size:13px">${label}</text><rect class="track" x="${left}" y="${i * step + 3}" width="${width}" height="20" rx="5"/><rect x="${left}" y="${i * step + 3}" width="${at((width * value) / max)}" height="20" rx="5" style="fill:var(--${color})"/><text class="ink" x="${left + width + 10}" y="${i * step + 17}" style="font-size:13px">${percent(value)}</text><text x="${left + width + 52}" y="${i * step + 17}">${note}</text>`,
  );
  return html`<svg width="560" viewBox="0 0 560 ${rows.length * step}" role="img">${drawn}</svg>`;
}
