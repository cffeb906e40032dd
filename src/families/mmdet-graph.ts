import { z } from 'zod';
import type { InputSpec, Resize } from '../vision/input-spec.ts';
import type { Signature, ValueInfo } from '../vision/signature.ts';
import { type Tensor, type Tensors, toFloats } from '../vision/tensor.ts';
import type { Recognition } from './define.ts';
import { countOperators, findImageInput, imageInputSpec, isFloat, isOne, unexpectedOutputs } from './graph.ts';
import { countHeadClasses, type Head, hasWeight } from './head-weights.ts';
import { normalizations } from './normalization.ts';
import { PIXEL_CORNERS, type Suppressed } from './suppressed.ts';

const PIXEL_NAMES = ['torchvision', 'caffe', 'rtmdet', 'yolox'] as const;
type Pixels = (typeof PIXEL_NAMES)[number];

/**
 * Pixels and sizes of MMDetection's configurations (configs/_base_/datasets, rtmdet, yolox, fcos): most take torchvision's
 * backbones; RTMDet their statistics in BGR order; FCOS Caffe's backbones; YOLOX pixels as they are.
 */
const PIXELS: Readonly<Record<Pixels, Pick<InputSpec, 'color' | 'mean' | 'std' | 'pad'>>> = {
  torchvision: { color: 'rgb', ...normalizations.imagenet, pad: 'mean' },
  caffe: { color: 'bgr', ...normalizations.caffe, pad: 'mean' },
  rtmdet: { color: 'bgr', mean: [103.53, 116.28, 123.675], std: [57.375, 57.12, 58.395], pad: 114 },
  yolox: { color: 'bgr', ...normalizations.none, pad: 114 },
};

const LARGE: Resize = { mode: 'scale', shortest: 800, longest: 1333, multiple: 32, anchor: 'top-left', enlarge: true };
const SMALL: Resize = { mode: 'scale', longest: 640, multiple: 32, anchor: 'top-left', enlarge: true };

export const mmdetParams = z.strictObject({
  /** The configuration that the pixels are normalised as. */
  pixels: z.enum(PIXEL_NAMES).default('torchvision'),
  /** 0 where that is not known. */
  classes: z.int().min(0).default(0),
});

interface KnownHead extends Head {
  readonly title: string;
  readonly pixels: Pixels;
  /** Columns of scores for a background, which comes last. */
  readonly background?: number;
}

/** As mmdet/models/dense_heads and mmdet/models/roi_heads/bbox_heads name their last layers. */
const HEADS: readonly KnownHead[] = [
  { title: 'an R-CNN', scores: /roi_head\.bbox_head\.(?:\d+\.)?fc_cls\.bias$/, background: 1, pixels: 'torchvision' },
  {
    title: 'RetinaNet',
    scores: /bbox_head\.retina_cls\.(?:bias|weight)$/,
    boxes: /bbox_head\.retina_reg\.(?:bias|weight)$/,
    pixels: 'torchvision',
  },
  {
    title: 'ATSS, GFL, VFNet or TOOD',
    scores: /bbox_head\.(?:atss|gfl|vfnet|tood)_cls\.(?:bias|weight)$/,
    pixels: 'torchvision',
  },
  { title: 'RTMDet', scores: /bbox_head\.rtm_cls\.(?:0\.)?(?:bias|weight)$/, pixels: 'rtmdet' },
  { title: 'YOLOX', scores: /bbox_head\.multi_level_conv_cls\.0\.(?:bias|weight)$/, pixels: 'yolox' },
];
/** Also the name of FoveaBox's, which has no centreness, and of CondInst's, which has masks: both on torchvision's pixels. */
const CONV_CLS = { title: 'FCOS', scores: /bbox_head\.conv_cls\.(?:bias|weight)$/ };
const CENTERNESS = /bbox_head\.conv_centerness\./;

type Value = Pick<ValueInfo, 'name' | 'dtype' | 'dims'>;

interface Found {
  readonly rows: Value;
  readonly labels: Value;
  readonly masks: Value | undefined;
}

/** Rows [1,n,5], integer labels [1,n] and, with masks, [1,n,h,w], by what they hold. */
function findOutputs(values: readonly Value[], withMasks: boolean): Found | undefined {
  const batched = values.filter(({ dims }) => isOne(dims[0]));
  const rows = batched.find((v) => isFloat(v) && v.dims.length === 3 && v.dims[2] === 5);
  const labels = batched.find(({ dtype, dims }) => /^int(?:32|64)$/.test(dtype) && dims.length === 2);
  const masks = batched.find((v) => (isFloat(v) || v.dtype === 'bool') && v.dims.length === 4);
  if (!rows || !labels || withMasks !== (masks !== undefined)) return undefined;
  return values.length === (masks ? 3 : 2) ? { rows, labels, masks } : undefined;
}

export function recogniseMmdet(signature: Signature, withMasks: boolean): Recognition | undefined {
  const found = findOutputs(signature.outputs, withMasks);
  const input = findImageInput(signature);
  if (!found || input?.layout !== 'nchw' || input.dtype === 'uint8' || signature.inputs.length > 1) return undefined;
  // SOLO has masks and no boxes.
  if (hasWeight(signature, /^mask_head\./) && !hasWeight(signature, /^bbox_head\./)) return undefined;
  const seen = `rows of four corners and a score, integer labels${withMasks ? ', masks' : ''}`;

  for (const { title, background = 0, pixels, ...head } of knownHeads(signature, withMasks)) {
    const classes = countHeadClasses(signature, [head]) - background;
    if (classes <= 0) continue;
    const evidence = [seen, `a head named as MMDetection names ${title}'s, for ${classes} classes`];
    return { confidence: 0.9, evidence, params: { pixels, classes } };
  }
  if (countOperators(signature, 'RoiAlign', 'MMCVRoiAlign') > 0) {
    return {
      confidence: 0.7,
      evidence: [seen, 'RoiAlign in the graph', "pixels as torchvision's backbones (assumed)"],
    };
  }
  // Detectors of fixed squares are as likely RTMDet's or YOLOX's, whose pixels are others.
  const named = found.rows.name === 'dets' && found.labels.name === 'labels';
  const square = input.width !== undefined && input.width === input.height;
  if (!named || square || hasWeight(signature, /(?:^|\.)bbox_head\./)) return { confidence: 0.45, evidence: [seen] };
  return { confidence: 0.6, evidence: [seen, "MMDeploy's names", "pixels as torchvision's backbones (assumed)"] };
}

function knownHeads(signature: Signature, withMasks: boolean): readonly KnownHead[] {
  const caffe = hasWeight(signature, CENTERNESS) && !withMasks;
  return [...HEADS, { ...CONV_CLS, pixels: caffe ? 'caffe' : 'torchvision' }];
}

/** The picture lies top left, as MMDetection pads it, in graphs of fixed size, too, which MMDeploy's tools stretch it to. */
export function mmdetInput(signature: Signature, { pixels }: z.output<typeof mmdetParams>) {
  return imageInputSpec(signature, {
    fit: 'top-left',
    defaultSize: { width: 1344, height: 800 },
    dynamic: pixels === 'rtmdet' || pixels === 'yolox' ? SMALL : LARGE,
    ...PIXELS[pixels],
  });
}

/** Corners in input pixels and a score in each row. */
export const MMDET_CONVENTION = { ...PIXEL_CORNERS, columns: 5 };

/**
 * What a graph gave. TensorRT's and static graphs fill up with rows that score 0; those have label −1 here.
 * @throws RangeError where it is something else.
 */
export function readMmdet(outputs: Tensors, withMasks: boolean): Suppressed & { readonly masks: Tensor | undefined } {
  const values = Object.entries(outputs).map(([name, { dtype, dims }]) => ({ name, dtype, dims }));
  const found = findOutputs(values, withMasks);
  const count = found?.rows.dims[1];
  if (!found || found.labels.dims[1] !== count || (found.masks && found.masks.dims[1] !== count)) {
    throw unexpectedOutputs(outputs, `rows [1,n,5], integer labels [1,n]${withMasks ? ', masks [1,n,h,w]' : ''}`);
  }
  const boxes = toFloats(outputs[found.rows.name]!);
  const labels = toFloats(outputs[found.labels.name]!);
  const scores = Float32Array.from(labels, (_, i) => boxes[5 * i + 4]!);
  return {
    boxes,
    scores,
    labels: labels.map((label, i) => (scores[i]! > 0 ? label : -1)),
    masks: found.masks && outputs[found.masks.name],
  };
}
