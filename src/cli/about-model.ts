import { readFile } from 'node:fs/promises';
import type { Command } from 'commander';

export interface AboutFlags {
  readonly id?: string;
  readonly manifest?: string;
  readonly labels?: string;
}

/** Options that say what a new model is. */
export function withAbout(command: Command): Command {
  return command
    .option('--id <id>', "what to call it (default: from the file's name)")
    .option('--manifest <model.json>', 'what its graph does not say: family, labels, license and so on')
    .option('--labels <file>', 'names of its classes: one per line, or a JSON array');
}

/** The texts of the files that the options name. */
export async function readAbout({ id, manifest, labels }: AboutFlags) {
  const read = async (path: string | undefined) => (path === undefined ? undefined : readFile(path, 'utf8'));
  return { id, manifest: await read(manifest), labels: await read(labels) };
}
