import { createReadStream } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type ModelFiles, scanModels } from '../catalog/scan.ts';
import type { Config } from '../config.ts';
import { AppError } from '../errors.ts';
import { download } from '../registry/download.ts';
import { checkRoom, install, openPartial, replace } from '../registry/install.ts';
import { type PartialFile, removePartials, sha256Of } from '../registry/partial-file.ts';
import { byteUnit } from './bytes.ts';
import { CommandError, explain, usage } from './failure.ts';
import { formatTarget } from './format-registry.ts';
import { inspectLocal } from './inspect-model.ts';
import type { Io } from './io.ts';
import { Progress } from './progress.ts';
import type { PullTarget } from './pull-target.ts';
import { write, writeJson } from './write.ts';

export interface PullOptions {
  readonly from?: string | undefined;
  readonly force?: boolean | undefined;
  readonly yes?: boolean | undefined;
  readonly json?: boolean | undefined;
}

/** `miru models pull`: fetches, checks, puts in place, and says what Miru takes the model for. */
export async function pullModel(io: Io, target: PullTarget, options: PullOptions, config: Config): Promise<void> {
  const existing = (await scanModels(config.models_dir)).get(target.id);
  if (existing && !options.force) {
    await checkSame(existing, target);
    if (!options.json) await write(io.stdout, `${target.id} is there already, with the right bytes\n`);
    return report(io, target, existing.modelPath, options);
  }
  await askFirst(io, target, options, existing?.modelPath ?? join(config.models_dir[0] ?? '', target.id, 'model.onnx'));
  const { directory, file } = await openPartial(config.models_dir, target.sha256);
  let modelPath = existing?.modelPath ?? join(directory, target.id, 'model.onnx');
  try {
    if (!existing) await checkFree(directory, target.id);
    await (options.from === undefined
      ? fetchTo(io, file, directory, target, config)
      : readTo(file, options.from, target));
    await (existing ? replace(file, existing, target.manifest) : install(file, directory, target.id, target.manifest));
  } catch (error) {
    // Whoever fetched the same model at the same time has put it there.
    const other = (await scanModels(config.models_dir)).get(target.id);
    if (options.force || !other || (await sha256Of(other.modelPath)) !== target.sha256) throw error;
    modelPath = other.modelPath;
  } finally {
    await file.release();
  }
  await removePartials(directory, target.sha256);
  if (!options.json) await write(io.stdout, `${target.id} is in ${modelPath}\n`);
  return report(io, target, modelPath, options);
}

/** @throws CommandError unless the model that is there has the bytes that are wanted. */
async function checkSame({ modelPath }: ModelFiles, { id, sha256 }: PullTarget): Promise<void> {
  if ((await sha256Of(modelPath)) === sha256) return;
  throw new CommandError(
    `another model ‘${id}’ is there, in ${modelPath}; --force replaces it, --id chooses another name`,
  );
}

/** Shows what would be fetched. @throws CommandError unless somebody agrees. */
async function askFirst(io: Io, target: PullTarget, { yes, from }: PullOptions, to: string): Promise<void> {
  io.stderr.write(formatTarget(target, to));
  if (yes || from !== undefined) return;
  if (!io.ask) throw usage('nothing was fetched: where nobody can be asked, --yes agrees to the license and the size');
  const answer = await io.ask('Fetch it? [Y/n] ');
  if (answer === undefined) {
    io.stderr.write('\n');
    throw new CommandError('interrupted', 130);
  }
  if (!/^(y|yes|)$/i.test(answer.trim())) throw new CommandError('nothing was fetched');
}

/** @throws CommandError where something that is no model has the name already. */
async function checkFree(directory: string, id: string): Promise<void> {
  const entries = await readdir(join(directory, id)).catch(() => []);
  if (entries.length > 0) throw new CommandError(`${join(directory, id)} is there already, and is no model`);
}

async function fetchTo(io: Io, file: PartialFile, directory: string, target: PullTarget, config: Config) {
  const { id, urls, sha256, bytes } = target;
  if (bytes !== undefined) await checkRoom(directory, bytes - file.size);
  const stop = new AbortController();
  io.onSignal(() => stop.abort());
  if (file.size > 0) io.stderr.write(`${byteUnit.count(file.size, bytes ?? 0)} are there already\n`);
  const progress = new Progress(io.stderr, {
    isShown: io.isTerminal,
    total: bytes ?? 0,
    done: file.size,
    unit: byteUnit,
  });
  const onTrouble = (message: string) => {
    progress.clear();
    io.stderr.write(`${message}\n`);
  };
  try {
    await download(
      urls,
      file,
      { sha256, bytes, maxBytes: bytes ?? config.max_model_bytes },
      {
        signal: stop.signal,
        onProgress: (done) => progress.moveTo(done),
        onTrouble,
      },
    );
  } catch (error) {
    if (stop.signal.aborted) throw new CommandError('interrupted; the same command goes on from here', 130);
    if (!(error instanceof AppError)) throw error;
    const elsewhere = `fetch ${urls.at(-1)} on another machine and say --from <file>, or name a --mirror`;
    throw new CommandError(
      `${id} could not be fetched: ${error.message}. If there is no way out from here: ${elsewhere}`,
    );
  } finally {
    progress.clear();
  }
}

/** @throws CommandError where the file is another one. */
async function readTo(file: PartialFile, from: string, { sha256 }: PullTarget): Promise<void> {
  await file.restart();
  for await (const piece of createReadStream(from)) await file.append(piece);
  const found = await file.sha256();
  if (found === sha256) return;
  await file.restart();
  throw new CommandError(`${from} is another file: its sha256 is ${found}, expected ${sha256}`);
}

/** Says what the model is served as. @throws CommandError where it is not. */
async function report(io: Io, { id }: PullTarget, modelPath: string, { json }: PullOptions): Promise<void> {
  const seen = await inspectLocal(modelPath, []).catch((error: unknown) => ({ error: explain(error) }));
  if ('model' in seen) {
    const { model } = seen;
    if (json) return writeJson(io.stdout, model);
    return write(
      io.stdout,
      `${model.task} with ${model.classes} ${model.classes === 1 ? 'class' : 'classes'}, family ${model.family}\n`,
    );
  }
  const reason = 'error' in seen ? seen.error : 'its family is not known for sure';
  throw new CommandError(`${id} is in place, but cannot be served: ${reason}; miru models inspect ${id} says more`);
}
