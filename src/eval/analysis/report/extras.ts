import type { Comparison } from '../compare.ts';
import type { ConventionScore } from '../conventions.ts';
import { type Html, html, percent, points } from './html.ts';

/** How many changes are listed on either side. */
const ROWS = 8;

export function conventionTable(scores: readonly ConventionScore[]): Html {
  const tiles = scores.map(({ name, ap }) => html`<div class="tile"><b>${percent(ap)}</b><span>${name}</span></div>`);
  const steps = scores
    .filter(({ causes }) => causes.length > 0)
    .map(({ name, causes }) => {
      const told = causes.filter(({ change }) => points(change) !== '0.0');
      const rows = told.map(
        ({ explanation, change, ap }) =>
          html`<tr><td class="text" style="max-width:none">${explanation}</td><td>${tone(change)}</td><td>${percent(ap)}</td></tr>`,
      );
      const table = rows.length > 0 ? html`<div class="scroll"><table>${rows}</table></div>` : undefined;
      const silent = causes.length - told.length;
      const others =
        silent > 0
          ? html`<p>${silent} ${told.length > 0 ? 'more ' : ''}differences change nothing here.</p>`
          : undefined;
      return html`<h3>From COCO to ${name}</h3>${table}${others}`;
    });
  return html`<section><h2>Why other tools say other numbers</h2><p>The same boxes at IoU 0.5 under four definitions of AP, and what each difference does, one after the other.</p><div class="tiles">${tiles}</div>${steps}</section>`;
}

export function comparisonTable(
  { baseline, candidate, difference, confidence, better, classes, images }: Comparison,
  imageName: (id: number) => string,
): Html {
  const rows = classes.map(
    ({ name, baseline, candidate, difference }) =>
      html`<tr><td>${name}</td><td>${percent(baseline)}</td><td>${percent(candidate)}</td><td>${tone(difference.value)}</td><td class="soft">${points(difference.low)} to ${points(difference.high)}</td></tr>`,
  );
  const changed = images.filter(({ difference }) => difference !== 0);
  const pictures = changed.map(
    ({ imageId, baseline, candidate, difference }) =>
      html`<tr><td>${imageName(imageId)}</td><td>${percent(baseline.lrp)}</td><td>${percent(candidate.lrp)}</td><td>${tone(difference, true)}</td></tr>`,
  );
  return html`<section><h2>Compared with the baseline</h2><div class="hero"><div><b>${points(difference.value)}</b><small>points of AP, ${Number((100 * confidence).toFixed(1))} % interval ${points(difference.low)} to ${points(difference.high)}</small></div><div class="tiles"><div class="tile"><b>${percent(baseline)}</b><span>baseline</span></div><div class="tile"><b>${percent(candidate)}</b><span>this</span></div><div class="tile"><b>${percent(better)}</b><span>% of resamples better</span></div></div></div><div class="two"><div><h3>Classes, most improved first</h3><div class="scroll"><table><tr><th>class</th><th>baseline</th><th>this</th><th>change</th><th>interval</th></tr>${ends(rows, 5)}</table></div></div><div><h3>Images by LRP error, most improved first</h3><div class="scroll"><table><tr><th>image</th><th>baseline</th><th>this</th><th>change</th></tr>${ends(pictures, 4)}</table></div></div></div></section>`;
}

/** The rows that say most, and how many there are between them. */
function ends(rows: readonly Html[], columns: number): readonly Html[] {
  const between = rows.length - 2 * ROWS;
  if (between <= 0) return rows;
  return [
    ...rows.slice(0, ROWS),
    html`<tr><td class="soft" colspan="${columns}">… ${between} more</td></tr>`,
    ...rows.slice(-ROWS),
  ];
}

/** A change in green where it is good; of errors, less is better. */
function tone(value: number, ofErrors = false): Html {
  const text = points(value);
  const isBetter = ofErrors ? value < 0 : value > 0;
  const color = text === '0.0' ? 'soft' : isBetter ? 'good' : 'bad';
  return html`<span class="${color}">${text}</span>`;
}
