import { extname, join, resolve } from 'node:path';
import { type Format, isPicture, type PictureFormat } from '../options.ts';
import { usage } from './failure.ts';
import type { ImageFile } from './find-images.ts';

export type ResultFormat = 'table' | 'json' | 'coco';

/** Where results and pictures go. Without `results`, a line says where each picture went. */
export interface OutputPlan {
  readonly results?: ResultFormat;
  /** Absent: stdout. */
  readonly resultsFile?: string;
  readonly picture?: PicturePlan;
}

export interface PicturePlan {
  readonly isForStdout: boolean;
  readonly formatOf: (image: ImageFile) => PictureFormat;
  /** Undefined for stdout. */
  readonly pathOf: (image: ImageFile) => string | undefined;
}

export interface OutputOptions {
  readonly json?: boolean;
  readonly format?: Format;
  readonly out?: string;
}

const formatByEnding: Readonly<Record<string, PictureFormat>> = {
  '.png': 'png',
  '.jpg': 'jpeg',
  '.jpeg': 'jpeg',
  '.webp': 'webp',
};
/** Picture endings that are read but not written: a folder of such a name was hardly meant. */
const notWritten = new Set(['.gif', '.tif', '.tiff', '.avif', '.bmp']);

/** @throws CommandError where the options contradict each other or the number of images. */
export function planOutput({ json, format, out }: OutputOptions, images: readonly ImageFile[]): OutputPlan {
  const picture = format && isPicture(format) ? format : undefined;
  const asked = json ? 'json' : picture ? undefined : (format as 'json' | 'coco' | undefined);
  if (out === undefined) {
    if (!picture) return { results: asked ?? 'table' };
    if (images.length !== 1) throw usage(`--format ${picture}: name a folder for ${images.length} pictures with --out`);
    return { picture: { isForStdout: true, formatOf: () => picture, pathOf: () => undefined } };
  }
  const ending = extname(out).toLowerCase();
  if (ending === '.json') {
    if (picture) throw usage(`--out ${out}: a ${picture} picture needs another ending`);
    return { results: asked ?? 'json', resultsFile: out };
  }
  if (notWritten.has(ending)) {
    throw usage(`--out ${out}: pictures are written as ${Object.keys(formatByEnding).join(', ')}`);
  }
  const plan = formatByEnding[ending] ? oneFile(out, picture, images) : folder(out, picture);
  refuseCollisions(plan, images);
  // Whoever names a picture format wants pictures and nothing else; that spares a second look at each image.
  return picture ? { picture: plan } : { results: asked ?? 'table', picture: plan };
}

function oneFile(out: string, picture: PictureFormat | undefined, images: readonly ImageFile[]): PicturePlan {
  const format = formatByEnding[extname(out).toLowerCase()]!;
  if (picture && picture !== format) throw usage(`--out ${out} and --format ${picture} contradict each other`);
  if (images.length > 1) throw usage(`--out ${out} takes one picture; name a folder for ${images.length}`);
  return { isForStdout: false, formatOf: () => format, pathOf: () => out };
}

/** The same relative names in another folder; what cannot be written in its own format becomes a PNG. */
function folder(out: string, picture: PictureFormat | undefined): PicturePlan {
  const ownFormat = ({ path }: ImageFile) => formatByEnding[extname(path).toLowerCase()];
  const formatOf = (image: ImageFile) => picture ?? ownFormat(image) ?? 'png';
  return {
    isForStdout: false,
    formatOf,
    pathOf(image) {
      const format = formatOf(image);
      const path = join(out, image.relative);
      if (ownFormat(image) === format) return path;
      return `${path.slice(0, path.length - extname(path).length)}.${format === 'jpeg' ? 'jpg' : format}`;
    },
  };
}

function refuseCollisions({ pathOf }: PicturePlan, images: readonly ImageFile[]): void {
  const taken = new Map(images.map(({ path }) => [resolve(path), `${path}, which is read`]));
  for (const image of images) {
    const path = resolve(pathOf(image)!);
    const other = taken.get(path);
    if (other) throw usage(`--out: the picture of ${image.path} would overwrite ${other}`);
    taken.set(path, `that of ${image.path}`);
  }
}
