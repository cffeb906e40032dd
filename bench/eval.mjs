// npm run bench:eval: seconds to load and to score COCO data sets, and peak memory, each in a process of its own.
//   --runs 5                                    take the median of so many (default 3)
//   --python python3                            the same with pycocotools, side by side
//   --ground-truth gt.json --predictions dt.json --iou-type bbox    measure these files instead
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { generate, SHAPES } from './eval-data.mjs';

const { values: options } = parseArgs({
  options: {
    runs: { type: 'string', default: '3' },
    python: { type: 'string' },
    'ground-truth': { type: 'string' },
    predictions: { type: 'string' },
    'iou-type': { type: 'string', default: 'bbox' },
  },
});
const runs = Math.max(1, Math.floor(Number(options.runs)));
const script = (name) => fileURLToPath(new URL(name, import.meta.url));
/** What scoring may take on two cores of a 2020s server, and memory. */
const GOALS = { bbox: 0.7, segm: 0.35, keypoints: 0.25, mib: 600 };

console.log(`${cpus()[0]?.model ?? 'unknown processor'}, ${availableParallelism()} cores, Node ${process.version}`);
console.log(`median of ${runs} processes; “score” is evaluate, accumulate and summarize, on one thread\n`);
const python = options.python && findPycocotools(options.python);

const folder = mkdtempSync(join(tmpdir(), 'miru-bench-'));
try {
  for (const set of sets()) measure(set);
} finally {
  rmSync(folder, { recursive: true });
}

function* sets() {
  const { 'ground-truth': groundTruth, predictions, 'iou-type': iouType } = options;
  if (groundTruth && predictions) {
    yield { title: `${iouType}: ${predictions}`, groundTruth, predictions, iouType };
    return;
  }
  for (const [iouType, { images, truths, detections }] of Object.entries(SHAPES)) {
    const data = generate(iouType);
    const [groundTruth, predictions] = ['gt', 'dt'].map((side) => join(folder, `${iouType}-${side}.json`));
    writeFileSync(groundTruth, JSON.stringify(data.groundTruth));
    writeFileSync(predictions, JSON.stringify(data.results));
    const title = `${iouType}: ${images} images, ${truths} objects, ${detections} detections`;
    yield { title, groundTruth, predictions, iouType, goal: GOALS[iouType] };
  }
}

function measure({ title, groundTruth, predictions, iouType, goal }) {
  const args = [groundTruth, predictions, iouType];
  const miru = median(() => run(process.execPath, [script('eval-one.mjs'), ...args]));
  console.log(title);
  console.log('                load s   score s   peak MiB   AP');
  print('miru', miru);
  if (goal) console.log(`  at most                ${goal.toFixed(2).padStart(7)}   ${String(GOALS.mib).padStart(8)}`);
  if (python) {
    const other = median(() => run(python, [script('eval-pycocotools.py'), ...args]));
    print('pycocotools', other);
    const ratio = (key) => `${(other[key] / miru[key]).toFixed(1)} ×`;
    const [load, score, mib] = [ratio('load'), ratio('score'), ratio('mib')];
    console.log(`  ratio         ${load.padStart(6)}   ${score.padStart(7)}   ${mib.padStart(8)}`);
  }
  console.log();
}

function print(name, { load, score, mib, AP }) {
  const columns = [load.toFixed(2).padStart(6), score.toFixed(3).padStart(7), mib.toFixed(0).padStart(8)];
  console.log(`  ${name.padEnd(14)}${columns.join('   ')}   ${AP.toFixed(4)}`);
}

/** Each number's median over the runs. */
function median(once) {
  const results = Array.from({ length: runs }, once);
  const middle = (key) => results.map((result) => result[key]).sort((a, b) => a - b)[Math.floor(runs / 2)];
  return { load: middle('load'), score: middle('score'), mib: middle('mib'), AP: middle('AP') };
}

function run(command, args) {
  const { status, stdout, stderr, error } = spawnSync(command, args, { encoding: 'utf8' });
  if (error) throw error;
  if (status !== 0) throw new Error(`${command} ${args[0]} failed: ${stderr}`);
  return JSON.parse(stdout);
}

/** The interpreter, if it has pycocotools; says so if not. */
function findPycocotools(interpreter) {
  const { status, error } = spawnSync(interpreter, ['-c', 'import pycocotools.cocoeval']);
  if (status === 0) return interpreter;
  const reason = error ? `${interpreter} cannot be started` : `${interpreter} cannot import it`;
  console.log(`pycocotools was not found (${reason}): Miru alone is measured\n`);
  return undefined;
}
