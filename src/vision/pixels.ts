import type { Frame } from './frame.ts';
import type { InputSpec } from './input-spec.ts';
import { floatToHalf, type Tensor } from './tensor.ts';

/**
 * Lays resized RGB pixels into the model's input tensor of batch 1, with colour order, normalisation, layout and padding
 * of `spec`.
 * @param rgb 8-bit RGB, row-major, of `frame.content`'s size.
 */
export function toInputTensor(rgb: Uint8Array, frame: Frame, spec: InputSpec): Tensor {
  const { width, height } = frame.input;
  const area = width * height;
  if (rgb.length !== frame.content.width * frame.content.height * 3) {
    throw new RangeError(`expected ${frame.content.width}×${frame.content.height} RGB pixels, got ${rgb.length} bytes`);
  }
  const data = allocate(spec.dtype, area * 3);
  const planar = spec.layout === 'nchw';
  const full = frame.content.width === width && frame.content.height === height;

  for (let channel = 0; channel < 3; channel++) {
    const element = elementTable(spec, channel);
    const from = spec.color === 'bgr' ? 2 - channel : channel;
    const start = planar ? channel * area : channel;
    const step = planar ? 1 : 3;
    if (!full) fillChannel(data, start, step, area, element[Math.round(spec.pad)]!);
    for (let y = 0; y < frame.content.height; y++) {
      let source = y * frame.content.width * 3 + from;
      let target = start + ((y + frame.offsetY) * width + frame.offsetX) * step;
      for (let x = 0; x < frame.content.width; x++, source += 3, target += step) data[target] = element[rgb[source]!]!;
    }
  }
  const dims = planar ? [1, 3, height, width] : [1, height, width, 3];
  return { dtype: spec.dtype, dims, data } as Tensor;
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
