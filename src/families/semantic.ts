import { z } from 'zod';
import type { Resize } from '../vision/input-spec.ts';
import { isFixed, type Probe, type Signature, type ValueInfo } from '../vision/signature.ts';
import { type Tensor, toFloats } from '../vision/tensor.ts';
import type { Size } from '../vision/types.ts';
import { countNames } from './class-numbers.ts';
import { defineFamily, type Recognition } from './define.ts';
import {
  countOperators,
  endsIn,
  findImageInput,
  firstByName,
  fixedInputSize,
  imageInputSpec,
  isFloat,
  isOne,
  unexpectedOutputs,
} from './graph.ts';
import { parseNames } from './labels/names-literal.ts';
import { guessNormalization, isUNet, normalizationSchema, normalizations } from './normalization.ts';
import { yoloInput } from './ultralytics.ts';

/** Class indices are kept in a byte. */
const MAX_CLASSES = 256;
/** Data sets whose number of classes is telling: Cityscapes, VOC, LIP, ADE20K, COCO-Stuff. */
const KNOWN_CLASSES = [19, 20, 21, 59, 60, 150, 171, 182];

/**
 * torchvision's reference scripts bring the shorter side to 520; smaller pictures are left as they are. Stretching to the
 * next size that the graph takes costs less accuracy than a grey border.
 */
const TORCHVISION = { mode: 'limit', shortest: 520, longest: 1040 } as const satisfies Partial<Resize>;
/** DeepLab's frozen graphs pad to 513×513 and take nothing larger (tensorflow/models: deeplab_demo.ipynb). */
const DEEPLAB: Resize = { mode: 'scale', longest: 513, multiple: 1, anchor: 'top-left', enlarge: true };

const params = z.strictObject({
  /** Where scores have their classes; maps of indices need no telling. */
  layout: z.enum(['nchw', 'nhwc']).default('nchw'),
  /** The output to read, where there are several; else `out`, else the first of a fitting shape. */
  output: z.string().optional(),
  /** How many classes a map of indices names, which no graph tells. */
  classes: z.int().min(1).max(MAX_CLASSES).optional(),
  normalization: normalizationSchema.default('imagenet'),
  /** Letterboxed as a YOLO's pictures are, or stretched. */
  fit: z.enum(['stretch', 'letterbox']).default('stretch'),
  /** Of graphs of any size: what both sides must be multiples of. */
  multiple: z.int().min(1).max(256).default(32),
});

export const semantic = defineFamily({
  task: 'semantic-segmentation',
  title: 'Semantic segmentation: a score per class and pixel, or an index per pixel',
  reference:
    'pytorch/vision: torchvision/models/segmentation; tensorflow/models: research/deeplab; milesial/Pytorch-UNet: predict.py; huggingface/transformers: SegFormer; PaddlePaddle/PaddleSeg: deploy/python/infer_onnx.py; open-mmlab/mmdeploy: configs/mmseg; ultralytics/ultralytics: ultralytics/models/yolo/semantic/predict.py',
  params,
  defaults: { scoreThreshold: 0, iouThreshold: 1, maxDetections: 1 },

  recognise(signature, probe) {
    const size = fixedInputSize(signature, probe);
    const output = pickOutput(signature.outputs);
    if (!size || !output || !findImageInput(signature)) return undefined;
    if (signature.metadata.task === 'semantic') return recogniseUltralytics(signature, output);
    const { normalization, evidence } = isPaddleSeg(signature)
      ? { normalization: 'symmetric', evidence: 'from Paddle: pixels scaled to −1…1, as PaddleSeg does' }
      : guessNormalization(signature);
    const read = { normalization, ...(probe?.multiple && { multiple: probe.multiple }) };
    if (!isScores(output)) {
      if (!hasProportions(output, size)) return undefined;
      const confidence = signature.outputs.length === 1 ? 0.7 : 0.4;
      return { confidence, evidence: ['a map of class indices', evidence], params: read };
    }
    const [, a, b, c] = output.dims;
    if (!isFixed(a) || !isFixed(b) || !isFixed(c)) return undefined;
    const layout = layoutOf([a, b, c], size);
    const [channels, height, width] = layout === 'nchw' ? [a, b, c] : [c, a, b];
    if (channels < 2 || channels > MAX_CLASSES) return undefined;
    const seen = [`scores of ${channels} classes on a map of ${width}×${height}`, evidence];
    const tensor = probe?.outputs[output.name];
    if (endsIn(signature, output, 'Softmax') || (tensor && isDistribution(toFloats(tensor), channels, layout))) {
      return {
        confidence: 0.8,
        evidence: [...seen, 'the scores of each pixel add up to 1'],
        params: { layout, ...read },
      };
    }
    const [strideX, strideY] = [size.width / width, size.height / height];
    // Masks of objects come with boxes.
    if (!signature.outputs.every(isScores)) return { confidence: 0.3, evidence: seen, params: { layout, ...read } };
    if (!firstByName(signature.outputs)) {
      return {
        confidence: 0.45,
        evidence: [...seen, 'one of several, and no name says which'],
        params: { layout, ...read },
      };
    }
    // A probe that left the size to the graph tells strides only about.
    const confidence = confidenceOf(signature, probe, output, channels, Math.round(strideX), Math.round(strideY));
    return { confidence, evidence: seen, params: { layout, ...read } };
  },

  input(signature, { normalization, fit, multiple }) {
    if (fit === 'letterbox') return { ...yoloInput(signature), ...normalizations[normalization] };
    const input = findImageInput(signature);
    return imageInputSpec(signature, {
      fit: 'stretch',
      // Hugging Face's processor of SegFormer stretches to this size.
      defaultSize: { width: 512, height: 512 },
      ...(input?.name !== 'pixel_values' && {
        dynamic: input?.name.startsWith('ImageTensor') ? DEEPLAB : { ...TORCHVISION, multiple },
      }),
      pad: 114,
      ...normalizations[normalization],
    });
  },

  classes(signature, { layout, output, classes }) {
    const value = pickOutput(signature.outputs, output);
    if (!value || !isScores(value)) return namesOfOne(signature) ?? classes ?? 0;
    const channels = value.dims[layout === 'nchw' ? 1 : 3];
    return isFixed(channels) ? channels : 0;
  },

  decode(outputs, { params }) {
    const values = Object.entries(outputs).map(([name, { dtype, dims }]) => ({ name, dtype, dims }));
    const picked = pickOutput(values, params.output);
    if (!picked) throw unexpectedOutputs(outputs, 'scores [1,classes,H,W] or class indices [1,H,W]');
    const tensor = outputs[picked.name]!;
    if (!isScores(picked)) return readIndices(tensor, params.classes ?? MAX_CLASSES);
    const [, a, b, c] = tensor.dims as [number, number, number, number];
    const [channels, height, width] = params.layout === 'nchw' ? [a, b, c] : [c, a, b];
    if (channels > MAX_CLASSES) throw unexpectedOutputs(outputs, `scores of at most ${MAX_CLASSES} classes`);
    const scores = toFloats(tensor).subarray(0, channels * height * width);
    const data = params.layout === 'nchw' ? scores : channelsFirst(scores, channels);
    return { kind: 'scores', width, height, data };
  },
});

/** Class indices, or scores from exporters that leave the reduction to the reader; the graph's metadata tell the rest. */
function recogniseUltralytics(signature: Signature, output: ValueInfo): Recognition | undefined {
  const names = countNames(signature);
  const classes = isScores(output) ? output.dims[1] : (namesOfOne(signature)?.length ?? names);
  if (!isFixed(classes) || classes < 2 || classes > MAX_CLASSES || (names > 1 && names !== classes)) return undefined;
  return {
    confidence: 0.95,
    evidence: ['metadata say task: semantic, as Ultralytics writes them', `${classes} classes`],
    params: { normalization: 'unit', fit: 'letterbox', ...(!isScores(output) && { classes }) },
  };
}

/** Ultralytics' maps of a single class tell it from a background that has no name. */
function namesOfOne({ metadata }: Signature): readonly string[] | undefined {
  const names = metadata.task === 'semantic' ? parseNames(metadata.names ?? '') : undefined;
  const only = names?.size === 1 ? names.get(0) : undefined;
  return only ? ['background', only] : undefined;
}

/** Paddle2ONNX keeps the names of Paddle's temporary values; its own deployments of segmenters use one normalisation. */
function isPaddleSeg({ producer, outputs }: Signature): boolean {
  return /paddle/i.test(producer) || outputs.some(({ name }) => /\.tmp_\d+$/.test(name));
}

/** Where the classes are: the two other dimensions have the input's proportions; where both readings do, the smaller. */
function layoutOf([a, b, c]: readonly [number, number, number], { width, height }: Size): 'nchw' | 'nhwc' {
  const first = height * c === width * b;
  const last = height * b === width * a;
  return first === last ? (a < c ? 'nchw' : 'nhwc') : first ? 'nchw' : 'nhwc';
}

/** Detectors have coarse maps of many channels too, pictures have three, optical flow has two. */
function confidenceOf(
  signature: Signature,
  probe: Probe | undefined,
  { name }: ValueInfo,
  channels: number,
  strideX: number,
  strideY: number,
): number {
  if (strideX !== strideY || strideX > 8) return 0.3;
  if (KNOWN_CLASSES.includes(channels) || countOperators(signature, 'ArgMax') > 0) return 0.85;
  // torchvision's names, and Hugging Face's, whose segmenters have a quarter of the input's size.
  const named =
    name === 'out' || (name === 'logits' && signature.inputs.some((input) => input.name === 'pixel_values'));
  if (named || (strideX === 1 && channels > 3)) return 0.7;
  return strideX === 1 && (isUNet(signature) || (probe && /seg|mask|class/i.test(name))) ? 0.6 : 0.4;
}

/** Whether the channels of every pixel are probabilities that add up to 1: nothing but classes does. */
function isDistribution(scores: Float32Array, channels: number, layout: 'nchw' | 'nhwc'): boolean {
  const area = scores.length / channels;
  const [step, start] = layout === 'nchw' ? [area, 1] : [1, channels];
  for (let cell = 0; cell < area; cell++) {
    let sum = 0;
    for (let channel = 0, at = cell * start; channel < channels; channel++, at += step) {
      if (!(scores[at]! >= 0)) return false;
      sum += scores[at]!;
    }
    // The tolerance covers float16.
    if (!(Math.abs(sum - 1) < 0.01)) return false;
  }
  return area > 0;
}

function pickOutput(values: readonly ValueInfo[], name?: string): ValueInfo | undefined {
  const fitting = values.filter((v) => isScores(v) || isIndices(v));
  if (name !== undefined) return fitting.find((v) => v.name === name);
  // torchvision's models give `aux` as well, in whatever order.
  return firstByName(fitting) ?? fitting[0];
}

function isScores(value: ValueInfo): boolean {
  return isFloat(value) && value.dims.length === 4 && isOne(value.dims[0]);
}

/** [1,H,W], [1,1,H,W] or [1,H,W,1] of whole numbers. */
function isIndices({ dtype, dims }: ValueInfo): boolean {
  if (!/^u?int(8|16|32|64)$/.test(dtype) || !isOne(dims[0])) return false;
  return dims.length === 3 || (dims.length === 4 && (dims[1] === 1 || dims[3] === 1));
}

/** Whether a map is as wide for its height as the input, as far as its dimensions are known. */
function hasProportions({ dims }: ValueInfo, { width, height }: Size): boolean {
  const [a, b, c] = dims.slice(1);
  const [rows, columns] = dims.length === 3 || c === 1 ? [a, b] : [b, c];
  if (!isFixed(rows) || !isFixed(columns)) return true;
  // Strides round up.
  return Math.abs(rows * width - columns * height) <= Math.max(width, height);
}

/** Indices of no class count as class 0, the background of most data sets. */
function readIndices({ dims, data }: Tensor, classes: number) {
  const [a, b, c] = dims.slice(1) as [number, number, number];
  const [height, width] = dims.length === 3 || c === 1 ? [a, b] : [b, c];
  const labels = new Uint8Array(width * height);
  for (let i = 0; i < labels.length; i++) {
    const index = Number(data[i]);
    if (index > 0 && index < classes) labels[i] = index;
  }
  return { kind: 'labels' as const, width, height, data: labels };
}

function channelsFirst(data: Float32Array, channels: number): Float32Array {
  const area = data.length / channels;
  const planes = new Float32Array(data.length);
  for (let cell = 0, at = 0; cell < area; cell++) {
    for (let channel = 0; channel < channels; channel++, at++) planes[channel * area + cell] = data[at]!;
  }
  return planes;
}
