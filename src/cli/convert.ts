import { type Command, InvalidArgumentError, Option } from 'commander';
import { FORMATS, type Format, WRITABLE_FORMATS, type WritableFormat } from '../formats/format.ts';
import type { VocOptions } from '../formats/voc.ts';
import type { Io } from './io.ts';

export interface ConvertFlags {
  readonly to: WritableFormat;
  readonly out: string;
  readonly from?: Format;
  readonly reference?: string;
  readonly images?: string;
  readonly imageSizes?: string;
  readonly classes?: string;
  readonly corners?: NonNullable<VocOptions['corners']>;
  readonly ignoreIndex?: number;
  readonly force?: boolean;
}

/** `miru convert`. */
export function addConvert(program: Command, io: Io): void {
  program
    .command('convert')
    .description('Convert annotations or predictions from one format to another.')
    .argument('<input...>', 'files, folders and zip archives that are one data set together')
    .addOption(new Option('--to <format>', 'what to write').choices(WRITABLE_FORMATS).makeOptionMandatory())
    .requiredOption('--out <path>', 'the file to write, or the folder for formats that have a file for each image')
    .addOption(new Option('--from <format>', 'what the input is (default: recognised)').choices(FORMATS))
    .option('--reference <path>', 'the ground truth, where the input is predictions: they get its ids and sizes')
    .option('--images <folder>', 'where the images are, for their sizes (default: among the input)')
    .option('--image-sizes <file>', 'sizes of the images: CSV (filename,width,height) or JSON ({"a.jpg": [640, 480]})')
    .option('--classes <names|file>', 'names of the classes 0, 1, …: comma-separated, or a file with one in each line')
    .addOption(
      new Option(
        '--corners <meaning>',
        'what corners in Pascal VOC files are: pixels counted from 1, or coordinates from 0',
      ).choices(['inclusive', 'continuous']),
    )
    .addOption(
      new Option('--ignore-index <label>', 'label of pixels that are no class in label maps (default: 255)').argParser(
        toLabel,
      ),
    )
    .option('--force', 'replace files that are there')
    .addHelpText(
      'after',
      `
Formats: coco, coco-results, coco-panoptic (JSON and PNG), voc (Pascal VOC XML), voc-results (read only), yolo, labelme,
csv (filename,class,xmin,ymin,xmax,ymax), label-maps (PNG). Nothing is there by half: files appear when all are written.

Examples:
  miru convert Annotations/ --to coco --out instances.json
  miru convert instances.json --to yolo --out dataset/
  miru convert labels/ data.yaml --images photos/ --to voc --out Annotations/
  miru convert runs/labels --reference instances.json --to coco-results --out results.json`,
    )
    .action(async (inputs: string[], flags: ConvertFlags) => {
      const { convertPaths } = await import('./convert-paths.ts');
      await convertPaths(io, inputs, flags);
    });
}

function toLabel(text: string): number {
  if (/^\d{1,5}$/.test(text) && Number(text) <= 65_535) return Number(text);
  throw new InvalidArgumentError('expected a label from 0 to 65535');
}
