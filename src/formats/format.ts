export const FORMATS = [
  'coco',
  'coco-results',
  'coco-panoptic',
  'voc',
  'voc-results',
  'yolo',
  'labelme',
  'csv',
  'label-maps',
] as const;

/** Formats of data sets. */
export type Format = (typeof FORMATS)[number];

/** Formats that can be written. */
export type WritableFormat = Exclude<Format, 'voc-results'>;

export const WRITABLE_FORMATS = FORMATS.filter((format) => format !== 'voc-results');
