import { readFileSync } from 'node:fs';
import { Command, CommanderError } from 'commander';
import { addConvert } from './convert.ts';
import { addEvaluate } from './evaluate.ts';
import { exitCodeOf, explain, isClosedPipe } from './failure.ts';
import type { Io } from './io.ts';
import { addIou } from './iou.ts';
import { addModels } from './models.ts';
import { addPredict } from './predict.ts';
import { addServe } from './serve.ts';

/** Runs one command. @returns its exit code: 0 fine, 1 a request or a file failed, 2 wrong usage, 130 interrupted. */
export async function run(io: Io): Promise<number> {
  // Without a listener, a closed pipe would end the process where it stands; writes report their failures themselves.
  io.stdout.on('error', ignore);
  io.stderr.on('error', ignore);
  try {
    await createProgram(io).parseAsync(io.argv, { from: 'user' });
    return 0;
  } catch (error) {
    // Commander has written its message, or the help or version that was asked for.
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    if (isClosedPipe(error)) return 0;
    io.stderr.write(`miru: ${io.env.LOG_LEVEL === 'debug' && error instanceof Error ? error.stack : explain(error)}\n`);
    return exitCodeOf(error);
  }
}

function ignore(): void {}

function createProgram(io: Io): Command {
  const program = new Command('miru')
    .description('Find objects in pictures with ONNX models: over HTTP, or here and now.')
    .version(version(), '-V, --version', 'print the version')
    .helpOption('-h, --help', 'explain a command')
    .helpCommand('help [command]', 'explain a command')
    .exitOverride()
    .configureHelp({ showGlobalOptions: false })
    .configureOutput({
      writeOut: (text) => io.stdout.write(text),
      writeErr: (text) => io.stderr.write(text),
      outputError: (text, print) => print(`miru: ${toOneLine(text)}\n`),
    });
  addServe(program, io);
  addPredict(program, io);
  addEvaluate(program, io);
  addConvert(program, io);
  addIou(program, io);
  addModels(program, io);
  program.addHelpText(
    'after',
    `
Examples:
  miru serve                                   listen on http://localhost:8080
  miru detect photo.jpg                        print what is in a picture
  miru detect photos/ --out boxed/             draw it on every picture of a folder
  miru evaluate --ground-truth gt.json --predictions dt.json
                                               score predictions as COCO does
  miru convert Annotations/ --to coco --out gt.json
                                               rewrite a data set in another format
  miru models list                             the models there are

miru <command> --help explains a command.`,
  );
  return program;
}

/** `error: unknown option '--foo'\n(Did you mean --for?)\n` as one line. */
function toOneLine(text: string): string {
  return text
    .replace(/^error: /, '')
    .trim()
    .replaceAll(/\s*\n\s*/g, ' ');
}

function version(): string {
  return JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')).version;
}
