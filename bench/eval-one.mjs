// One measurement of bench/eval.mjs, in a process of its own: prints seconds, peak memory and AP as JSON.
import { readFileSync } from 'node:fs';
import { evaluateCoco, loadCoco, summarize } from '../dist/eval/index.js';

const [groundTruth, predictions, iouType] = process.argv.slice(2);
const read = (path) => JSON.parse(readFileSync(path, 'utf8'));

const start = performance.now();
const data = loadCoco(read(groundTruth), read(predictions), { iouType });
const loaded = performance.now();
const { AP } = summarize(evaluateCoco(data, { iouType }));
const done = performance.now();
// maxRSS is in KiB.
const mib = process.resourceUsage().maxRSS / 1024;
console.log(JSON.stringify({ load: (loaded - start) / 1000, score: (done - loaded) / 1000, mib, AP }));
