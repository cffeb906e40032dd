import { z } from 'zod';
import { Candidates } from '../vision/candidates.ts';
import { clamp } from '../vision/frame.ts';
import { isFixed, type Signature, type ValueInfo } from '../vision/signature.ts';
import { toFloats } from '../vision/tensor.ts';
import type { Size } from '../vision/types.ts';
import { defineFamily } from './define.ts';
import { endsIn, fixedInputSize, imageInputSpec, isFloat, isOne, unexpectedOutputs } from './graph.ts';
import { normalizations } from './normalization.ts';

/** Feature maps P3–P7. */
const STRIDES = [8, 16, 32, 64, 128];
/** odtk/model.py: of each scale all ratios of height to width. */
const RATIOS = [1, 2, 0.5];
const SCALES = [0, 1, 2].map((i) => 4 * 2 ** (i / 3));
const SHAPES = SCALES.flatMap((scale) =>
  RATIOS.map((ratio) => ({ x: scale / Math.sqrt(ratio), y: scale * Math.sqrt(ratio) })),
);
const ANCHORS = SHAPES.length;

export const retinanet = defineFamily({
  task: 'detection',
  title: 'RetinaNet of the ONNX Model Zoo (NVIDIA/retinanet-examples)',
  reference: 'NVIDIA/retinanet-examples: odtk/model.py, box.py',
  params: z.strictObject({}),
  // odtk's own are .05, .5 and 100.
  defaults: { scoreThreshold: 0.3, iouThreshold: 0.5, maxDetections: 100 },

  recognise(signature, probe) {
    const input = fixedInputSize(signature, probe);
    const levels = input && findLevels(signature.outputs, input);
    if (!levels) return undefined;
    const seen = `maps of ${ANCHORS} anchors a cell at five strides, scores and boxes apart`;
    const scores = signature.outputs.filter(({ name }) => levels.some((level) => level.scores === name));
    // Heads of other RetinaNets end without one, and number their anchors otherwise.
    if (!scores.every((value) => endsIn(signature, value, 'Sigmoid'))) return { confidence: 0.4, evidence: [seen] };
    return { confidence: 0.9, evidence: [seen, 'the scores end in a sigmoid'] };
  },

  input: (signature) =>
    imageInputSpec(signature, {
      fit: 'top-left',
      defaultSize: { width: 640, height: 480 },
      dynamic: { mode: 'scale', shortest: 800, longest: 1333, multiple: 128, anchor: 'top-left', enlarge: true },
      ...normalizations.imagenet,
      pad: 'mean',
    }),

  classes: countClasses,

  decode(outputs, { input, limits }) {
    const levels = findLevels(
      Object.entries(outputs).map(([name, { dtype, dims }]) => ({ name, dtype, dims })),
      input,
    );
    if (!levels)
      throw unexpectedOutputs(outputs, `RetinaNet's five [1,${ANCHORS}·classes,h,w] and five [1,${4 * ANCHORS},h,w]`);
    const candidates = new Candidates(limits);
    for (const { stride, width, height, classes, ...names } of levels) {
      const [scores, deltas] = [toFloats(outputs[names.scores]!), toFloats(outputs[names.boxes]!)];
      const area = width * height;
      const last = { x: width * stride, y: height * stride };
      for (let at = 0; at < scores.length; at++) {
        const score = scores[at]!;
        if (!candidates.wants(score)) continue;
        const cell = at % area;
        const channel = (at - cell) / area;
        const anchor = Math.floor(channel / classes);
        const delta = (k: number) => deltas[(4 * anchor + k) * area + cell]!;
        // Sides count the last pixel: an anchor is one longer than it was made, and so is a box than its corners tell.
        const side = { x: SHAPES[anchor]!.x * stride + 1, y: SHAPES[anchor]!.y * stride + 1 };
        const x = (cell % width) * stride + stride / 2 + 0.5 + delta(0) * side.x;
        const y = Math.floor(cell / width) * stride + stride / 2 + 0.5 + delta(1) * side.y;
        const [halfWidth, halfHeight] = [(Math.exp(delta(2)) * side.x) / 2, (Math.exp(delta(3)) * side.y) / 2];
        candidates.add(
          clamp(x - halfWidth, 0, last.x - 1),
          clamp(y - halfHeight, 0, last.y - 1),
          clamp(x + halfWidth, 1, last.x),
          clamp(y + halfHeight, 1, last.y),
          score,
          channel % classes,
          at,
        );
      }
    }
    return candidates.suppress();
  },
});

interface Level extends Size {
  readonly stride: number;
  readonly scores: string;
  readonly boxes: string;
  readonly classes: number;
}

/** The two maps of each stride, told apart by their channels; four classes have as many as boxes. */
function findLevels(values: readonly Pick<ValueInfo, 'name' | 'dtype' | 'dims'>[], input: Size): Level[] | undefined {
  if (values.length !== 2 * STRIDES.length) return undefined;
  const levels = STRIDES.flatMap((stride) => {
    const [width, height] = [Math.ceil(input.width / stride), Math.ceil(input.height / stride)];
    const maps = values.filter(
      (value) =>
        isFloat(value) &&
        value.dims.length === 4 &&
        isOne(value.dims[0]) &&
        value.dims[2] === height &&
        value.dims[3] === width,
    );
    const boxes = maps.filter(({ dims }) => dims[1] === 4 * ANCHORS);
    const [scores] = maps.filter(({ dims }) => dims[1] !== 4 * ANCHORS);
    const channels = scores?.dims[1];
    if (maps.length !== 2 || boxes.length !== 1 || !scores || !isFixed(channels) || channels % ANCHORS > 0) return [];
    return [{ stride, width, height, scores: scores.name, boxes: boxes[0]!.name, classes: channels / ANCHORS }];
  });
  return levels.length === STRIDES.length && new Set(levels.map(({ classes }) => classes)).size === 1
    ? levels
    : undefined;
}

/** 0 where the graph does not tell. */
function countClasses({ outputs }: Signature): number {
  const channels = outputs.flatMap(({ dims }) => (isFixed(dims[1]) && dims[1] !== 4 * ANCHORS ? [dims[1]] : []));
  return channels.length === STRIDES.length ? Math.floor(channels[0]! / ANCHORS) : 0;
}
