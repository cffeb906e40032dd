import { cp, mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { type Logger, pino } from 'pino';
import { type Config, loadConfig, type SettingName } from '../../src/config.ts';
import { type RunningServer, startServer } from '../../src/server.ts';

export interface TestServer extends RunningServer {
  readonly config: Config;
  readonly modelsDir: string;
  readonly logger: Logger;
}

export interface TestServerOptions {
  /** Ids of embedded models to serve. */
  readonly models?: readonly string[];
  /** Copies models that the test changes on disk; the others are linked. */
  readonly copy?: boolean;
  readonly settings?: Partial<Record<SettingName, unknown>>;
}

/** A real server on a free port, with models of its own and nothing to say. */
export async function startTestServer(options: TestServerOptions = {}): Promise<TestServer> {
  const { models = ['nanodet-g-coco'], copy = false, settings = {} } = options;
  const modelsDir = await mkdtemp(join(tmpdir(), 'miru-models-'));
  for (const id of models) {
    const from = resolve('models', id);
    if (copy) await cp(from, join(modelsDir, id), { recursive: true });
    else await symlink(from, join(modelsDir, id));
  }
  const flags = { port: 0, workers: 1, threads: 1, provider: 'cpu', models_dir: [modelsDir], ...settings };
  const config = loadConfig({}, flags);
  const logger: Logger = pino({ level: 'silent' });
  const { ready, ...server } = await startServer(config, logger);
  await ready;
  return {
    ...server,
    config,
    modelsDir,
    logger,
    async close() {
      await server.close();
      await rm(modelsDir, { recursive: true, force: true });
    },
  };
}
