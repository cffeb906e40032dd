import type { Frame } from './frame.ts';
import type { InputSpec } from './input-spec.ts';
import { floatToHalf, type Tensor } from './tensor.ts';

/** Weights of red, green and blue in grey, as OpenCV and Pillow have them (ITU-R BT.601). */
const LUMA = [0.299, 0.587, 0.114] as const;

/**
 * Lays resized RGB pixels into the model's input tensor, with colour order, normalisation, layout and padding of `spec`.
 * Of a batch, the first picture is filled.
 * @param rgb 8-bit RGB, row-major, of `frame.content`'s size.
 */
export function toInputTensor(rgb: Uint8Array, frame: Frame, spec: InputSpec): Tensor {
  const { width, height } = frame.input;
  const area = width * height;
  if (rgb.length !== frame.content.width * frame.content.height * 3) {
    throw new RangeError(`expected ${frame.content.width}×${frame.content.height} RGB pixels, got ${rgb.length} bytes`);
  }
  const channels = spec.color === 'gray' ? 1 : 3;
  const pixels = channels === 1 ? toGray(rgb) : rgb;
  const data = allocate(spec.dtype, spec.batch * area * channels);
  const planar = spec.layout === 'nchw' || spec.layout === 'chw';
  // A part of the picture fills the input: the offsets are those of the picture, which reaches beyond.
  const [left, top] = frame.region ? [0, 0] : [frame.offsetX, frame.offsetY];
  const full = frame.content.width === width && frame.content.height === height;

  for (let channel = 0; channel < channels; channel++) {
    const element = elementTable(spec, channel);
    const from = spec.color === 'bgr' ? 2 - channel : channel;
    const start = planar ? channel * area : channel;
    const step = planar ? 1 : channels;
    if (!full) fillChannel(data, start, step, area, spec.pad === 'mean' ? 0 : element[Math.round(spec.pad)]!);
    for (let y = 0; y < frame.content.height; y++) {
      let source = y * frame.content.width * channels + from;
      let target = start + ((y + top) * width + left) * step;
      for (let x = 0; x < frame.content.width; x++, source += channels, target += step) {
        data[target] = element[pixels[source]!]!;
      }
    }
  }
  const dims = planar ? [channels, height, width] : [height, width, channels];
  return { dtype: spec.dtype, dims: spec.layout.startsWith('n') ? [spec.batch, ...dims] : dims, data } as Tensor;
}

function toGray(rgb: Uint8Array): Uint8Array {
  const gray = new Uint8Array(rgb.length / 3);
  for (let i = 0, at = 0; i < gray.length; i++, at += 3) {
    gray[i] = Math.round(LUMA[0] * rgb[at]! + LUMA[1] * rgb[at + 1]! + LUMA[2] * rgb[at + 2]!);
  }
  return gray;
}

function allocate(dtype: InputSpec['dtype'], length: number): Float32Array | Uint16Array | Uint8Array {
  if (dtype === 'float32') return new Float32Array(length);
  return dtype === 'float16' ? new Uint16Array(length) : new Uint8Array(length);
}

/** There are only 256 grey levels: the arithmetic of normalisation is done once for each. */
function elementTable(spec: InputSpec, channel: number): Float64Array | Uint16Array {
  const values = Float64Array.from({ length: 256 }, (_, v) => (v - spec.mean[channel]!) / spec.std[channel]!);
  if (spec.dtype === 'float16') return Uint16Array.from(values, floatToHalf);
  return spec.dtype === 'uint8' ? values.map((v) => Math.min(255, Math.max(0, Math.round(v)))) : values;
}

function fillChannel(data: Float32Array | Uint16Array | Uint8Array, start: number, step: number, n: number, v: number) {
  if (step === 1) data.fill(v, start, start + n);
  else for (let i = 0, at = start; i < n; i++, at += step) data[at] = v;
}
