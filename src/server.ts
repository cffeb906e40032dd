import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Logger } from 'pino';
import type { Config } from './config.ts';
import { Engine } from './engine.ts';
import { createApp } from './http/app.ts';

export interface RunningServer {
  /** Where people reach it, e.g. http://localhost:8080. */
  readonly url: string;
  readonly engine: Engine;
  /** Refuses new requests, finishes the running ones, stops the workers. */
  readonly close: () => Promise<void>;
}

/** Starts listening, then loads the models; /readyz says when they are there. */
export async function startServer(config: Config, logger: Logger): Promise<RunningServer & { ready: Promise<void> }> {
  const engine = new Engine(config, logger);
  const server = createServer(createApp({ engine, config, logger }));
  try {
    await listen(server, config);
    await engine.evaluations.start();
    await engine.start({ watch: true });
  } catch (error) {
    server.close();
    await engine.close();
    throw error;
  }
  const ready = engine.preload();
  return {
    url: urlOf(server, config.host),
    engine,
    ready,
    async close() {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeIdleConnections();
      await engine.close();
      // Answers that are on their way get a moment; whoever still uploads does not. Connections that are kept alive
      // close as they fall idle.
      const sweep = setInterval(() => server.closeIdleConnections(), 20);
      const patience = setTimeout(() => server.closeAllConnections(), 1_000);
      await closed;
      clearInterval(sweep);
      clearTimeout(patience);
    },
  };
}

function listen(server: Server, { port, host }: Config): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

function urlOf(server: Server, host: string): string {
  const { port } = server.address() as AddressInfo;
  const isLocal = ['127.0.0.1', '0.0.0.0', '::', '::1'].includes(host);
  return `http://${isLocal ? 'localhost' : host.includes(':') ? `[${host}]` : host}:${port}`;
}
