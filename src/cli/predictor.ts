import type { Format, MaskFormat } from '../options.ts';

/** What is asked of every image, by the names of the HTTP API. */
export type PredictFields = Readonly<Record<string, string>>;

export interface ImageBytes {
  /** File name, for the answer. */
  readonly name: string;
  /** The encoded picture. */
  readonly bytes: Uint8Array;
}

/** What is asked of one image besides. */
export interface Ask {
  readonly format: Format;
  readonly mask_format?: MaskFormat | undefined;
}

/** Answers as POST /v1/detect and its like do, in this process or on a server. */
export interface Predictor {
  /** Images in flight that keep it busy. */
  readonly concurrency: number;
  /** Makes sure that the model is there and ready. @throws AppError or CommandError. */
  readonly prepare: () => Promise<void>;
  /** The body of the answer for one image. @throws AppError or CommandError. */
  readonly predict: (image: ImageBytes, ask: Ask, signal: AbortSignal) => Promise<Uint8Array>;
  readonly close: () => Promise<void>;
}
