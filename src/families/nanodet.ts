import { z } from 'zod';
import { Candidates } from '../vision/candidates.ts';
import { expectedBin } from '../vision/dfl.ts';
import { countCells, type Level, pyramidLevels } from '../vision/levels.ts';
import { isFixed, type Probe, type Signature, type ValueInfo } from '../vision/signature.ts';
import { type Tensors, toFloats } from '../vision/tensor.ts';
import { defineFamily } from './define.ts';
import {
  countOperators,
  fixedInputSize,
  imageInputSpec,
  isFloat,
  isOne,
  soleOutput,
  unexpectedOutputs,
} from './graph.ts';
import { normalizations } from './normalization.ts';
import { leavesUnit } from './probe-columns.ts';

const STRIDES = [8, 16, 32];
const STRIDES_PLUS = [8, 16, 32, 64];
/** reg_max + 1 of the published configurations: 8 for -m and -plus, 11 for -g. */
const PUBLISHED_BINS = [8, 11];

export const nanodet = defineFamily({
  task: 'detection',
  title: 'NanoDet; PicoDet, raw heads',
  reference:
    'RangiLyu/nanodet: nanodet/model/head/nanodet_head.py, nanodet_plus_head.py, tools/export_onnx.py; PaddlePaddle/PaddleDetection: ppdet/modeling/heads/pico_head.py, deploy/python/picodet_postprocess.py',
  params: z.strictObject({
    strides: z.array(z.int().min(1)).min(1).default(STRIDES),
    /** Bins of each side's distance distribution. */
    bins: z.int().min(2).max(64).default(8),
    /** Where in its cell a point lies: the middle (0.5), or the corner (0) for NanoDet-Plus. */
    cellOffset: z.number().min(0).max(1).default(0.5),
    /** Whose pre- and post-processing: NanoDet-Plus counts as NanoDet. */
    variant: z.enum(['nanodet', 'picodet']).default('nanodet'),
  }),
  defaults: { scoreThreshold: 0.25, iouThreshold: 0.6, maxDetections: 300 },

  recognise(signature, probe) {
    const size = fixedInputSize(signature, probe);
    if (!size || !signature.outputs.every((o) => o.dims.length === 3 && isFloat(o) && isOne(o.dims[0])))
      return undefined;
    const output = soleOutput(signature);
    if (output) {
      const [, rows, columns] = output.dims;
      const strides = [STRIDES, STRIDES_PLUS].find((s) => countCells(pyramidLevels(size, s)) === rows);
      if (!strides || !isFixed(columns)) return undefined;
      const evidence = [`one output of ${rows} rows of ${columns} columns at strides ${strides.join(', ')}`];
      const params = { strides, cellOffset: strides === STRIDES_PLUS ? 0 : 0.5 };
      if (probe) {
        const bins = probedBins(output, columns, probe);
        if (!bins) return undefined;
        return {
          confidence: 0.85,
          evidence: [...evidence, `${columns - 4 * bins} scores, then logits of ${bins} bins a side`],
          params: { ...params, bins },
        };
      }
      // YOLOX has this shape too. Only COCO's number of columns is telling, where each level has but one sigmoid.
      const bins = PUBLISHED_BINS.find((n) => columns === 80 + 4 * n);
      const sigmoids = countOperators(signature, 'Sigmoid') - countOperators(signature, 'Mul');
      const isPlus = strides === STRIDES_PLUS;
      if (bins && (isPlus || sigmoids <= strides.length))
        return { confidence: 0.7, evidence, params: { ...params, bins } };
      return columns > 4 * PUBLISHED_BINS[0]! ? { confidence: 0.3, evidence, params } : undefined;
    }
    const strides = signature.outputs.length === 2 * STRIDES_PLUS.length ? STRIDES_PLUS : STRIDES;
    const bins = readBins(signature, pyramidLevels(size, strides));
    if (!bins) return undefined;
    const evidence = [`scores and distributions over ${bins} bins at strides ${strides.join(', ')}`];
    if (strides === STRIDES) return { confidence: 0.9, evidence, params: { bins } };
    // NanoDet-Plus would have these shapes too, and points at the corners of its cells; its activations are leaky.
    const pico = countOperators(signature, 'HardSwish') > 0 && countOperators(signature, 'LeakyRelu') === 0;
    if (pico) evidence.push('hard swish: PicoDet');
    return {
      confidence: pico ? 0.85 : 0.4,
      evidence,
      params: { strides, bins, variant: 'picodet' },
    };
  },

  // ImageNet statistics, from the published configurations: in RGB order for PicoDet, in BGR order for NanoDet. PicoDet's
  // (configs/picodet/_base_) and those of NanoDet-Plus do not keep the ratio.
  input: (signature, { cellOffset, variant }) =>
    variant === 'picodet'
      ? imageInputSpec(signature, {
          fit: 'stretch',
          defaultSize: { width: 320, height: 320 },
          interpolation: 'cubic',
          ...normalizations.imagenet,
        })
      : imageInputSpec(signature, {
          fit: cellOffset === 0 ? 'stretch' : 'center',
          defaultSize: { width: 416, height: 416 },
          color: 'bgr',
          mean: [103.53, 116.28, 123.675],
          std: [57.375, 57.12, 58.395],
        }),

  classes(signature, params) {
    if (signature.outputs.length === 1) {
      const columns = signature.outputs[0]!.dims[2];
      return isFixed(columns) ? columns - 4 * params.bins : 0;
    }
    const columns = signature.outputs.map((o) => o.dims[2]).find((c) => c !== 4 * params.bins);
    return isFixed(columns) ? columns : 0;
  },

  decode(outputs, { params, input, limits }) {
    const candidates = new Candidates(limits);
    // NanoDet cuts boxes to the input before it compares them, PicoDet after.
    const cuts = params.variant === 'nanodet';
    const across = (x: number) => (cuts ? Math.min(Math.max(x, 0), input.width) : x);
    const down = (y: number) => (cuts ? Math.min(Math.max(y, 0), input.height) : y);
    for (const head of findHeads(outputs, pyramidLevels(input, params.strides), params.bins)) {
      const { stride, width, height } = head.level;
      for (let cell = 0; cell < width * height; cell++) {
        const scoresAt = head.scoresAt + cell * head.scoresStep;
        const x = ((cell % width) + params.cellOffset) * stride;
        const y = (Math.floor(cell / width) + params.cellOffset) * stride;
        const at = head.distancesAt + cell * head.distancesStep;
        const side = (i: number) => expectedBin(head.distances, at + i * params.bins, params.bins) * stride;
        let box: readonly [number, number, number, number] | undefined;
        // Both give one box several labels.
        for (let classId = 0; classId < head.classes; classId++) {
          const score = head.scores[scoresAt + classId]!;
          if (!candidates.wants(score)) continue;
          box ??= [across(x - side(0)), down(y - side(1)), across(x + side(2)), down(y + side(3))];
          candidates.add(...box, score, classId, head.level.start + cell);
        }
      }
    }
    return candidates.suppress();
  },
});

/** The number of bins, where all that comes before them stays between 0 and 1, as scores do, and they do not. */
function probedBins({ name }: ValueInfo, columns: number, { outputs }: Probe): number | undefined {
  const seen = outputs[name];
  const scores = seen ? leavesUnit(toFloats(seen), columns).indexOf(true) : -1;
  return scores > 0 ? PUBLISHED_BINS.find((bins) => columns === scores + 4 * bins) : undefined;
}

/** The number of bins, where the outputs are a pair of scores and distributions for each level. */
function readBins(signature: Signature, levels: readonly Level[]): number | undefined {
  if (signature.outputs.length !== 2 * levels.length) return undefined;
  const pairs = levels.map(({ width, height }) =>
    signature.outputs.flatMap(({ dims: [, rows, columns] }) =>
      rows === width * height && isFixed(columns) ? [columns] : [],
    ),
  );
  const [a, b] = pairs[0]!;
  if (!a || !b || a === b || !pairs.every((p) => p.length === 2 && p.includes(a) && p.includes(b))) return undefined;
  const possible = PUBLISHED_BINS.filter((bins) => a === 4 * bins || b === 4 * bins);
  return possible.length === 1 ? possible[0] : undefined;
}

interface Head {
  readonly level: Level;
  readonly classes: number;
  readonly scores: Float32Array;
  readonly scoresAt: number;
  readonly scoresStep: number;
  readonly distances: Float32Array;
  readonly distancesAt: number;
  readonly distancesStep: number;
}

/** The levels' tensors, whether the graph concatenates them (Plus) or gives each apart, in whatever order. */
function findHeads(outputs: Tensors, levels: readonly Level[], bins: number): Head[] {
  const tensors = Object.values(outputs).filter(({ dims }) => dims.length === 3);
  const joined = tensors.find(({ dims }) => dims[1] === countCells(levels) && dims[2]! > 4 * bins);
  if (joined) {
    const step = joined.dims[2]!;
    const data = toFloats(joined);
    return levels.map((level) => ({
      level,
      classes: step - 4 * bins,
      scores: data,
      scoresAt: level.start * step,
      scoresStep: step,
      distances: data,
      distancesAt: level.start * step + step - 4 * bins,
      distancesStep: step,
    }));
  }
  return levels.map((level) => {
    const own = tensors.filter(({ dims }) => dims[1] === level.width * level.height);
    const distances = own.find(({ dims }) => dims[2] === 4 * bins);
    const scores = own.find((t) => t !== distances);
    if (!distances || !scores) {
      const cells = level.width * level.height;
      throw unexpectedOutputs(
        outputs,
        `NanoDet's [1,${cells},classes] and [1,${cells},${4 * bins}] at stride ${level.stride}`,
      );
    }
    return {
      level,
      classes: scores.dims[2]!,
      scores: toFloats(scores),
      scoresAt: 0,
      scoresStep: scores.dims[2]!,
      distances: toFloats(distances),
      distancesAt: 0,
      distancesStep: 4 * bins,
    };
  });
}
