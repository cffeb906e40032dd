import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import http from 'node:http';

export interface ServerProcess {
  readonly url: string;
  readonly child: ChildProcess;
  /** Sends SIGTERM; resolves with exit code, signal and the milliseconds that it took. */
  readonly stop: () => Promise<{ code: number | null; signal: string | null; ms: number }>;
}

/** `miru serve` in a process of its own, listening and ready. */
export async function serve(environment: Readonly<Record<string, string>> = {}): Promise<ServerProcess> {
  const env = { ...process.env, PORT: '0', HOST: '127.0.0.1', LOG_LEVEL: 'silent', PROVIDER: 'cpu', ...environment };
  const child = spawn(process.execPath, ['dist/main.js', 'serve'], { env, stdio: ['ignore', 'pipe', 'inherit'] });
  const url = await new Promise<string>((resolve, reject) => {
    let text = '';
    child.stdout.on('data', (chunk) => {
      text += chunk;
      const found = /listens on http:\/\/localhost:(\d+)/.exec(text);
      if (found) resolve(`http://127.0.0.1:${found[1]}`);
    });
    child.once('exit', () => reject(new Error('the server did not start')));
  });
  return {
    url,
    child,
    async stop() {
      const started = performance.now();
      const exited = once(child, 'exit');
      child.kill('SIGTERM');
      const [code, signal] = await exited;
      return { code, signal, ms: performance.now() - started };
    },
  };
}

export interface Answer {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: string;
}

/** Posts a picture. Rejects where the connection is refused or cut. */
export function post(url: string, body: Uint8Array, agent?: http.Agent): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': 'image/png', 'content-length': body.length };
    const req = http.request(url, { method: 'POST', headers, ...(agent && { agent }) }, (res) => {
      const chunks: Buffer[] = [];
      res.on('data', (chunk: Buffer) => chunks.push(chunk));
      res.once('error', reject);
      res.once('end', () =>
        resolve({ status: res.statusCode ?? 0, headers: res.headers, body: Buffer.concat(chunks).toString() }),
      );
    });
    req.once('error', reject);
    req.end(body);
  });
}
