// npm run fuzz: hostile input to every parser and endpoint. Each case must be answered or refused, in time and memory.
//   --cases 100000    a tenth of them go to a real server
//   --seed 1          the same cases again; default: a new one, which is printed
//   --case 123        only this one
//   --limit 5         seconds that a case may take
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { fuzzServer } from './server.mjs';

const { values: options } = parseArgs({
  options: {
    cases: { type: 'string', default: '100000' },
    seed: { type: 'string', default: String(Date.now() % 2 ** 31) },
    case: { type: 'string' },
    limit: { type: 'string', default: '5' },
  },
});
const [cases, seed, limitMs] = [Number(options.cases), Number(options.seed), 1000 * Number(options.limit)];
/** Memory that cases may leave behind, and may need at once, in MiB. */
const [MAX_GROWTH, MAX_PEAK] = [200, 1500];
const SHOWN = 20;

const say = (line) => process.stdout.write(`${line}\n`);
say(`${cases} cases, seed ${seed}`);
const inParsers = cases - Math.floor(cases / 10);
const only = options.case === undefined ? undefined : Number(options.case);
const findings = [];
if (only === undefined || only < inParsers) {
  findings.push(...judge('parsers', await fuzzParsers(only ?? 0, only === undefined ? inParsers : only + 1)));
}
if (only === undefined || only >= inParsers) {
  const range = only === undefined ? { from: inParsers, to: cases } : { from: only, to: only + 1 };
  findings.push(...judge('server', await fuzzServer({ seed, ...range, limitMs })));
}
for (const { finding, index, target } of findings.slice(0, SHOWN)) say(`\ncase ${index}, ${target}: ${finding}`);
if (findings.length > SHOWN) say(`\nand ${findings.length - SHOWN} more`);
say(
  findings.length
    ? `\n${findings.length} findings; --seed ${seed} --cases ${cases} --case … runs one again`
    : '\nnothing found',
);
process.exitCode = findings.length ? 1 : 0;

/** Prints what was done. @returns the findings, with those about memory. */
function judge(what, { findings, counts, slowest, memory: { before, after, peak } }) {
  say(`\n${what}:`);
  for (const [name, count] of Object.entries(counts)) {
    const parts = Object.entries(count).map(([outcome, n]) => `${n} ${/^\d/.test(outcome) ? '× ' : ''}${outcome}`);
    say(`  ${name.padEnd(24)} ${parts.join(', ')}`);
  }
  const mib = (value) => (value === undefined ? 'unknown' : `${value.toFixed(0)} MiB`);
  say(`  slowest ${slowest.ms.toFixed(0)} ms (case ${slowest.index}, ${slowest.target})`);
  say(`  memory after a fifth ${mib(before)}, at the end ${mib(after)}, at most ${mib(peak)}`);
  const all = [...findings];
  const about = (finding) => all.push({ finding, index: -1, target: what });
  if (after - before > MAX_GROWTH) about(`memory grew by ${mib(after - before)}`);
  if (peak > MAX_PEAK) about(`memory reached ${mib(peak)}`);
  return all;
}

/** In a process of its own, ended when a case takes too long. */
async function fuzzParsers(from, to) {
  const folder = mkdtempSync(join(tmpdir(), 'miru-fuzz-'));
  const progress = join(folder, 'case');
  const script = fileURLToPath(new URL('parsers.mjs', import.meta.url));
  const args = ['--expose-gc', script, ...[seed, from, to].map(String), progress];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const findings = [];
  let report = { counts: {}, slowest: { ms: 0 }, memory: {} };
  const lines = createInterface({ input: child.stdout });
  lines.on('line', (line) => {
    const value = JSON.parse(line);
    if (value.finding) findings.push(value);
    else report = value;
  });
  const read = new Promise((done) => lines.once('close', done));

  let [last, since, isStopped] = ['', Date.now(), false];
  const current = () => {
    try {
      return readFileSync(progress, 'utf8').trim();
    } catch {
      return '';
    }
  };
  const watch = setInterval(() => {
    const now = current();
    if (now !== last) [last, since] = [now, Date.now()];
    // The first case waits for the samples to be made.
    else if (now !== '' && Date.now() - since > limitMs) {
      isStopped = true;
      child.kill('SIGKILL');
    }
  }, 200);
  const code = await new Promise((done) => child.once('exit', (status, signal) => done(status ?? signal)));
  clearInterval(watch);
  await read;
  const index = Number(current());
  if (isStopped) findings.push({ finding: `not done after ${limitMs / 1000} s`, index, target: 'a parser' });
  else if (code !== 0) findings.push({ finding: `the process ended with ${code}`, index, target: 'a parser' });
  if (report.slowest.ms > limitMs) findings.push({ finding: 'too slow', ...report.slowest });
  rmSync(folder, { recursive: true });
  return { ...report, findings };
}
