import type { Command } from 'commander';
import { type AboutFlags, readAbout, withAbout } from './about-model.ts';
import type { Io } from './io.ts';
import { configOf, settingOption } from './settings.ts';
import { write, writeJson } from './write.ts';

export interface PullFlags extends AboutFlags {
  readonly sha256?: string;
  readonly from?: string;
  readonly force?: boolean;
  readonly yes?: boolean;
  readonly json?: boolean;
  readonly [flag: string]: unknown;
}

/** `miru models available`. */
export function addAvailable(models: Command, io: Io): void {
  models
    .command('available')
    .description('List the models that can be fetched by name.')
    .addOption(settingOption('models_dir'))
    .option('--json', 'print all that is known of them')
    .action(async (flags: { json?: boolean }) => {
      const [{ registry }, { scanModels }, { formatAvailable }] = await Promise.all([
        import('../registry/index.ts'),
        import('../catalog/scan.ts'),
        import('./format-registry.ts'),
      ]);
      if (flags.json) return writeJson(io.stdout, { models: registry });
      const present = await scanModels(configOf(io, flags).models_dir);
      return write(io.stdout, formatAvailable(registry, present));
    });
}

/** `miru models pull`. */
export function addPull(models: Command, io: Io): void {
  withAbout(
    models
      .command('pull')
      .description('Fetch a model, check that its bytes are the right ones, and put it among the models.'),
  )
    .argument('<name>', 'one of `miru models available`, or the URL of an .onnx file')
    .addOption(settingOption('models_dir'))
    .addOption(settingOption('mirror'))
    .option('--sha256 <hex>', 'what the bytes behind a URL have to be')
    .option('--from <file.onnx>', 'take the bytes from a file, which was fetched by other means')
    .option('--force', 'replace a model of the same id')
    .option('-y, --yes', 'do not ask')
    .option('--json', 'print what GET /v1/models/{id} answers')
    .addHelpText(
      'after',
      `
License and size are shown before anything is fetched. A download that was cut off goes on where it ended when the
command is given again. Behind a proxy: NODE_USE_ENV_PROXY=1 with HTTPS_PROXY, in Node.js 22.21, 24 and newer.

Examples:
  miru models pull yolox-nano
  miru models pull yolox-nano --yes --models-dir /models
  miru models pull yolox-nano --mirror http://files.example.com/models
  miru models pull yolox-nano --from ~/Downloads/yolox_nano.onnx
  miru models pull https://example.com/my.onnx --sha256 6d3c…`,
    )
    .action(async (target: string, flags: PullFlags) => {
      const config = configOf(io, flags);
      const about = await readAbout(flags);
      const [{ pullModel }, { targetOf }] = await Promise.all([import('./pull-model.ts'), import('./pull-target.ts')]);
      await pullModel(io, targetOf(target, { ...about, sha256: flags.sha256, mirror: config.mirror }), flags, config);
    });
}
