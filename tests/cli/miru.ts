import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { onTestFinished } from 'vitest';
import type { Io } from '../../src/cli/io.ts';
import { run } from '../../src/cli/run.ts';

export interface MiruOptions {
  readonly env?: Record<string, string>;
  readonly isTerminal?: boolean;
  /** Answers what a command asks. */
  readonly ask?: Io['ask'];
  /** Called with each chunk of stdout; `interrupt` is Ctrl-C. Throws what the write fails with. */
  readonly onStdout?: (text: string, interrupt: () => void) => void;
}

/** Runs a command in this process, with one worker where nothing else is asked for. */
export async function miru(args: readonly string[], { env = {}, isTerminal = false, ask, onStdout }: MiruOptions = {}) {
  const handlers: ((signal: string) => void)[] = [];
  const interrupt = () => {
    for (const handler of handlers) handler('SIGINT');
  };
  const stdout = capture((text) => onStdout?.(text, interrupt));
  const stderr = capture();
  const code = await run({
    argv: args,
    env: { WORKERS: '1', ...env },
    stdout: stdout.stream,
    stderr: stderr.stream,
    isTerminal,
    ask,
    onSignal: (handler) => handlers.push(handler),
  });
  return { code, stdout: stdout.bytes().toString(), stderr: stderr.bytes().toString(), bytes: stdout.bytes() };
}

function capture(onWrite: (text: string) => void = () => {}) {
  const chunks: Buffer[] = [];
  const stream = new Writable({
    write(chunk: Buffer, _encoding, done) {
      try {
        onWrite(chunk.toString());
        chunks.push(chunk);
        done();
      } catch (error) {
        done(error as Error);
      }
    },
  });
  return { stream, bytes: () => Buffer.concat(chunks) };
}

/** A folder that is gone after the test. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'miru-cli-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}
