// Runs a task of package.json on any state of the tree: installs what is missing, builds what is stale, then goes.
// Only Node's own modules here: at this point nothing else is sure to be installed.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const [task, ...args] = process.argv.slice(2);
const parent = process.ppid;

const tasks = {
  start: () => start(),
  test: () => execute('node_modules/vitest/vitest.mjs', ['run', ...args]),
  bench: () => execute('bench/main.mjs', args),
  'bench:eval': () => execute('bench/eval.mjs', args),
  accuracy: () => execute('scripts/accuracy.mjs', args),
  fuzz: () => execute('tests/fuzz/main.mjs', args),
  soak: () => execute('bench/soak.mjs', args),
};

checkNode();
install();
if (task !== 'test') build(); // The tests build for themselves.
await tasks[task]();

/** The versions that every dependency allows, those of the tests included; npm would name the first that does not. */
function checkNode() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major >= 24 || (major === 22 && minor >= 12) || (major === 20 && minor >= 19)) return;
  fail(`Miru needs Node.js 20.19, 22.12, 24 or newer; this is ${process.version}.`);
}

/** `npm ci`, unless node_modules was installed from the very same lock file, on this kind of machine, and is whole. */
function install() {
  const stamp = join(root, 'node_modules/.miru-lock');
  const wanted = createHash('sha256')
    .update(`${process.platform} ${process.arch} `)
    .update(readFileSync(join(root, 'package-lock.json')))
    .digest('hex');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted && hasEveryPackage()) return;
  console.error('Installing dependencies…');
  const npm = process.env.npm_execpath;
  const [command, prefix] = npm ? [process.execPath, [npm]] : ['npm', []];
  run(command, [...prefix, 'ci', '--no-audit', '--no-fund'], { shell: !npm && process.platform === 'win32' });
  writeFileSync(stamp, wanted);
}

/** npm leaves a list of what it has installed. */
function hasEveryPackage() {
  const list = join(root, 'node_modules/.package-lock.json');
  if (!existsSync(list)) return false;
  const { packages } = JSON.parse(readFileSync(list, 'utf8'));
  return Object.keys(packages).every((path) => existsSync(join(root, path, 'package.json')));
}

/** Compiles src to dist, unless dist is whole and newer than everything that goes into it. */
function build() {
  // Not the compiler's own .tsbuildinfo: it is there after a build with errors, too.
  const stamp = join(root, 'dist/.miru-built');
  const sources = ['src', 'tsconfig.json', 'tsconfig.build.json', 'package-lock.json'].map((path) => join(root, path));
  if (existsSync(stamp) && hasEveryOutput()) {
    const built = statSync(stamp).mtimeMs;
    if (sources.every((path) => newest(path) <= built)) return;
  }
  console.error('Building…');
  // An incremental build would not write again what was deleted, nor delete what has lost its source.
  rmSync(join(root, 'dist'), { recursive: true, force: true });
  execute('node_modules/typescript/bin/tsc', ['-p', 'tsconfig.build.json']);
  writeFileSync(stamp, '');
}

function hasEveryOutput() {
  return readdirSync(join(root, 'src'), { recursive: true })
    .filter((file) => file.endsWith('.ts') && !file.endsWith('.d.ts'))
    .every((file) => existsSync(join(root, 'dist', file.replace(/\.ts$/, '.js'))));
}

function newest(path) {
  const info = statSync(path);
  if (!info.isDirectory()) return info.mtimeMs;
  return readdirSync(path).reduce((latest, name) => Math.max(latest, newest(join(path, name))), info.mtimeMs);
}

/** In this process: one less to carry the signals. */
async function start() {
  if (process.env.npm_lifecycle_event) stopWithShell();
  process.argv = [process.argv[0], join(root, 'dist/main.js'), 'serve', ...args];
  await import('../dist/main.js');
}

/** npm sends SIGTERM to the shell it has started this in, and that shell dies without passing it on. */
function stopWithShell() {
  const timer = setInterval(() => {
    if (process.ppid !== parent && process.emit('SIGTERM')) clearInterval(timer);
  }, 250);
  timer.unref();
}

function execute(script, scriptArgs) {
  run(process.execPath, [join(root, script), ...scriptArgs]);
}

function run(command, commandArgs, options = {}) {
  const { status, error } = spawnSync(command, commandArgs, { cwd: root, stdio: 'inherit', ...options });
  if (error) fail(error.message);
  if (status !== 0) process.exit(status ?? 1);
}

function fail(message) {
  console.error(message);
  process.exit(1);
}
