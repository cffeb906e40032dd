import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { withSource } from '../../src/importer/source.ts';

/** A registry that holds one package, `@test/models@1.2.3`. */
let registry: Server;
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'miru-registry-'));
  await mkdir(join(folder, 'package/models'), { recursive: true });
  await writeFile(join(folder, 'package/package.json'), JSON.stringify({ name: '@test/models', version: '1.2.3' }));
  await writeFile(join(folder, 'package/models/a.json'), '{"a":1}');
  execFileSync('tar', ['-czf', 'models.tgz', 'package'], { cwd: folder });
  const archive = await readFile(join(folder, 'models.tgz'));
  const integrity = `sha512-${createHash('sha512').update(archive).digest('base64')}`;
  registry = createServer((request, response) => {
    if (request.url === '/models.tgz') response.end(archive);
    else if (request.url?.toLowerCase() === '/@test%2fmodels') {
      const tarball = `http://${request.headers.host}/models.tgz`;
      const version = { name: '@test/models', version: '1.2.3', dist: { tarball, integrity } };
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify({ name: '@test/models', versions: { '1.2.3': version } }));
    } else response.writeHead(404).end('{}');
  });
  await new Promise<void>((resolve) => registry.listen(0, '127.0.0.1', resolve));
  use((registry.address() as AddressInfo).port);
});

/** Makes npm ask the registry at `port`, and ask once. */
function use(port: number) {
  vi.stubEnv('npm_config_registry', `http://127.0.0.1:${port}`);
  vi.stubEnv('npm_config_cache', join(folder, 'cache'));
  vi.stubEnv('npm_config_fetch_retries', '0');
}

afterAll(async () => {
  vi.unstubAllEnvs();
  registry.close();
  await rm(folder, { recursive: true });
});

test('a path is handed on as it is', async () => {
  expect(await withSource('some/model.json', async (path) => path)).toBe('some/model.json');
});

test('a package is fetched, unpacked, used and removed', async () => {
  const used = await withSource('npm:@test/models@1.2.3/models/a.json', async (path) => {
    expect(await readFile(path, 'utf8')).toBe('{"a":1}');
    return path;
  });
  expect(existsSync(dirname(used))).toBe(false);
});

test('what was fetched is removed when its use fails, too', async () => {
  let used = '';
  const failing = withSource('npm:@test/models@1.2.3/models/a.json', async (path) => {
    used = path;
    throw new Error('of no use');
  });
  await expect(failing).rejects.toThrow('of no use');
  expect(existsSync(dirname(used))).toBe(false);
});

test.each(['npm:@test/models@9.9.9/a.json', 'npm:@test/unheard-of@1.0.0/a.json'])('%s is not there', async (source) => {
  const error = await withSource(source, async () => 'used').catch((reason: unknown) => reason);
  expect(error).toMatchObject({
    code: 'url_fetch_failed',
    message: expect.stringMatching(/npm could not fetch @test.*: .*(No match|not found|404)/i),
  });
});

test('without a network', async () => {
  use(1);
  const error = await withSource('npm:@test/models@1.2.4/a.json', async () => 'used').catch(
    (reason: unknown) => reason,
  );
  expect(error).toMatchObject({
    code: 'url_fetch_failed',
    message: expect.stringMatching(/npm could not fetch @test.*: .*ECONNREFUSED/),
  });
});

test.each([
  'npm:',
  'npm:name',
  'npm:name@1.0.0',
  'npm:name@latest/model.json',
  'npm:a@1.0.0/../../x',
  'npm:a;ls@1.0.0/x',
  'npm:-g@1.0.0/x',
])('%s is refused before anything is fetched', async (source) => {
  const error = await withSource(source, async () => 'used').catch((reason: unknown) => reason);
  expect(error).toMatchObject({ code: 'invalid_option' });
});
