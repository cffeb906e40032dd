import type { Resize } from './input-spec.ts';
import type { Size } from './types.ts';

/**
 * Where a picture lies inside the model's input: input = source · scale + offset, per axis. The one record from which
 * every box, mask and map finds its way back.
 */
export interface Frame {
  readonly source: Size;
  /** The whole model input. */
  readonly input: Size;
  /** The part of the input that the resized picture covers, at (offsetX, offsetY), or from the corner where it is cropped. */
  readonly content: Size;
  readonly scaleX: number;
  readonly scaleY: number;
  readonly offsetX: number;
  readonly offsetY: number;
  /** The part of the source that is looked at, in whole pixels, where that is not all of it. */
  readonly region?: Region;
}

/** A part of a picture, in whole pixels. */
export interface Region extends Size {
  readonly left: number;
  readonly top: number;
}

/** Lays a picture of size `source` into the model's input. Pure arithmetic; no pixels are touched. */
export function fitFrame(source: Size, resize: Resize): Frame {
  switch (resize.mode) {
    case 'stretch':
      return frameOf(source, resize, resize, 0, 0);
    case 'crop':
      return cropped(source, resize, resize.share);
    case 'letterbox': {
      const ratio = Math.min(resize.width / source.width, resize.height / source.height);
      const width = clamp(Math.round(source.width * ratio), 1, resize.width);
      const height = clamp(Math.round(source.height * ratio), 1, resize.height);
      return anchored(source, resize, { width, height }, resize.anchor);
    }
    case 'scale': {
      const { shortest = Number.POSITIVE_INFINITY, longest, enlarge } = resize;
      const fitting = Math.min(
        shortest / Math.min(source.width, source.height),
        longest / Math.max(source.width, source.height),
      );
      const ratio = enlarge ? fitting : Math.min(1, fitting);
      const content = {
        width: Math.max(1, Math.round(source.width * ratio)),
        height: Math.max(1, Math.round(source.height * ratio)),
      };
      const padded = (side: number) => Math.ceil(side / resize.multiple) * resize.multiple;
      const input = { width: padded(content.width), height: padded(content.height) };
      return anchored(source, input, content, resize.anchor);
    }
    case 'limit': {
      const { shortest = Number.POSITIVE_INFINITY, longest } = resize;
      const ratio = Math.min(
        1,
        shortest / Math.min(source.width, source.height),
        longest / Math.max(source.width, source.height),
      );
      const size = {
        width: toMultiple(source.width * ratio, resize.multiple),
        height: toMultiple(source.height * ratio, resize.multiple),
      };
      return frameOf(source, size, size, 0, 0);
    }
  }
}

/** A picture that is not resized, for what knows its place in the picture itself. */
export function ownFrame(source: Size): Frame {
  return frameOf(source, source, source, 0, 0);
}

/**
 * Lays one window of the picture, and what is around it, into the model's input.
 * @param box xmin, ymin, xmax, ymax in pixels of the source
 * @param context pixels of the input on each side of the window
 * @returns the part of the picture that is needed, in whole pixels, and where it lies in the input
 */
export function fitWindow(
  [xmin, ymin, xmax, ymax]: readonly [number, number, number, number],
  source: Size,
  input: Size,
  context: number,
): { readonly region: Region; readonly frame: Frame } {
  const axis = (low: number, high: number, length: number, side: number) => {
    const inner = Math.max(1, side - 2 * context);
    const scale = inner / Math.max(1, high - low);
    const start = low - context / scale;
    const from = clamp(Math.round(start), 0, length - 1);
    const to = clamp(Math.round(start + side / scale), from + 1, length);
    const offset = clamp(Math.round((from - start) * scale), 0, side - 1);
    const size = clamp(Math.round((to - from) * scale), 1, side - offset);
    return { from, length: to - from, offset, size };
  };
  const x = axis(xmin, xmax, source.width, input.width);
  const y = axis(ymin, ymax, source.height, input.height);
  const region = { left: x.from, top: y.from, width: x.length, height: y.length };
  return { region, frame: frameOf(region, input, { width: x.size, height: y.size }, x.offset, y.offset) };
}

function cropped(source: Size, input: Size, share: number): Frame {
  const scale = Math.max(input.width / source.width, input.height / source.height) / share;
  const width = clamp(Math.round(input.width / scale), 1, source.width);
  const height = clamp(Math.round(input.height / scale), 1, source.height);
  const [left, top] = [Math.round((source.width - width) / 2), Math.round((source.height - height) / 2)];
  const [scaleX, scaleY] = [input.width / width, input.height / height];
  const frame = frameOf(source, input, input, -left * scaleX, -top * scaleY);
  return { ...frame, scaleX, scaleY, region: { left, top, width, height } };
}

function anchored(source: Size, input: Size, content: Size, anchor: 'center' | 'top-left'): Frame {
  if (anchor === 'top-left') return frameOf(source, input, content, 0, 0);
  // Ultralytics' LetterBox puts the odd pixel of padding at the end: left = round(dw / 2 − 0.1).
  const offsetX = Math.round((input.width - content.width) / 2 - 0.1);
  const offsetY = Math.round((input.height - content.height) / 2 - 0.1);
  return frameOf(source, input, content, offsetX, offsetY);
}

function frameOf(source: Size, input: Size, content: Size, offsetX: number, offsetY: number): Frame {
  return {
    source: { width: source.width, height: source.height },
    input: { width: input.width, height: input.height },
    content: { width: content.width, height: content.height },
    scaleX: content.width / source.width,
    scaleY: content.height / source.height,
    offsetX,
    offsetY,
  };
}

function toMultiple(value: number, multiple: number): number {
  return Math.max(multiple, Math.round(value / multiple) * multiple);
}

export function clamp(value: number, low: number, high: number): number {
  return Math.max(low, Math.min(value, high));
}
