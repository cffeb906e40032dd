export interface Column {
  readonly title: string;
  readonly align?: 'left' | 'right';
}

/** Rows under titles, in columns as wide as their widest cell, two spaces apart. Every line ends in a newline. */
export function formatTable(columns: readonly Column[], rows: readonly (readonly string[])[], indent = ''): string {
  const cells = [columns.map(({ title }) => title), ...rows].map((row) => row.map(printable));
  const widths = columns.map((_, i) => Math.max(...cells.map((row) => lengthOf(row[i] ?? ''))));
  const lines = cells.map((row) =>
    columns
      .map(({ align }, i) => {
        const cell = row[i] ?? '';
        const gap = ' '.repeat(widths[i]! - lengthOf(cell));
        return align === 'right' ? gap + cell : cell + gap;
      })
      .join('  '),
  );
  return lines
    .map((line) => `${indent}${line}`.trimEnd())
    .join('\n')
    .concat('\n');
}

/** Names come from files and models; none may move the terminal's cursor or change its colours. */
export function printable(text: string): string {
  return text.replaceAll(/\p{Cc}/gu, '�');
}

function lengthOf(text: string): number {
  return [...text].length;
}
