/** Text that is markup already. */
export class Html {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

type Part = string | number | Html | undefined | readonly Html[];

const ENTITIES: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };

/** Markup with values in it, each escaped unless it is markup itself. Only for text and quoted attributes. */
export function html(strings: TemplateStringsArray, ...parts: readonly Part[]): Html {
  return new Html(strings.reduce((text, string, i) => text + textOf(parts[i - 1]) + string));
}

function textOf(part: Part): string {
  if (part === undefined) return '';
  if (part instanceof Html) return part.text;
  if (typeof part === 'object') return part.map(({ text }) => text).join('');
  // Control characters have no place in a page, escaped or not.
  return String(part)
    .replace(/[&<>"']/g, (character) => ENTITIES[character]!)
    .replace(/\p{Cc}/gu, ' ');
}

/** A part of 1 in percent with one digit, as COCO's tables have it; a dash where it is undefined (−1). */
export function percent(value: number | undefined): string {
  return value === undefined || value < 0 ? '–' : (100 * value).toFixed(1);
}

/** A change in percent points with its sign. */
export function points(value: number): string {
  const text = (100 * value).toFixed(1);
  return text === '0.0' || text === '-0.0' ? '0.0' : text.replace('-', '−').replace(/^(?=\d)/, '+');
}

export function integer(value: number): string {
  return String(value).replace(/\B(?=(\d{3})+$)/g, '\u202f');
}

/** A coordinate or length in a drawing, as short as a tenth allows. */
export function at(value: number): string {
  return String(Math.round(value * 10) / 10);
}
