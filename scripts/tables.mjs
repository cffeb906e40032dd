/** The README's tables, as Markdown. */

export function familiesTable(families) {
  const rows = Object.entries(families).map(([name, { title, task, reference, checked }]) => {
    const origin = reference.split(':')[0].trim();
    return `| \`${name}\` | ${title} | ${task} | ${/^[\w.-]+\/[\w.-]+$/.test(origin) ? origin : '–'} | ${checked ?? 'run'} |`;
  });
  return ['| family | models | task | conventions from | checked by |', '|---|---|---|---|---|', ...rows].join('\n');
}

export function settingsTable({ settings, settingNames, environmentName }) {
  const rows = settingNames.map((name) => {
    const schema = settings[name];
    const isMachineDependent = ['models_dir', 'workers', 'threads'].includes(name);
    const byDefault = isMachineDependent ? machineDefaults[name] : format(schema.safeParse(undefined).data);
    return `| \`${environmentName(name)}\` | ${byDefault} | ${schema.description} |`;
  });
  return ['| setting | default | |', '|---|---|---|', ...rows].join('\n');
}

const machineDefaults = {
  models_dir: 'the project’s `models/`',
  workers: 'cores, at most 4',
  threads: 'cores ÷ workers',
};

function format(value) {
  if (value === undefined || (Array.isArray(value) && value.length === 0)) return '–';
  return `\`${Array.isArray(value) ? value.join(',') : value}\``;
}

const accuracyColumns = ['model', 'family', 'task', 'data', 'metric', 'value', 'licence'];

/** @param rows of { model, family, task, data, metric, value, license } */
export function accuracyTable(rows) {
  const lines = rows.map(
    ({ model, family, task, data, metric, value, license }) =>
      `| \`${model}\` | \`${family}\` | ${task} | ${data} | ${metric} | ${value} | ${license} |`,
  );
  return [`| ${accuracyColumns.join(' | ')} |`, '|---|---|---|---|---|---|---|', ...lines].join('\n');
}

/** The rows of a table that `accuracyTable` has written. */
export function parseAccuracy(table) {
  return table
    .trim()
    .split('\n')
    .slice(2)
    .map((line) => {
      const [model, family, task, data, metric, value, license] = line
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim().replaceAll('`', ''));
      return { model, family, task, data, metric, value, license };
    });
}

/** New rows in the place of old ones about the same; a row without a value gives way to any other of its model. */
export function mergeAccuracy(old, measured) {
  const keyOf = ({ model, data, metric }) => [model, data, metric].join('|');
  const rows = new Map([...old, ...measured].map((row) => [keyOf(row), row]));
  const valued = new Set([...rows.values()].filter(({ value }) => value !== '–').map(({ model }) => model));
  const tasks = ['detection', 'instance-segmentation', 'semantic-segmentation', 'classification'];
  const compare = (a, b) => (a < b ? -1 : Number(a > b));
  return [...rows.values()]
    .filter(({ model, value }) => value !== '–' || !valued.has(model))
    .sort(
      (a, b) => tasks.indexOf(a.task) - tasks.indexOf(b.task) || compare(a.data, b.data) || compare(keyOf(a), keyOf(b)),
    );
}

/** What stands between `<!-- name -->` and `<!-- /name -->`. */
export function takeBlock(text, name) {
  const [, content] = text.split(`<!-- ${name} -->\n`);
  if (content === undefined) throw new Error(`README.md has no block <!-- ${name} -->`);
  return content.split(`<!-- /${name} -->`)[0];
}

/** Replaces what stands between `<!-- name -->` and `<!-- /name -->`. */
export function fillBlock(text, name, content) {
  const [start, end] = [`<!-- ${name} -->`, `<!-- /${name} -->`];
  const from = text.indexOf(start);
  const to = text.indexOf(end);
  if (from < 0 || to < from) throw new Error(`README.md has no block ${start} … ${end}`);
  return `${text.slice(0, from + start.length)}\n${content}\n${text.slice(to)}`;
}
