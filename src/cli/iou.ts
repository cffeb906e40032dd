import { readFile } from 'node:fs/promises';
import { type Command, Option } from 'commander';
import { AppError } from '../errors.ts';
import { CommandError } from './failure.ts';
import type { Io } from './io.ts';
import { formatTable } from './table.ts';
import { write } from './write.ts';

interface IouFlags {
  readonly format?: string;
  readonly json?: boolean;
}

export function addIou(program: Command, io: Io): void {
  program
    .command('iou')
    .description('Print how much every box or mask of one file overlaps every one of another.')
    .argument(
      '<a.json>',
      'an array of boxes [[…4 numbers…], …] or of masks [{"size": [height, width], "counts": …}, …]',
    )
    .argument('<b.json>', 'another')
    .addOption(
      new Option('--format <format>', 'how boxes are written; masks are always rle').choices(['xyxy', 'xywh', 'rle']),
    )
    .option('--json', 'print {"iou": [[…]]}, one row for each of the first file')
    .addHelpText(
      'after',
      `
Examples:
  miru iou a.json b.json
  miru iou a.json b.json --format xywh --json`,
    )
    .action(async (a: string, b: string, flags: IouFlags) => {
      const matrix = await computeIou(a, b, flags.format);
      const text = flags.json ? `${JSON.stringify({ iou: matrix })}\n` : formatMatrix(matrix);
      await write(io.stdout, text);
    });
}

/** As POST /v1/iou does, here and now. */
async function computeIou(pathA: string, pathB: string, format?: string): Promise<number[][]> {
  const [a, b] = [await readArray(pathA), await readArray(pathB)];
  const isMasks = [a[0], b[0]].some((element) => element instanceof Object && 'counts' in element);
  const request = { a, b, format: format ?? (isMasks ? 'rle' : 'xyxy') };
  const { answerIou } = await import('../iou-request.ts');
  try {
    const answer = answerIou(Buffer.from(JSON.stringify(request)));
    return JSON.parse(Buffer.from(answer).toString()).iou;
  } catch (error) {
    // The request calls the files a and b.
    if (error instanceof AppError) throw new CommandError(`a is ${pathA}, b is ${pathB}: ${error.message}`);
    throw error;
  }
}

async function readArray(path: string): Promise<unknown[]> {
  const text = await readFile(path, 'utf8');
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw new CommandError(`${path} is not JSON: ${(error as Error).message}`);
  }
  if (Array.isArray(json)) return json;
  throw new CommandError(`${path}: expected an array of boxes or masks`);
}

function formatMatrix(matrix: readonly (readonly number[])[]): string {
  const columns = matrix[0]?.map((_, j) => ({ title: `b${j}`, align: 'right' as const })) ?? [];
  const rows = matrix.map((row, i) => [`a${i}`, ...row.map((value) => value.toFixed(4))]);
  return formatTable([{ title: '' }, ...columns], rows);
}
