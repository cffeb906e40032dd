import { z } from 'zod';
import { isFixed, type Signature } from '../vision/signature.ts';
import { type Tensor, type Tensors, toFloats } from '../vision/tensor.ts';
import type { Size } from '../vision/types.ts';
import type { Recognition } from './define.ts';
import { findImageInput, imageInputSpec, unexpectedOutputs } from './graph.ts';
import type { Suppressed, SuppressedConvention } from './suppressed.ts';

/** Ids of the API's COCO label map, mscoco_label_map.pbtxt: 1–90 with gaps. */
export const COCO_IDS = 90;

export const tfParams = z.strictObject({
  /** How many ids the label map has, from 1. */
  classes: z.int().min(1).default(COCO_IDS),
});

/** Outputs as exporter.py and exporter_lib_v2.py call them, and converters decorate them: `detection_boxes:0`. */
const named = (what: string) => new RegExp(`(?:^|/)detection_${what}(?::\\d+)?$`);
const BOXES = named('boxes');
const CLASSES = named('classes');
const SCORES = named('scores');
const MASKS = named('masks');
/** Of every class, the background first. */
const ALL_SCORES = named('multiclass_scores');

/** A graph of the TensorFlow Object Detection API is known by the names of its outputs. */
export function recogniseTf(signature: Signature, masks: boolean): Recognition | undefined {
  const { inputs, outputs } = signature;
  const find = (name: RegExp) => outputs.find((output) => name.test(output.name));
  if (![BOXES, CLASSES, SCORES].every(find) || Boolean(find(MASKS)) !== masks) return undefined;
  // Channels last, as TensorFlow has them: exporters of YOLO use these names, too, for boxes in pixels.
  if (inputs.length > 1 || findImageInput(signature)?.layout !== 'nhwc') return undefined;
  const seen = `outputs detection_boxes, detection_classes, detection_scores${masks ? ', detection_masks' : ''}`;
  const allScores = find(ALL_SCORES);
  const columns = allScores?.dims[2];
  if (isFixed(columns) && columns > 1) {
    const told = `detection_multiclass_scores of ${columns - 1} classes and the background`;
    return { confidence: 0.95, evidence: [seen, told], params: { classes: columns - 1 } };
  }
  // Run once, it tells.
  if (allScores) return { confidence: 0.45, evidence: [seen] };
  return { confidence: 0.9, evidence: [seen, "classes of COCO's label map (assumed)"] };
}

/** Pixels as they are: the graph scales and normalises. */
export function tfInput(signature: Signature) {
  return imageInputSpec(signature, {
    fit: 'stretch',
    defaultSize: { width: 640, height: 640 },
    // The longest side that the API's published configurations keep; larger pictures only cost memory.
    dynamic: { mode: 'scale', longest: 1024, multiple: 1, anchor: 'top-left', enlarge: false },
  });
}

/** @throws RangeError where the outputs are not the API's. */
export function readTf(outputs: Tensors): Suppressed {
  const find = (wanted: RegExp) => Object.entries(outputs).find(([name]) => wanted.test(name))?.[1];
  const [boxes, labels, scores] = [find(BOXES), find(CLASSES), find(SCORES)];
  const n = scores?.dims.at(-1);
  if (!boxes || !labels || !scores || !hasDims(boxes, n, 4) || !hasDims(labels, n) || !hasDims(scores, n)) {
    throw unexpectedOutputs(
      outputs,
      'detection_boxes [1,n,4], detection_classes [1,n], detection_scores [1,n] of the TensorFlow Object Detection API',
    );
  }
  return { boxes: toFloats(boxes), labels: toFloats(labels), scores: toFloats(scores) };
}

/** @throws RangeError where there is no mask for each of `n` boxes. */
export function readTfMasks(outputs: Tensors, n: number): Tensor {
  const masks = Object.entries(outputs).find(([name]) => MASKS.test(name))?.[1];
  if (
    masks?.dims.length !== 4 ||
    masks.dims[0] !== 1 ||
    masks.dims[1] !== n ||
    masks.dims[2]! < 2 ||
    masks.dims[3]! < 2
  ) {
    throw unexpectedOutputs(outputs, `detection_masks [1,${n},h,w]`);
  }
  return masks;
}

/** Whether a tensor is [1,…wanted]. */
function hasDims({ dims }: Tensor, ...wanted: readonly (number | undefined)[]): boolean {
  return dims.length === wanted.length + 1 && dims[0] === 1 && wanted.every((dim, i) => dims[i + 1] === dim);
}

/** Corners in 0–1, y first; ids of label maps begin with 1. */
export function tfConvention({ width, height }: Size): SuppressedConvention {
  return { order: [1, 0, 3, 2], columns: 4, unitX: width, unitY: height, firstLabel: 1 };
}
