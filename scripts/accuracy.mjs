// Scores every model on the data that fits it, as `miru evaluate --model` does, and writes the README's table: npm run accuracy
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, delimiter, join } from 'node:path';
import process from 'node:process';
import { Writable } from 'node:stream';
import { parseArgs } from 'node:util';
import { accuracyTable, fillBlock, mergeAccuracy, parseAccuracy, takeBlock } from './tables.mjs';

const HELP = `npm run accuracy -- [--data [<title>=]<folder>]… [--models-dir <folder>]… [--model <id>]… [--dry-run]

Scores the models of the project, and of the folders given, on samples/shapes and the data given: a folder with the images
and a COCO .json, or with label maps in labels/ and the images in images/. Rows of the README's table that are not measured
anew stay as they are. --dry-run prints the rows and leaves the README alone.`;

const { values: flags } = parseArgs({
  options: {
    data: { type: 'string', multiple: true, default: [] },
    'models-dir': { type: 'string', multiple: true, default: [] },
    model: { type: 'string', multiple: true },
    'dry-run': { type: 'boolean', default: false },
    help: { type: 'boolean', short: 'h', default: false },
  },
});
if (flags.help) {
  console.log(HELP);
  process.exit();
}

const { run } = await import('../dist/cli/run.js');
const { evaluateSegmentation } = await import('../dist/evaluate/segmentation.js');
const { registry } = await import('../dist/registry/index.js');

const directories = ['models', ...flags['models-dir']].join(delimiter);
const local = ['--models-dir', directories, '--provider', 'cpu'];

const dataSets = ['shapes=samples/shapes', ...flags.data].flatMap(findData);

/** All rows of a model; one without a value where there is nothing to score it on. */
async function rowsOf(id) {
  const model = JSON.parse(await miru('models', 'inspect', id, '--json', '--models-dir', directories));
  const license = model.license ?? registry.find(({ sha256 }) => sha256 === model.sha256)?.license ?? '–';
  const about = { model: id, family: model.family, task: model.task, license };
  const measures = [];
  for (const set of dataSets.filter((set) => fits(set, model))) {
    for (const measure of await scorers[set.kind](set, model)) measures.push({ data: set.title, ...measure });
  }
  for (const { data, metric, value } of measures) console.log(`${id}: ${metric} ${value} on ${data}`);
  warnOfManifest(model, measures);
  if (measures.length > 0) return measures.map((measure) => ({ ...about, ...measure }));
  console.log(`${id}: no data at hand for ${model.task} of ${model.labels.slice(0, 3).join(', ')}…`);
  // The README lists every model that comes along.
  return existsSync(join('models', id)) ? [{ ...about, data: '–', metric: '–', value: '–' }] : [];
}

/** model.json may carry figures of its own. */
function warnOfManifest({ id, metrics }, measures) {
  const measured = measures.find(({ metric }) => metric === 'box AP (AP50)');
  if (!measured || typeof metrics?.AP !== 'number' || measures.length > 2) return;
  if (Math.abs(metrics.AP - measured.ap) > 0.0015) {
    console.log(
      `${id}: model.json says AP ${metrics.AP} (${metrics.dataset}), this run ${measured.value} on ${measured.data}`,
    );
  }
}

const isDetector = (task) => task === 'detection' || task === 'instance-segmentation';
const normalise = (name) => name.toLowerCase().replaceAll('_', ' ').trim();

function fits({ kind, categories }, { task, labels }) {
  const known = labels.map(normalise);
  if (kind === 'coco') return isDetector(task) && categories.every(({ name }) => known.includes(normalise(name)));
  // A label map holds category ids, and 0 where there is none.
  return task === 'semantic-segmentation' && categories.every(({ id, name }) => known[id] === normalise(name));
}

const scorers = {
  async coco({ truth, images }, { id, task }) {
    const measure = async (iouType, metric) => {
      const what = ['--ground-truth', truth, '--images', images, '--model', id, '--iou-type', iouType, '--json'];
      const { stats } = JSON.parse(await miru('evaluate', ...what, ...local));
      return { metric, value: `${decimal(stats.AP)} (${decimal(stats.AP50)})`, ap: stats.AP };
    };
    const boxes = await measure('bbox', 'box AP (AP50)');
    return task === 'detection' ? [boxes] : [boxes, await measure('segm', 'mask AP (AP50)')];
  },

  async maps({ maps, images, categories }, { id, labels }) {
    const folder = mkdtempSync(join(tmpdir(), 'miru-accuracy-'));
    try {
      const out = ['--format', 'png', '--mask-format', 'png', '--out', folder];
      await miru('segment', images, '--model', id, ...out, ...local);
      const names = labels.slice(0, 1 + Math.max(...categories.map((category) => category.id)));
      const limits = { maxPixels: 64e6, maxBytes: 2 ** 30 };
      const answer = await evaluateSegmentation(pngsIn(maps), pngsIn(folder), { labels: names }, limits);
      return [{ metric: 'mIoU', value: decimal(answer.mean_iou) }];
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  },
};

function pngsIn(folder) {
  return filesIn(folder, /\.png$/i).map((name) => ({ name, bytes: readFileSync(join(folder, name)) }));
}

/** The data sets of `[<title>=]<folder>`. */
function findData(argument) {
  const [, title, folder] = /^(?:([^=]+)=)?(.+)$/.exec(argument);
  if (!existsSync(folder) || !statSync(folder).isDirectory()) {
    console.log(`${folder}: no such folder; nothing is scored on it`);
    return [];
  }
  const images = existsSync(join(folder, 'images')) ? join(folder, 'images') : folder;
  const found = filesIn(folder, /\.json$/i).flatMap((name) => {
    const { images: list, categories, annotations } = JSON.parse(readFileSync(join(folder, name), 'utf8'));
    if (!Array.isArray(list) || !Array.isArray(categories) || !Array.isArray(annotations)) return [];
    const about = { title: `${title ?? basename(folder)}, ${list.length} images`, images, categories };
    const maps = join(folder, 'labels');
    return [
      { kind: 'coco', truth: join(folder, name), ...about },
      ...(existsSync(maps) && filesIn(maps, /\.png$/i).length === list.length
        ? [{ kind: 'maps', maps, ...about }]
        : []),
    ];
  });
  if (found.length === 0) console.log(`${folder}: no COCO .json in it; nothing is scored on it`);
  return found;
}

function filesIn(folder, pattern) {
  return readdirSync(folder)
    .filter((name) => pattern.test(name))
    .sort();
}

/** `.276`, `1.000`; COCO has −1 for what is not defined. */
function decimal(value) {
  return value < 0 ? '–' : value.toFixed(3).replace(/^0/, '');
}

/** Runs a command of Miru's in this process. @returns what it prints. */
async function miru(...argv) {
  const chunks = { stdout: [], stderr: [] };
  const capture = (name) =>
    new Writable({
      write(chunk, _encoding, done) {
        chunks[name].push(chunk);
        done();
      },
    });
  const [stdout, stderr] = [capture('stdout'), capture('stderr')];
  const code = await run({ argv, env: process.env, stdout, stderr, isTerminal: false, onSignal: () => {} });
  if (code === 0) return Buffer.concat(chunks.stdout).toString();
  console.error(`miru ${argv.join(' ')}:\n${Buffer.concat(chunks.stderr)}`);
  process.exit(code);
}

const { models } = JSON.parse(await miru('models', 'list', '--json', '--models-dir', directories));
const rows = [];
for (const { id, error } of models.filter(({ id }) => flags.model?.includes(id) ?? true)) {
  if (error) console.log(`${id}: cannot be served: ${error}`);
  else rows.push(...(await rowsOf(id)));
}
if (!flags['dry-run']) {
  const readme = readFileSync('README.md', 'utf8');
  const merged = mergeAccuracy(parseAccuracy(takeBlock(readme, 'accuracy')), rows);
  writeFileSync('README.md', fillBlock(readme, 'accuracy', accuracyTable(merged)));
}
