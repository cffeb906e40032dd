import { type PreparedRun, type PrepareTask, prepare } from './prepare.ts';
import { type ScoreTask, score } from './score.ts';

/** What the main thread asks of a job's thread. */
export type JobTask = PrepareTask | ScoreTask;

/** Undefined after scoring, whose results lie on disk. @throws AppError. */
export async function doJobTask(task: JobTask): Promise<PreparedRun | undefined> {
  if (task.kind === 'prepare') return prepare(task);
  await score(task);
  return undefined;
}
