import { createWriteStream } from 'node:fs';
import type { Writable } from 'node:stream';
import { finished } from 'node:stream/promises';
import type { ImageFile } from './find-images.ts';
import { count } from './format-result.ts';
import type { Io } from './io.ts';
import type { OutputPlan } from './plan-output.ts';
import { formatRate, formatSeconds } from './progress.ts';
import { resultWriters } from './result-writers.ts';
import { write } from './write.ts';

/** What was computed for one image, as `OutputPlan` wants it. */
export interface ImageOutput {
  readonly body?: Uint8Array | undefined;
  /** Where its picture was written. */
  readonly drawnTo?: string | undefined;
  /** A picture for stdout. */
  readonly picture?: Uint8Array | undefined;
}

/** The results of a command on their way to stdout or a file, image after image. */
export interface Output {
  readonly add: (image: ImageFile, output: ImageOutput) => Promise<void>;
  /** Completes what was written, also after an interruption. */
  readonly end: (images: number, elapsedMs: number) => Promise<void>;
}

export function openOutput(io: Io, plan: OutputPlan): Output {
  const writer = plan.results && resultWriters[plan.results]();
  const file = plan.resultsFile === undefined ? undefined : createWriteStream(plan.resultsFile);
  // Each write reports the failure that it meets.
  file?.on('error', () => {});
  const results: Writable = file ?? io.stdout;
  const people = streamForPeople(io, plan);
  return {
    async add({ path }, { body, drawnTo, picture }) {
      if (writer && body) await write(results, writer.add(path, body));
      if (picture) await write(io.stdout, picture);
      if (people && drawnTo) await write(people, plan.results ? `  drawn: ${drawnTo}\n` : `${path} → ${drawnTo}\n`);
    },
    async end(images, elapsedMs) {
      if (writer) await write(results, writer.end(elapsedMs));
      if (file) await finished(file.end());
      if (people && images > 0) await write(people, `${plan.resultsFile ? '' : '\n'}${summary(images, elapsedMs)}`);
    },
  };
}

/** Stdout, unless it carries data; then stderr, if somebody watches. */
function streamForPeople(io: Io, { results, resultsFile, picture }: OutputPlan): Writable | undefined {
  const carriesData = results ? results !== 'table' && !resultsFile : picture?.isForStdout;
  if (!carriesData) return io.stdout;
  return io.isTerminal ? io.stderr : undefined;
}

function summary(images: number, elapsedMs: number): string {
  const seconds = elapsedMs / 1000;
  return `${count(images, 'image')} in ${formatSeconds(seconds)}, ${formatRate(images / seconds)}\n`;
}
