import { z } from 'zod';

const channels = z.tuple([z.number(), z.number(), z.number()]);
const pixels = z.int().min(1).max(16384);

/** How a picture of any size becomes the model's input size. */
export const resizeSchema = z.discriminatedUnion('mode', [
  /** Each axis scaled on its own. */
  z.object({ mode: z.literal('stretch'), width: pixels, height: pixels }),
  /** Aspect ratio kept, the rest filled with `pad`. */
  z.object({
    mode: z.literal('letterbox'),
    width: pixels,
    height: pixels,
    anchor: z.enum(['center', 'top-left']),
  }),
  /** For graphs of dynamic size: the longer side at most `longest`, both sides rounded to a multiple of `multiple`. */
  z.object({ mode: z.literal('limit'), longest: pixels, multiple: z.int().min(1).max(256) }),
]);

/** Pre-processing as data: everything between a decoded RGB picture and the model's input tensor. */
export const inputSpecSchema = z.object({
  /** The graph's input. */
  name: z.string(),
  layout: z.enum(['nchw', 'nhwc']),
  dtype: z.enum(['float32', 'float16', 'uint8']),
  color: z.enum(['rgb', 'bgr']),
  /** Element = (pixel 0–255 − mean) / std, per channel in the tensor's colour order. */
  mean: channels,
  std: channels,
  resize: resizeSchema,
  interpolation: z.enum(['nearest', 'linear', 'cubic', 'lanczos3']),
  /** Grey level 0–255 of the letterbox border. */
  pad: z.number().min(0).max(255),
});

export type InputSpec = z.output<typeof inputSpecSchema>;
export type Resize = z.output<typeof resizeSchema>;
