import { z } from 'zod';
import { Candidates } from '../vision/candidates.ts';
import type { Resize } from '../vision/input-spec.ts';
import { isPeak } from '../vision/peaks.ts';
import { logit, sigmoid } from '../vision/scores.ts';
import { isFixed, type ValueInfo } from '../vision/signature.ts';
import { type Tensors, toFloats } from '../vision/tensor.ts';
import type { Size } from '../vision/types.ts';
import { defineFamily } from './define.ts';
import { countOperators, fixedInputSize, imageInputSpec, isOne, unexpectedOutputs } from './graph.ts';
import { normalizations } from './normalization.ts';

const STRIDE = 4;

/**
 * Pictures keep their size, in a frame: `--keep_res` (opts.py: pad 31; detectors/base_detector.py) of the one,
 * `input_shape=None` (lib/core/api/face_detector.py) of the other.
 */
const dynamic: Resize = { mode: 'scale', longest: 1024, multiple: 32, anchor: 'center', enlarge: false };

const params = z.strictObject({
  /**
   * How the graph describes a box around its peak: `size`, width and height in cells with an offset inside the cell
   * (xingyizhou/CenterNet), or `sides`, left, top, right and bottom distances in input pixels from the cell's corner
   * (610265158/mobilenetv3_centernet).
   */
  box: z.enum(['size', 'sides']).default('size'),
  /** Whether the heat map holds logits. */
  logits: z.boolean().default(false),
});

export const centernet = defineFamily({
  task: 'detection',
  title: 'CenterNet (objects as points)',
  reference:
    'xingyizhou/CenterNet: src/lib/models/decode.py, src/lib/detectors/ctdet.py; 610265158/mobilenetv3_centernet: lib/core/model/centernet.py',
  params,
  defaults: { scoreThreshold: 0.25, iouThreshold: 0.7, maxDetections: 100 },

  recognise(signature, probe) {
    const size = fixedInputSize(signature, probe);
    const maps = size && findMaps(signature.outputs, gridOf(size));
    if (!maps) return undefined;
    const logits = countOperators(signature, 'Sigmoid') === 0;
    return {
      confidence: maps.box === 'sides' ? 0.85 : 0.7,
      evidence: [
        `a heat map and boxes (${maps.box === 'sides' ? 'four sides' : 'size and offset'}) at stride ${STRIDE}`,
        `${logits ? 'no' : 'a'} Sigmoid in the graph`,
      ],
      params: { box: maps.box, logits },
    };
  },

  input: (signature, { box }) =>
    imageInputSpec(signature, {
      defaultSize: { width: 512, height: 512 },
      dynamic,
      ...(box === 'sides' ? { fit: 'stretch' } : { fit: 'center', color: 'bgr', ...normalizations.corners }),
    }),

  classes(signature) {
    const size = fixedInputSize(signature);
    return findMaps(signature.outputs, size ? gridOf(size) : sharedGrid(signature.outputs))?.heat.channels ?? 0;
  },

  decode(outputs, { params, input, limits }) {
    const grid = gridOf(input);
    const maps = findMaps(
      Object.entries(outputs).map(([name, { dims }]) => ({ name, dims })),
      grid,
    );
    if (maps?.box !== params.box) {
      throw unexpectedOutputs(outputs, `CenterNet's heat map and ${params.box} of ${grid.width}×${grid.height} cells`);
    }
    const scores = toFloats(outputs[maps.heat.name]!);
    const extentAt = reader(outputs, maps.extents, grid);
    // Without an offset the reference takes the middle of the cell.
    const offsetAt = maps.offsets ? reader(outputs, maps.offsets, grid) : () => 0.5;
    const least = params.logits ? logit(limits.scoreThreshold) : limits.scoreThreshold;
    const { channels, planar } = maps.heat;
    const area = grid.width * grid.height;
    const [stepX, stepY] = planar ? [1, grid.width] : [channels, channels * grid.width];
    const views = Array.from({ length: channels }, (_, c) => ({ ...grid, start: planar ? c * area : c, stepX, stepY }));
    const candidates = new Candidates(limits);

    for (let i = 0; i < area * channels; i++) {
      if (!(scores[i]! >= least)) continue;
      const cell = planar ? i % area : Math.floor(i / channels);
      const classId = planar ? Math.floor(i / area) : i % channels;
      const x = cell % grid.width;
      const y = Math.floor(cell / grid.width);
      if (!isPeak(scores, views[classId]!, x, y)) continue;
      const score = params.logits ? sigmoid(scores[i]!) : scores[i]!;
      if (params.box === 'sides') {
        const [left, top] = [x * STRIDE - extentAt(cell, 0), y * STRIDE - extentAt(cell, 1)];
        const [right, bottom] = [x * STRIDE + extentAt(cell, 2), y * STRIDE + extentAt(cell, 3)];
        candidates.add(left, top, right, bottom, score, classId, cell);
      } else {
        const [centerX, centerY] = [(x + offsetAt(cell, 0)) * STRIDE, (y + offsetAt(cell, 1)) * STRIDE];
        const halfWidth = (extentAt(cell, 0) * STRIDE) / 2;
        const halfHeight = (extentAt(cell, 1) * STRIDE) / 2;
        const [left, right] = [centerX - halfWidth, centerX + halfWidth];
        candidates.add(left, centerY - halfHeight, right, centerY + halfHeight, score, classId, cell);
      }
    }
    return candidates.top();
  },
});

/** Cells, or what the graph calls their numbers. */
type Grid = Readonly<Record<keyof Size, ValueInfo['dims'][number]>>;

/** One output over the whole grid. */
interface GridMap {
  readonly name: string;
  readonly channels: number;
  /** Channels first. */
  readonly planar: boolean;
}

interface Maps {
  readonly box: 'size' | 'sides';
  readonly heat: GridMap;
  readonly extents: GridMap;
  readonly offsets?: GridMap;
}

function gridOf(input: Size): Size {
  return { width: input.width / STRIDE, height: input.height / STRIDE };
}

/** What the maps of a graph of dynamic size have in common, which are not channels. */
function sharedGrid(values: readonly Pick<ValueInfo, 'dims'>[]): Grid {
  const [first, ...others] = values.map(({ dims }) => dims).filter((dims) => dims.length === 4);
  const planar = others.every((dims) => dims[2] === first?.[2] && dims[3] === first?.[3]);
  const [height = null, width = null] = first?.slice(planar ? 2 : 1) ?? [];
  return { width, height };
}

/** Tells the maps apart by their channels, and where those agree by the names that the reference exports. */
function findMaps(values: readonly Pick<ValueInfo, 'name' | 'dims'>[], grid: Grid): Maps | undefined {
  const maps = values.flatMap((value) => asGridMap(value, grid) ?? []);
  const heat = maps.find((m) => m.channels !== 2 && m.channels !== 4) ?? maps.find((m) => /^(hm|heat)/i.test(m.name));
  if (!heat) return undefined;
  const [first, second, ...others] = maps.filter((m) => m !== heat);
  if (!first || others.length > 0) return undefined;
  if (!second) {
    if (first.channels === 4) return { box: 'sides', heat, extents: first };
    return first.channels === 2 ? { box: 'size', heat, extents: first } : undefined;
  }
  const offsets = [first, second].find((m) => /reg|off/i.test(m.name));
  if (!offsets || first.channels !== 2 || second.channels !== 2) return undefined;
  return { box: 'size', heat, extents: offsets === first ? second : first, offsets };
}

function asGridMap({ name, dims }: Pick<ValueInfo, 'name' | 'dims'>, grid: Grid): GridMap | undefined {
  if (dims.length !== 4 || !isOne(dims[0])) return undefined;
  const [, a, b, c] = dims;
  if (b === grid.height && c === grid.width && isFixed(a)) return { name, channels: a, planar: true };
  if (a === grid.height && b === grid.width && isFixed(c)) return { name, channels: c, planar: false };
  return undefined;
}

function reader(outputs: Tensors, map: GridMap, grid: Size): (cell: number, channel: number) => number {
  const data = toFloats(outputs[map.name]!);
  const area = grid.width * grid.height;
  return map.planar
    ? (cell, channel) => data[channel * area + cell]!
    : (cell, channel) => data[cell * map.channels + channel]!;
}
