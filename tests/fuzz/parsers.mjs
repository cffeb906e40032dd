// Runs cases of the parsers in a process of its own: node --expose-gc parsers.mjs SEED FROM TO PROGRESS_FILE
// The number of the case that is under way is in the file, for the one who watches; findings go to stdout as JSON.
import { openSync, writeSync } from 'node:fs';
import { complaint } from './check.mjs';
import { Random } from './random.mjs';
import { targets } from './targets.mjs';

const [seed, from, to] = process.argv.slice(2, 5).map(Number);
const progress = openSync(process.argv[5], 'w');
const names = Object.keys(targets);
const counts = new Map(names.map((name) => [name, { passed: 0, refused: 0 }]));
let slowest = { ms: 0 };
let before;

const report = (value) => process.stdout.write(`${JSON.stringify(value)}\n`);
const residentMiB = () => {
  globalThis.gc();
  return process.memoryUsage.rss() / 2 ** 20;
};

for (let index = from; index < to; index++) {
  // Fixed width: what is left of an older, longer number would lie.
  writeSync(progress, String(index).padStart(12), 0);
  // When a fifth is done, every parser has run and has all that it keeps.
  if (index === from + Math.floor((to - from) / 5)) before = residentMiB();
  const name = names[index % names.length];
  const target = targets[name];
  const started = performance.now();
  try {
    await target.run(new Random(seed, index));
    counts.get(name).passed++;
  } catch (error) {
    counts.get(name).refused++;
    const wrong = target.ignores && error instanceof target.ignores ? undefined : complaint(error, target.documented);
    if (wrong) report({ finding: wrong, index, target: name });
  }
  const ms = performance.now() - started;
  if (ms > slowest.ms) slowest = { ms, index, target: name };
}
report({
  done: to - from,
  counts: Object.fromEntries(counts),
  slowest,
  memory: { before, after: residentMiB(), peak: process.resourceUsage().maxRSS / 1024 },
});
