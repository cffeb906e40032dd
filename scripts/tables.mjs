/** The README's tables, as Markdown. */

export function familiesTable(families) {
  const rows = Object.entries(families).map(([name, { title, task, reference }]) => {
    const origin = reference.split(':')[0].trim();
    return `| \`${name}\` | ${title} | ${task} | ${/^[\w.-]+\/[\w.-]+$/.test(origin) ? origin : '–'} |`;
  });
  return ['| family | models | task | conventions from |', '|---|---|---|---|', ...rows].join('\n');
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

/** Replaces what stands between `<!-- name -->` and `<!-- /name -->`. */
export function fillBlock(text, name, content) {
  const [start, end] = [`<!-- ${name} -->`, `<!-- /${name} -->`];
  const from = text.indexOf(start);
  const to = text.indexOf(end);
  if (from < 0 || to < from) throw new Error(`README.md has no block ${start} … ${end}`);
  return `${text.slice(0, from + start.length)}\n${content}\n${text.slice(to)}`;
}
