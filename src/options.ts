import { AppError } from './errors.ts';
import type { Limits } from './vision/types.ts';

export const pictureFormats = ['png', 'jpeg', 'webp'] as const;
export const formats = ['json', 'coco', ...pictureFormats] as const;
export const maskFormats = ['rle', 'polygon', 'png', 'none'] as const;

export type PictureFormat = (typeof pictureFormats)[number];
export type Format = (typeof formats)[number];
export type MaskFormat = (typeof maskFormats)[number];

/** What a request may ask for, checked, but before a model has filled in its defaults. */
export interface PredictOptions {
  readonly scoreThreshold?: number | undefined;
  readonly iouThreshold?: number | undefined;
  readonly maxDetections?: number | undefined;
  /** Names or ids. */
  readonly classes?: readonly string[] | undefined;
  readonly classAgnostic?: boolean | undefined;
  /** Boxes to look into, in pixels of the picture, for models that ask: xmin, ymin, xmax, ymax. */
  readonly proposals?: readonly (readonly number[])[] | undefined;
  readonly maskFormat?: MaskFormat | undefined;
  readonly format?: Format | undefined;
}

export function isPicture(format: Format): format is PictureFormat {
  return (pictureFormats as readonly string[]).includes(format);
}

/** Class names or ids to ids. Names match whole and regardless of case. @throws AppError unknown_class. */
export function resolveClasses(classes: readonly string[], labels: readonly string[]): Set<number> {
  const lower = labels.map((label) => label.toLowerCase());
  return new Set(
    classes.map((entry) => {
      const name = entry.trim();
      const byName = lower.indexOf(name.toLowerCase());
      if (byName >= 0) return byName;
      if (/^\d{1,6}$/.test(name) && Number(name) < labels.length) return Number(name);
      const near = lower.findIndex((label) => label.includes(name.toLowerCase()));
      const hint = near >= 0 ? `; did you mean ‘${labels[near]}’?` : '';
      throw new AppError('unknown_class', `this model has no class ‘${name}’ among its ${labels.length}${hint}`);
    }),
  );
}

/** The request's options where given, else the model's defaults. */
export function toLimits(options: PredictOptions, labels: readonly string[], defaults: ModelDefaults): Limits {
  return {
    scoreThreshold: options.scoreThreshold ?? defaults.scoreThreshold,
    iouThreshold: options.iouThreshold ?? defaults.iouThreshold,
    maxDetections: options.maxDetections ?? defaults.maxDetections,
    classAgnostic: options.classAgnostic ?? false,
    ...(options.classes?.length ? { classes: resolveClasses(options.classes, labels) } : {}),
  };
}

type ModelDefaults = Pick<Limits, 'scoreThreshold' | 'iouThreshold' | 'maxDetections'>;
