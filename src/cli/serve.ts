import type { Command } from 'commander';
import type { Config } from '../config.ts';
import { settingNames } from '../config.ts';
import { messageOf } from '../errors.ts';
import type { Io } from './io.ts';
import { configOf, settingOption } from './settings.ts';

export function addServe(program: Command, io: Io): void {
  const command = program
    .command('serve')
    .description('Serve the models over HTTP until a signal says stop.')
    .option('--config <file>', 'JSON file of settings; the environment wins over it, flags win over both');
  for (const name of settingNames) command.addOption(settingOption(name));
  command.addHelpText(
    'after',
    `
Every flag is an environment variable too: --max-pixels is MAX_PIXELS.

Examples:
  miru serve
  miru serve --port 0 --models-dir ~/models --default-model yolox-nano
  PROVIDER=cuda API_KEYS=secret miru serve --host 0.0.0.0`,
  );
  command.action(({ config: file, ...options }) => serve(configOf(io, options, file), io));
}

/** Runs until a signal asks it to stop. */
async function serve(config: Config, io: Io): Promise<void> {
  const [{ pino }, { startServer }] = await Promise.all([import('pino'), import('../server.ts')]);
  const logger = pino({ level: config.log_level, base: null }, io.stderr);
  const { url, engine, ready, close } = await startServer(config, logger);
  const stopped = new Promise<void>((resolve, reject) => {
    io.onSignal((signal) => {
      logger.info({ signal }, 'shutting down');
      close().then(resolve, reject);
    });
  });
  try {
    await ready;
    io.stdout.write(welcome(url, engine.catalog.list().length, config));
  } catch (error) {
    // The server stays up: /readyz says what is missing, and a model that is mended is picked up.
    io.stdout.write(`Miru listens on ${url}, but is not ready: ${messageOf(error)}\n`);
  }
  await stopped;
}

function welcome(url: string, models: number, config: Config): string {
  const lines = [
    `Miru listens on ${url} with ${models} ${models === 1 ? 'model' : 'models'}. Try:`,
    '',
    `  curl -F image=@samples/chelsea.png ${url}/v1/detect`,
    '',
    `Documentation: ${url}/docs`,
  ];
  if (config.host !== '127.0.0.1' && config.api_keys.length === 0) {
    lines.push(`Everyone who reaches ${config.host} may use it and change its models; API_KEYS closes it.`);
  }
  return `\n${lines.join('\n')}\n\n`;
}
