#!/usr/bin/env node
import process from 'node:process';
import { createInterface } from 'node:readline/promises';
import { run } from './cli/run.ts';

// Pictures are decoded on libuv's threads; its default of four is too few for many cores. Read at their first use.
process.env.UV_THREADPOOL_SIZE ??= '8';

process.exitCode = await run({
  argv: process.argv.slice(2),
  env: process.env,
  stdout: process.stdout,
  stderr: process.stderr,
  isTerminal: process.stderr.isTTY ?? false,
  ask: process.stdin.isTTY && process.stderr.isTTY ? ask : undefined,
  onSignal(handler) {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => handler(signal));
  },
});

async function ask(question: string): Promise<string | undefined> {
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  const closed = new Promise<undefined>((resolve) => terminal.once('close', () => resolve(undefined)));
  try {
    return await Promise.race([terminal.question(question), closed]);
  } finally {
    terminal.close();
  }
}
