import { fork } from 'node:child_process';
import process from 'node:process';
import { AppError, type ErrorData, messageOf } from '../errors.ts';

type FromProcess<Result> = { readonly result: Result } | { readonly error: ErrorData | { readonly message: string } };

/**
 * Runs one task in a process of its own, which then ends. For native code that a task may bring to crash: a thread that
 * crashes takes everything with it.
 * @param script compiled JavaScript that calls `serveOneTask`.
 * @throws AppError invalid_model where the process crashes or takes too long, or what the task threw.
 */
export function runIsolated<Task, Result>(script: URL, task: Task, timeoutMs: number): Promise<Result> {
  return new Promise((resolve, reject) => {
    const child = fork(script, {
      serialization: 'advanced',
      execArgv: [],
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    });
    const timer = setTimeout(() => child.kill('SIGKILL'), timeoutMs);
    child.once('message', (message: FromProcess<Result>) => {
      if ('result' in message) return resolve(message.result);
      const { error } = message;
      return reject('code' in error ? AppError.fromData(error) : new Error(error.message));
    });
    child.once('error', reject);
    // After a message this changes nothing: a promise settles once.
    child.once('exit', (code, signal) => {
      clearTimeout(timer);
      const why = signal === 'SIGKILL' ? `took longer than ${timeoutMs / 1000} s or too much memory` : 'crashed';
      reject(
        new AppError('invalid_model', `the process that tried the graph ${why} (${signal ?? `exit code ${code}`})`),
      );
    });
    child.send(task as object, (error) => {
      if (error) reject(error);
    });
  });
}

/** The other side of `runIsolated`. */
export function serveOneTask<Task, Result>(handle: (task: Task) => Promise<Result>): void {
  process.once('message', async (task) => {
    const reply = await handle(task as Task).then(
      (result) => ({ result }),
      (error: unknown) => ({ error: error instanceof AppError ? error.toData() : { message: messageOf(error) } }),
    );
    process.send?.(reply satisfies FromProcess<Result>, undefined, {}, () => process.exit());
  });
  // Whoever asked is gone.
  process.once('disconnect', () => process.exit());
}
