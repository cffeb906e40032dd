import { type Command, InvalidArgumentError, Option } from 'commander';
import type { SettingName } from '../config.ts';
import { type DetectionOptions, detectionOptionsSchema } from '../evaluate/detection-options.ts';
import type { Io } from './io.ts';
import { settingOption } from './settings.ts';

type OptionName = keyof typeof detectionOptionsSchema.shape;

/** What the value of each is, in the help. */
const placeholders: Record<OptionName, string> = {
  iou_type: '<bbox|segm|keypoints|boundary>',
  protocol: '<coco|voc2007|voc2012>',
  max_detections: '<n,…>',
  area_ranges: '<json>',
  iou_thresholds: '<0…1,…>',
  use_categories: '<boolean>',
  image_ids: '<ids>',
  category_ids: '<ids>',
  keypoint_sigmas: '<numbers>',
  sizes: '<sides>',
  bootstrap: '<resamples>',
  conventions: '',
  worst: '<n>',
  curves: '',
  confusion: '',
  errors: '',
};
const optionNames = Object.keys(placeholders) as OptionName[];
const localSettings = ['models_dir', 'provider', 'workers', 'threads'] as const satisfies SettingName[];

export interface EvaluateFlags {
  readonly groundTruth: string;
  readonly predictions?: string;
  readonly baseline?: string;
  readonly model?: string;
  readonly images?: string;
  readonly imageSizes?: string;
  readonly json?: boolean;
  readonly perClass?: boolean;
  readonly html?: string;
  readonly server?: string;
  readonly apiKey?: string;
  readonly [flag: string]: unknown;
}

/** `miru evaluate`. */
export function addEvaluate(program: Command, io: Io): void {
  const command = program
    .command('evaluate')
    .description('Score predictions, or a model, against ground truth: COCO and Pascal VOC average precision.')
    .requiredOption(
      '--ground-truth <path>',
      'what is really there: COCO JSON, or a file, folder or zip of Pascal VOC, YOLO, LabelMe or CSV',
    )
    .addOption(
      new Option('--predictions <path>', 'what was found: a COCO results array, or any format above').conflicts(
        'model',
      ),
    )
    .option('--baseline <path>', 'other predictions to compare with: what got better and worse, and how sure that is')
    .option('--model <id>', 'run this model on the images and score what it finds; or the path of an .onnx file')
    .option(
      '--images <folder>',
      "the images that the ground truth names, for --model or for their sizes (default: the ground truth's folder)",
    )
    .option('--image-sizes <file>', 'sizes of the images, for YOLO labels without images: CSV or JSON');
  for (const name of optionNames) command.addOption(fieldOption(name));
  command
    .option('--per-class', 'print a row for every class too')
    .option('--json', 'print what the HTTP API answers')
    .addOption(
      new Option('--html <file>', 'write one page with everything: curves, confusion, errors, worst images…').conflicts(
        'server',
      ),
    )
    .addOption(
      new Option('--server <url>', 'let a running server compute').conflicts(
        localSettings.map((name) => settingOption(name).attributeName()),
      ),
    )
    .option('--api-key <key>', "the server's key (default: $MIRU_API_KEY)");
  for (const name of localSettings) command.addOption(settingOption(name));
  command
    .addHelpText(
      'after',
      `
Examples:
  miru evaluate --ground-truth gt.json --predictions results.json
  miru evaluate --ground-truth gt.json --predictions results.json --iou-type segm --per-class
  miru evaluate --ground-truth gt.json --predictions results.json --protocol voc2007 --json
  miru evaluate --ground-truth gt.json --predictions results.json --html report.html
  miru evaluate --ground-truth gt.json --predictions new.json --baseline old.json --errors --worst 10
  miru evaluate --ground-truth Annotations/ --predictions results/ --protocol voc2012
  miru evaluate --ground-truth labels/ --predictions runs/labels/ --images photos/
  miru evaluate --ground-truth instances_val2017.json --images val2017/ --model yolox-nano`,
    )
    .action(async (flags: EvaluateFlags) => {
      const { evaluate } = await import('./evaluate-data.ts');
      await evaluate(io, flags, optionsOf(flags));
    });
}

/** `--iou-type <value>` for `iou_type`, checked and explained as the HTTP API does. */
function fieldOption(name: OptionName): Option {
  const schema = detectionOptionsSchema.shape[name].unwrap();
  const option = new Option(`--${name.replaceAll('_', '-')} ${placeholders[name]}`.trim(), schema.description);
  if (placeholders[name] === '') return option;
  return option.argParser((value: string) => {
    const { error } = schema.safeParse(value);
    if (error) throw new InvalidArgumentError(error.issues.map((issue) => issue.message).join('; '));
    return value;
  });
}

/** The options that are given, by the HTTP API's names and as text. */
function optionsOf(flags: EvaluateFlags): Partial<Record<keyof DetectionOptions, string>> {
  return Object.fromEntries(
    optionNames.flatMap((name) => {
      const value = flags[fieldOption(name).attributeName()];
      return value === undefined ? [] : [[name, String(value)]];
    }),
  );
}
