import { ERROR_KINDS, type ErrorKind } from '../error-matching.ts';
import { bar, bars, confusionPlot, curvePlot, sparkline } from './charts.ts';
import type { ReportData } from './data.ts';
import { type Html, html, integer, percent, points } from './html.ts';

/** How many rows a list of the worst or the most changed has. */
const ROWS = 12;

export function headline({ summary, interval, warnings }: ReportData): Html {
  const { AP, ...others } = summary;
  const tiles = Object.entries(others).map(
    ([name, value]) => html`<div class="tile"><b>${percent(value)}</b><span>${name}</span></div>`,
  );
  const range = interval
    ? html`<small>AP, 95 % interval ${percent(interval.low)} to ${percent(interval.high)}</small>`
    : html`<small>AP</small>`;
  const notes = warnings.map((warning) => html`<p class="warn">${warning}</p>`);
  return html`<section><div class="hero"><div><b>${percent(AP)}</b>${range}</div><div class="tiles">${tiles}</div></div>${notes}</section>`;
}

export function classTable({ classes, curves }: ReportData): Html {
  const order = [...classes.keys()].sort((a, b) => classes[b]!.ap - classes[a]!.ap);
  const shown = order.filter((k) => classes[k]!.truths > 0 || classes[k]!.detections > 0);
  const rows = shown.map((k) => {
    const { name, truths, detections, ap, ap50, interval } = classes[k]!;
    const curve = curves.classes[k]!;
    const { best } = curve;
    return html`<tr><td title="${name}">${name}</td><td>${percent(ap)}</td><td>${bar(ap, interval)}</td><td>${percent(ap50)}</td><td>${sparkline(curve)}</td><td>${best ? best.score.toFixed(2) : '–'}</td><td>${percent(best?.f1)}</td><td>${integer(truths)}</td><td>${integer(detections)}</td></tr>`;
  });
  return html`<section><h2>Classes</h2><p>AP over all thresholds, with the interval that other images of the same kind would likely give; AP50 with its curve; and the score threshold at which F1 is best.</p><div class="scroll"><table><tr><th>class</th><th>AP</th><th></th><th>AP50</th><th>curve</th><th>threshold</th><th>best F1</th><th>objects</th><th>detections</th></tr>${rows}</table></div></section>`;
}

export function curves({ curves, sizes }: ReportData): Html {
  const { best } = curves.overall;
  const advice = best
    ? html`<h3>Best threshold for all classes</h3><div class="tiles"><div class="tile"><b>${best.score.toFixed(3)}</b><span>score</span></div><div class="tile"><b>${percent(best.f1)}</b><span>F1</span></div><div class="tile"><b>${percent(best.precision)}</b><span>precision</span></div><div class="tile"><b>${percent(best.recall)}</b><span>recall</span></div></div>`
    : html`<p>Nothing that was found is right.</p>`;
  const rows = sizes.map(
    ({ label, ap, ar, truths }) =>
      html`<tr><td>${label}</td><td>${percent(ap)}</td><td>${bar(ap)}</td><td>${percent(ar)}</td><td>${integer(truths)}</td></tr>`,
  );
  return html`<section><h2>Precision and recall</h2><p>At IoU ${curves.iouThreshold}: one faint line per class, all classes in one ranking in bold; the dot is the best F1.</p><div class="two"><div>${curvePlot(curves)}</div><div>${advice}<h3>By size of object</h3><div class="scroll"><table><tr><th>area in pixels</th><th>AP</th><th></th><th>AR</th><th>objects</th></tr>${rows}</table></div></div></div></section>`;
}

const ERROR_TEXTS: Readonly<Record<ErrorKind, readonly [label: string, color: string]>> = {
  classification: ['wrong class', 'accent'],
  localization: ['wrong place', 'warm'],
  both: ['both', 'violet'],
  duplicate: ['duplicate', 'teal'],
  background: ['background', 'soft'],
  missed: ['missed', 'bad'],
};

export function errors({ errors }: ReportData): Html {
  const rows = ERROR_KINDS.map((kind) => {
    const [label, color] = ERROR_TEXTS[kind];
    const { cost, count } = errors.kinds[kind];
    return { label, color, value: cost, note: `${integer(count)} ×` };
  });
  const total = (label: string, { cost, count }: { cost: number; count: number }) =>
    html`<div class="tile"><b>${points(cost)}</b><span>without ${integer(count)} ${label}</span></div>`;
  return html`<section><h2>What costs AP</h2><p>Points of AP at IoU ${errors.iouThreshold} (${percent(errors.ap)}) that correcting each kind of error alone would bring back, by the rules of TIDE. They do not add up: one error hides another.</p><div class="two"><div class="scroll">${bars(rows)}</div><div><div class="tiles">${total('wrong detections', errors.falsePositives)}${total('missed objects', errors.falseNegatives)}</div></div></div></section>`;
}

export function confusion({ confusion }: ReportData): Html {
  const { names, counts, scoreThreshold, iouThreshold } = confusion;
  const size = names.length + 1;
  const label = (k: number) => names[k] ?? 'background';
  const mixed = Array.from(counts, (count, i) => ({ count, row: Math.floor(i / size), column: i % size }))
    .filter(({ count, row, column }) => count > 0 && row !== column && row < size - 1 && column < size - 1)
    .sort((a, b) => b.count - a.count)
    .slice(0, ROWS);
  const rows = mixed.map(
    ({ row, column, count }) =>
      html`<tr><td>${label(row)}</td><td class="text">${label(column)}</td><td>${integer(count)}</td></tr>`,
  );
  const table = rows.length
    ? html`<h3>Most often taken for something else</h3><div class="scroll"><table><tr><th>object</th><th style="text-align:left">taken for</th><th>times</th></tr>${rows}</table></div>`
    : html`<p>No object was taken for one of another class.</p>`;
  return html`<section><h2>Confusion</h2><p>Rows are objects, columns what they were taken for, with detections from score ${scoreThreshold.toFixed(3)} at IoU ${iouThreshold}. The last column is what was missed, the last row what is not there.</p><div class="scroll">${confusionPlot(confusion)}</div>${table}</section>`;
}

export function worstImages({ imageScores, imageName }: ReportData): Html {
  const { images, scoreThreshold, iouThreshold } = imageScores;
  const rows = images
    .filter(({ lrp }) => lrp > 0)
    .slice(0, ROWS)
    .map(
      ({ imageId, truePositives, falsePositives, missed, f1, lrp }) =>
        html`<tr><td>${imageName(imageId)}</td><td>${percent(lrp)}</td><td>${bar(lrp, undefined, 'bad')}</td><td>${percent(f1)}</td><td>${truePositives}</td><td>${falsePositives}</td><td>${missed}</td></tr>`,
    );
  const table = rows.length
    ? html`<div class="scroll"><table><tr><th>image</th><th>LRP error</th><th></th><th>F1</th><th>right</th><th>wrong</th><th>missed</th></tr>${rows}</table></div>`
    : html`<p>Every image is perfect.</p>`;
  return html`<section><h2>Worst images</h2><p>By LRP error, which counts what is wrong, what is missed and how far off the rest is, at score ${scoreThreshold.toFixed(3)} and IoU ${iouThreshold}.</p>${table}</section>`;
}
