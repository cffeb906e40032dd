import { z } from 'zod';
import type { Size } from './types.ts';

const channels = z.tuple([z.number(), z.number(), z.number()]);
const pixels = z.int().min(1).max(16384);
const multiple = z.int().min(1).max(256);
const anchor = z.enum(['center', 'top-left']);

/** How a picture of any size becomes the model's input size. */
export const resizeSchema = z.discriminatedUnion('mode', [
  /** Each axis scaled on its own. */
  z.object({ mode: z.literal('stretch'), width: pixels, height: pixels }),
  /** Aspect ratio kept, the rest filled with `pad`. */
  z.object({
    mode: z.literal('letterbox'),
    width: pixels,
    height: pixels,
    anchor,
  }),
  /** The middle of the picture: of the largest part with the input's proportions so much that its sides are `share` of it. */
  z.object({ mode: z.literal('crop'), width: pixels, height: pixels, share: z.number().gt(0).max(1) }),
  /**
   * For graphs of dynamic size: the longer side at most `longest`, the shorter (where given) at most `shortest`, both
   * rounded to a multiple of `multiple`.
   */
  z.object({ mode: z.literal('limit'), shortest: pixels.optional(), longest: pixels, multiple }),
  /**
   * For graphs of dynamic size: aspect ratio kept, scaled until the shorter side is `shortest` (where given) or the
   * longer one `longest`, whichever comes first; both sides padded to a multiple of `multiple`.
   */
  z.object({
    mode: z.literal('scale'),
    shortest: pixels.optional(),
    longest: pixels,
    multiple,
    anchor,
    /** Whether smaller pictures are enlarged. */
    enlarge: z.boolean(),
  }),
]);

/** Pre-processing as data: everything between a decoded RGB picture and the model's input tensor. */
export const inputSpecSchema = z.object({
  /** The graph's input. */
  name: z.string(),
  /** Without `n` the graph takes one picture, not a batch. */
  layout: z.enum(['nchw', 'nhwc', 'chw', 'hwc']),
  /** Pictures that the graph takes at once. Miru fills the first place; the others stay zero. */
  batch: z.int().min(1).max(256),
  dtype: z.enum(['float32', 'float16', 'uint8']),
  color: z.enum(['rgb', 'bgr', 'gray']),
  /** Element = (pixel 0–255 − mean) / std, per channel in the tensor's colour order; grey takes the first. */
  mean: channels,
  std: channels,
  resize: resizeSchema,
  interpolation: z.enum(['nearest', 'linear', 'cubic', 'lanczos3']),
  /** Grey level 0–255 of the letterbox border, or `mean` where it is zero after normalisation. */
  pad: z.union([z.number().min(0).max(255), z.literal('mean')]),
  /**
   * Where the graph takes windows of the picture, one by one: each is stretched to the input with `context` pixels of it
   * on every side left for what lies around the window.
   */
  windows: z.object({ context: z.int().min(0).max(256) }).optional(),
});

export type InputSpec = z.output<typeof inputSpecSchema>;
export type Resize = z.output<typeof resizeSchema>;

/** The size that every picture is brought to; undefined where it follows the picture. */
export function fixedSize(resize: Resize): Size | undefined {
  return 'width' in resize ? resize : undefined;
}
