#!/usr/bin/env node
import process from 'node:process';
import { run } from './cli/run.ts';

// Pictures are decoded on libuv's threads; its default of four is too few for many cores. Read at their first use.
process.env.UV_THREADPOOL_SIZE ??= '8';

process.exitCode = await run({
  argv: process.argv.slice(2),
  env: process.env,
  stdout: process.stdout,
  stderr: process.stderr,
  isTerminal: process.stderr.isTTY ?? false,
  onSignal(handler) {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => handler(signal));
  },
});
