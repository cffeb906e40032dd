import { createReadStream } from 'node:fs';
import { readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type JobRecord, jobRecordSchema } from './types.ts';

/** Large enough that a line with masks is not put together of many parts. */
const READ_BYTES = 2 ** 20;
const UUID = /^[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}$/;

/** What lies where in the folder of a job. */
export function filesOf(folder: string) {
  return {
    folder,
    record: join(folder, 'job.json'),
    /** The scores. */
    result: join(folder, 'result.json'),
    /** COCO results array. */
    predictions: join(folder, 'predictions.json'),
    report: join(folder, 'report.html'),
    /** What was sent; gone when the job ends. */
    upload: join(folder, 'upload'),
    /** What is needed on the way; gone when the job ends. */
    work: join(folder, 'work'),
  } as const;
}

export type JobFiles = ReturnType<typeof filesOf>;

/** Writes the record so that a crash leaves the old one or the new one. */
export async function saveRecord({ record }: JobFiles, value: JobRecord): Promise<void> {
  await writeFile(`${record}.new`, JSON.stringify(value));
  await rename(`${record}.new`, record);
}

/** Removes what is of no use once a job has ended. */
export async function tidy({ upload, work }: JobFiles): Promise<void> {
  await Promise.all([removeFolder(upload), removeFolder(work)]);
}

export function removeFolder(folder: string): Promise<void> {
  // A thread that was ended may still be writing its last file.
  return rm(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 });
}

/**
 * The records of the jobs in a folder, oldest first. Folders of jobs without one that can be read are removed: uploads
 * that never became jobs. Anything that is no job's is left alone.
 */
export async function readRecords(root: string): Promise<JobRecord[]> {
  const records: JobRecord[] = [];
  for (const name of await readdir(root)) {
    if (!UUID.test(name)) continue;
    const files = filesOf(join(root, name));
    const record = await readRecord(files);
    if (record?.id === name) records.push(record);
    else await removeFolder(files.folder);
  }
  return records.sort((a, b) => (a.created < b.created ? -1 : 1));
}

async function readRecord({ record }: JobFiles): Promise<JobRecord | undefined> {
  try {
    return jobRecordSchema.safeParse(JSON.parse(await readFile(record, 'utf8'))).data;
  } catch {
    return undefined;
  }
}

/** The lines of a file, which may be larger than memory; each is JSON. */
export async function* readJsonLines<T>(path: string): AsyncGenerator<T> {
  let rest = '';
  for await (const chunk of createReadStream(path, { encoding: 'utf8', highWaterMark: READ_BYTES })) {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop()!;
    for (const line of lines) yield JSON.parse(line) as T;
  }
}
