import { pino } from 'pino';
import type { Config } from '../config.ts';
import { messageOf } from '../errors.ts';
import { startServer } from '../server.ts';
import type { Io } from './io.ts';

/** `miru serve`: runs until a signal asks it to stop. @returns the exit code. */
export async function serve(config: Config, io: Io): Promise<number> {
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
  return 0;
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
