import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { runIsolated } from '../../src/runtime/isolated.ts';
import { scriptOf } from '../../src/runtime/script.ts';
import { scratchFolder } from '../helpers/graphs.ts';

const scratch = scratchFolder();
afterAll(scratch.remove);

/** A script whose one task is the body of a function of `task`. */
function script(name: string, body: string): URL {
  const path = join(scratch.path, `${name}.mjs`);
  const library = scriptOf('runtime/isolated').href;
  writeFileSync(path, `import { serveOneTask } from '${library}';\nserveOneTask(async (task) => { ${body} });\n`);
  return pathToFileURL(path);
}

describe('runIsolated', () => {
  it('gives back what the task gives, typed arrays and bigints too', async () => {
    const echo = script('echo', 'return task;');
    const task = { floats: Float32Array.of(1.5, Number.NaN), ids: BigInt64Array.of(-1n), nothing: undefined };
    expect(await runIsolated(echo, task, 30_000)).toEqual(task);
  });

  it('passes on what the task throws', async () => {
    const refuse = script('refuse', "throw Object.assign(new Error('no such thing'));");
    await expect(runIsolated(refuse, {}, 30_000)).rejects.toThrow('no such thing');
  });

  it('survives a process that crashes', async () => {
    const crash = script('crash', "process.kill(process.pid, 'SIGSEGV'); await new Promise(() => {});");
    await expect(runIsolated(crash, {}, 30_000)).rejects.toMatchObject({
      code: 'invalid_model',
      message: 'the process that tried the graph crashed (SIGSEGV)',
    });
  });

  it('ends a process that does not end', async () => {
    const hang = script('hang', 'for (;;);');
    await expect(runIsolated(hang, {}, 1_000)).rejects.toMatchObject({ code: 'invalid_model' });
  });

  it('refuses what cannot be sent', async () => {
    const echo = script('echo', 'return task;');
    await expect(runIsolated(echo, { call: () => {} }, 30_000)).rejects.toThrow();
  });
});
