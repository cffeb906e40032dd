import { z } from 'zod';
import { Candidates } from '../vision/candidates.ts';
import { isPeak } from '../vision/peaks.ts';
import { sigmoid } from '../vision/scores.ts';
import { isFixed, type Probe, type ValueInfo } from '../vision/signature.ts';
import { softSuppress } from '../vision/soft-suppress.ts';
import { type Tensors, toFloats } from '../vision/tensor.ts';
import { defineFamily } from './define.ts';
import { countOperators, fixedInputSize, imageInputSpec, isFloat, isOne, unexpectedOutputs } from './graph.ts';
import { normalizations } from './normalization.ts';

const HOURGLASS = 128;
/** Published graphs have maps of a quarter of their input's side. */
const STRIDE = 4;
/** Of each kind, the best are paired (config/CornerNet.json: top_k). */
const TOP_CORNERS = 100;
/** Pairs that are looked at (models/py_utils/kp_utils.py: num_dets). */
const MAX_PAIRS = 1000;
/** Of the Gaussian penalty (external/nms.pyx). */
const SIGMA = 0.5;

export const cornernet = defineFamily({
  task: 'detection',
  title: 'CornerNet (pairs of corners)',
  reference: 'princeton-vl/CornerNet: models/py_utils/kp_utils.py, test/coco.py, external/nms.pyx, db/coco.py',
  params: z.strictObject({
    /** Whether the heat maps hold logits. */
    logits: z.boolean().default(true),
    /** How far apart the embeddings of two corners of one object may be. */
    maxDistance: z.number().positive().default(0.5),
    /** Of graphs of any size: what both sides must be multiples of. The reference's hourglass halves seven times. */
    multiple: z.int().min(STRIDE).max(256).default(HOURGLASS),
  }),
  defaults: { scoreThreshold: 0.3, iouThreshold: 1, maxDetections: 100 },

  recognise(signature, probe) {
    const size = fixedInputSize(signature, probe);
    const maps = findMaps(signature.outputs);
    const [, , height, width] = maps?.heats[0].dims ?? [];
    if (!size || !maps || !isFixed(height) || !isFixed(width)) return undefined;
    if (Math.round(size.width / width) !== STRIDE || Math.round(size.height / height) !== STRIDE) return undefined;
    const logits = countOperators(signature, 'Sigmoid') === 0;
    return {
      // Taken for each other, the corners of one object become those between two.
      confidence: maps.named ? 0.9 : 0.45,
      evidence: [
        `heat maps, embeddings and offsets of two kinds of corners at stride ${STRIDE}`,
        `${logits ? 'no' : 'a'} Sigmoid in the graph`,
        ...(maps.named ? [] : ['the first of each two is taken for the top left']),
      ],
      params: { logits, ...finer(probe) },
    };
  },

  input: (signature, { multiple }) =>
    imageInputSpec(signature, {
      fit: 'center',
      defaultSize: { width: 511, height: 511 },
      // The reference leaves pictures the size they have, in a black frame.
      dynamic: { mode: 'scale', longest: 1024, multiple, anchor: 'center', enlarge: false },
      color: 'bgr',
      ...normalizations.corners,
    }),

  classes(signature) {
    const channels = findMaps(signature.outputs)?.heats[0].dims[1];
    return isFixed(channels) ? channels : 0;
  },

  decode(outputs, { params, input, limits }) {
    const maps = findMaps(Object.entries(outputs).map(([name, { dtype, dims }]) => ({ name, dtype, dims })));
    if (!maps) throw unexpectedOutputs(outputs, "CornerNet's two heat maps, embeddings and offsets [1,C|1|2,H,W]");
    const [, , rows, columns] = maps.heats[0].dims as [number, number, number, number];
    const scale = { x: input.width / columns, y: input.height / rows };
    const [starts, ends] = [0, 1].map((kind) => topCorners(outputs, maps, kind, params.logits)) as [Corner[], Corner[]];
    const pairs = starts.flatMap((a) => ends.filter((b) => belong(a, b, params.maxDistance)).map((b) => ({ a, b })));
    pairs.sort((one, other) => other.a.score + other.b.score - one.a.score - one.b.score);
    const candidates = new Candidates(limits);
    for (const { a, b } of pairs.slice(0, MAX_PAIRS)) {
      const score = (a.score + b.score) / 2;
      candidates.add(a.x * scale.x, a.y * scale.y, b.x * scale.x, b.y * scale.y, score, a.classId);
    }
    return softSuppress(candidates.sorted(), SIGMA, limits);
  },
});

/** A narrower frame where the graph takes it: corners look along it. Whole cells, so that maps are a quarter exactly. */
function finer(probe: Probe | undefined) {
  const multiple = Math.max(2 * STRIDE, probe?.multiple ?? HOURGLASS);
  return multiple < 32 ? { multiple } : {};
}

/** A peak of a heat map; its place is in cells. */
interface Corner {
  readonly x: number;
  readonly y: number;
  readonly classId: number;
  readonly score: number;
  readonly tag: number;
}

function belong(a: Corner, b: Corner, maxDistance: number): boolean {
  return a.classId === b.classId && a.x < b.x && a.y < b.y && Math.abs(a.tag - b.tag) <= maxDistance;
}

/** The highest peaks of one kind of corner, over all classes. */
function topCorners(outputs: Tensors, maps: Maps, kind: number, logits: boolean): Corner[] {
  const [heats, tags, offsets] = [maps.heats, maps.tags, maps.offsets].map((pair) =>
    toFloats(outputs[pair[kind]!.name]!),
  );
  const [, classes, height, width] = maps.heats[0].dims as [number, number, number, number];
  const area = width * height;
  const peaks: number[] = [];
  const cut = () => peaks.sort((a, b) => heats![b]! - heats![a]! || a - b).splice(TOP_CORNERS);
  let floor = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < classes * area; i++) {
    if (!(heats![i]! > floor)) continue;
    const map = { width, height, start: i - (i % area), stepX: 1, stepY: width };
    if (!isPeak(heats!, map, i % width, Math.floor((i % area) / width))) continue;
    // Plateaus are all peaks: what cannot be among the best is let go on the way.
    if (peaks.push(i) < 10 * TOP_CORNERS) continue;
    cut();
    floor = heats![peaks.at(-1)!]!;
  }
  cut();
  return peaks.map((i) => {
    const cell = i % area;
    return {
      x: (cell % width) + offsets![cell]!,
      y: Math.floor(cell / width) + offsets![area + cell]!,
      classId: Math.floor(i / area),
      score: logits ? sigmoid(heats![i]!) : heats![i]!,
      tag: tags![cell]!,
    };
  });
}

type Output = Pick<ValueInfo, 'name' | 'dtype' | 'dims'>;
/** Of the top left and of the bottom right. */
type Pair = readonly [Output, Output];

interface Maps {
  readonly heats: Pair;
  readonly tags: Pair;
  readonly offsets: Pair;
  /** Whether names tell the two kinds of corners apart. */
  readonly named: boolean;
}

/** Channels tell what a map is: one is an embedding, two are offsets, any other number are classes. */
function findMaps(values: readonly Output[]): Maps | undefined {
  if (
    values.length !== 6 ||
    !values.every((value) => isFloat(value) && value.dims.length === 4 && isOne(value.dims[0]))
  ) {
    return undefined;
  }
  const [first] = values;
  if (!values.every(({ dims }) => dims[2] === first!.dims[2] && dims[3] === first!.dims[3]) && !values.some(isOpen)) {
    return undefined;
  }
  const isHeat = ({ name, dims }: Output) =>
    dims[1] === 1 || dims[1] === 2 ? /heat|hm/i.test(name) : isFixed(dims[1]);
  const heats = values.filter(isHeat);
  const others = values.filter((value) => !isHeat(value));
  const pairs = [heats, others.filter(({ dims }) => dims[1] === 1), others.filter(({ dims }) => dims[1] === 2)];
  if (!pairs.every(isPair) || heats[0]!.dims[1] !== heats[1]!.dims[1]) return undefined;
  const sorted = pairs.map(byKind);
  const [one, two, three] = sorted.map((pair, k) => pair ?? pairs[k]) as [Pair, Pair, Pair];
  return { heats: one, tags: two, offsets: three, named: sorted.every((pair) => pair !== undefined) };
}

function isOpen({ dims }: Output): boolean {
  return !isFixed(dims[2]) || !isFixed(dims[3]);
}

function isPair(values: readonly Output[]): boolean {
  return values.length === 2;
}

/** Top left before bottom right, where their names say so. */
function byKind(values: readonly Output[]): Pair | undefined {
  const start = values.find(({ name }) => /(^|[^a-z])(tl|top_?left)/i.test(name));
  const end = values.find(({ name }) => /(^|[^a-z])(br|bottom_?right)/i.test(name));
  if (start && end && start !== end) return [start, end];
  // PyTorch numbers what it traces: the reference gives the top left first.
  const [a, b] = values.map(({ name }) => (/^\d+$/.test(name) ? Number(name) : Number.NaN));
  return a! < b! ? [values[0]!, values[1]!] : a! > b! ? [values[1]!, values[0]!] : undefined;
}
