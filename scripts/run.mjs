// Runs a task of package.json on any state of the tree: installs what is missing, builds what is stale, then goes.
// Only Node's own modules here: at this point nothing else is sure to be installed.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const [task, ...args] = process.argv.slice(2);

const tasks = {
  start: () => start(),
  test: () => execute('node_modules/vitest/vitest.mjs', ['run', ...args]),
  bench: () => execute('bench/main.mjs', args),
};

checkNode();
install();
if (task !== 'test') build(); // The tests build for themselves.
await tasks[task]();

function checkNode() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major > 20 || (major === 20 && minor >= 19)) return;
  fail(`Miru needs Node.js 20.19 or newer; this is ${process.version}.`);
}

/** `npm ci`, unless node_modules was installed from the very same lock file. */
function install() {
  const lock = createHash('sha256')
    .update(readFileSync(join(root, 'package-lock.json')))
    .digest('hex');
  const stamp = join(root, 'node_modules/.miru-lock');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === lock) return;
  console.error('Installing dependencies…');
  const npm = process.env.npm_execpath;
  const [command, prefix] = npm ? [process.execPath, [npm]] : ['npm', []];
  run(command, [...prefix, 'ci', '--no-audit', '--no-fund'], { shell: !npm && process.platform === 'win32' });
  writeFileSync(stamp, lock);
}

/** Compiles src to dist, unless dist is newer than everything that goes into it. */
function build() {
  const stamp = join(root, 'dist/.tsbuildinfo');
  const sources = ['src', 'tsconfig.json', 'tsconfig.build.json', 'package-lock.json'].map((path) => join(root, path));
  if (existsSync(stamp) && existsSync(join(root, 'dist/main.js'))) {
    const built = statSync(stamp).mtimeMs;
    if (sources.every((path) => newest(path) <= built)) return;
  }
  console.error('Building…');
  execute('node_modules/typescript/bin/tsc', ['-p', 'tsconfig.build.json']);
  // An incremental build that found nothing to do leaves its stamp as it was.
  writeFileSync(stamp, readFileSync(stamp));
}

function newest(path) {
  const info = statSync(path);
  if (!info.isDirectory()) return info.mtimeMs;
  return readdirSync(path).reduce((latest, name) => Math.max(latest, newest(join(path, name))), info.mtimeMs);
}

/** In this process: one less to carry the signals. */
async function start() {
  process.argv = [process.argv[0], join(root, 'dist/main.js'), 'serve', ...args];
  await import('../dist/main.js');
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
