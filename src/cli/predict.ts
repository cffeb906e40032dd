import { type Command, InvalidArgumentError, Option } from 'commander';
import type { SettingName } from '../config.ts';
import { predictOptionsSchema } from '../http/options.ts';
import { formats, maskFormats } from '../options.ts';
import { type Endpoint, endpoints } from '../predict-api.ts';
import type { Io } from './io.ts';
import type { OutputOptions } from './plan-output.ts';
import { settingOption } from './settings.ts';

const descriptions: Record<Endpoint, string> = {
  detect: 'Find objects: boxes, and masks where the model has them.',
  segment: 'Find masks: of objects, or a class for every pixel.',
  classify: 'Name what each picture shows.',
  predict: 'Do whatever the model does.',
};

type FieldName = keyof typeof predictOptionsSchema.shape;

/** What the value of each is, in the help. */
const placeholders: Record<FieldName, string> = {
  model: ' <id>',
  score_threshold: ' <0…1>',
  iou_threshold: ' <0…1>',
  max_detections: ' <n>',
  classes: ' <names>',
  class_agnostic: '',
  proposals: ' <json>',
  mask_format: ` <${maskFormats.join('|')}>`,
  format: ` <${formats.join('|')}>`,
};

/** The HTTP API's options that are the same for all the images. */
const fieldNames = [
  'model',
  'score_threshold',
  'iou_threshold',
  'max_detections',
  'classes',
  'class_agnostic',
  'proposals',
] as const satisfies FieldName[];
const localSettings = ['models_dir', 'provider', 'workers', 'threads'] as const satisfies SettingName[];

export interface PredictFlags extends OutputOptions {
  readonly maskFormat?: string;
  readonly server?: string;
  readonly apiKey?: string;
  readonly [flag: string]: unknown;
}

/** `miru detect`, `segment`, `classify` and `predict`. */
export function addPredict(program: Command, io: Io): void {
  for (const endpoint of Object.keys(endpoints) as Endpoint[]) {
    const command = program
      .command(endpoint)
      .description(descriptions[endpoint])
      .argument('<path...>', 'pictures, and folders of pictures');
    for (const name of fieldNames) command.addOption(fieldOption(name));
    command
      .addOption(fieldOption('mask_format'))
      .option(
        '--out <path>',
        'where to draw the results: a .png, .jpg or .webp for one picture, a folder for many; or where to write them: a .json',
      )
      .addOption(fieldOption('format'))
      .addOption(
        new Option('--json', 'print what the HTTP API answers, one document for all pictures').conflicts('format'),
      )
      .addOption(
        new Option('--server <url>', 'ask a running server instead of computing here').conflicts(
          localSettings.map((name) => settingOption(name).attributeName()),
        ),
      )
      .option('--api-key <key>', "the server's key (default: $MIRU_API_KEY)");
    for (const name of localSettings) command.addOption(settingOption(name));
    command.addHelpText('after', examples(endpoint)).action(async (paths: string[], flags: PredictFlags) => {
      const { predictImages } = await import('./predict-images.ts');
      await predictImages(io, { endpoint, paths, flags, fields: fieldsOf(flags) });
    });
  }
}

/** `--score-threshold <value>` for `score_threshold`, checked and explained as the HTTP API does. */
function fieldOption(name: FieldName): Option {
  const schema = predictOptionsSchema.shape[name].unwrap();
  const more = name === 'model' ? '; or the path of an .onnx file' : '';
  const option = new Option(`--${name.replaceAll('_', '-')}${placeholders[name]}`, `${schema.description}${more}`);
  if (name === 'class_agnostic') return option;
  return option.argParser((value: string) => {
    const { error } = schema.safeParse(value);
    if (error) throw new InvalidArgumentError(error.issues.map((issue) => issue.message).join('; '));
    return value;
  });
}

/** The flags that are given, by the HTTP API's names. */
function fieldsOf(flags: PredictFlags): Record<string, string> {
  return Object.fromEntries(
    fieldNames.flatMap((name) => {
      const value = flags[fieldOption(name).attributeName()];
      return value === undefined ? [] : [[name, String(value)]];
    }),
  );
}

function examples(endpoint: Endpoint): string {
  return `
Examples:
  miru ${endpoint} photo.jpg
  miru ${endpoint} photo.jpg --out drawn.png
  miru ${endpoint} photos/ --format webp --out drawn/       pictures and nothing else: faster
  miru ${endpoint} photos/ --json > results.json
  miru ${endpoint} photo.jpg --model ./my.onnx --score-threshold 0.5
  miru ${endpoint} photos/ --server http://gpu:8080`;
}
