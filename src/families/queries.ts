import { z } from 'zod';
import { Candidates, type Selection } from '../vision/candidates.ts';
import type { InputSpec } from '../vision/input-spec.ts';
import { argmax, logit, sigmoid, softmax } from '../vision/scores.ts';
import { isFixed, type Probe, type Signature, type ValueInfo } from '../vision/signature.ts';
import { type Tensors, toFloats } from '../vision/tensor.ts';
import type { Limits, Size } from '../vision/types.ts';
import { countOperators, imageInputSpec, isFloat, isOne, unexpectedOutputs } from './graph.ts';
import { normalizationSchema, normalizations } from './normalization.ts';

/** Numbers of a box: cx, cy, w, h in 0–1 of the input. */
const SIDES = 4;
/** More than any published model asks: RF-DETR and RT-DETR 300, DINO 900. */
const MAX_QUERIES = 2000;
/** COCO's 91 category numbers, gaps included, or 250 with its stuff, and no object (DETR's models/detr.py, build). */
const DETR_COLUMNS = [92, 251];
/** COCO's category numbers where each has a sigmoid. */
const COCO_COLUMNS = 91;
/** A transformer of six layers has at least as many softmaxes of attention; an SSD has one at most. */
const LEAST_ATTENTION = 6;
/** A vision transformer has a GELU in each of its 6 to 12 blocks, the encoder of RT-DETR or D-FINE one in all. */
const LEAST_GELU = 6;
/** Six decoder layers that look at up to four levels. Deformable encoders take as many samples again. */
const MOST_DECODER_SAMPLES = 24;

export const queryParams = z.strictObject({
  /**
   * What scores are made of: `softmax` over the classes and, in the last column, no object (DETR, YOLOS); `sigmoid` of
   * each class (Deformable DETR and what followed it); `none` where the graph gives probabilities.
   */
  activation: z.enum(['softmax', 'sigmoid', 'none']).default('softmax'),
  normalization: normalizationSchema.default('imagenet'),
  /** For graphs of any size: `scale` to a shorter side of 800, the longer at most 1333, or `stretch` to 640. */
  resize: z.enum(['scale', 'stretch']).default('scale'),
});

export type QueryParams = z.output<typeof queryParams>;

/** Which outputs hold the boxes and scores of queries. */
export interface Queries {
  readonly boxes: string;
  readonly scores: string;
  /** Of scores. */
  readonly columns: number;
  readonly queries: Dim;
  /** Whether they have the names that exporters give them. */
  readonly named: boolean;
}

type Output = Pick<ValueInfo, 'name' | 'dtype' | 'dims'>;
type Dim = ValueInfo['dims'][number] | undefined;

/** Boxes and scores of queries, by the names that exporters give them, else by shape where there are just these two. */
export function findQueries(outputs: readonly Output[]): Queries | undefined {
  const tables = outputs.filter((v) => v.dims.length === 3 && isFloat(v) && isOne(v.dims[0]));
  const named = (name: RegExp) => tables.find((v) => name.test(v.name));
  // Hugging Face; facebookresearch/detr: test_all.py; roboflow/rf-detr: rfdetr/main.py.
  const [boxes, scores] = [named(/^(pred_)?boxes$|^dets$/), named(/^(pred_)?logits$|^labels$/)];
  if (boxes && scores) return asQueries(boxes, scores, true);
  const [a, b] = tables;
  if (!a || !b || tables.length !== 2 || (a.dims[2] === SIDES) === (b.dims[2] === SIDES)) return undefined;
  return a.dims[2] === SIDES ? asQueries(a, b, false) : asQueries(b, a, false);
}

function asQueries(boxes: Output, scores: Output, named: boolean): Queries | undefined {
  const [, queries, sides] = boxes.dims;
  const [, rows, columns] = scores.dims;
  // Exporters leave the number of queries open, under a name for each output, and some the sides of a box.
  const fits = maybeEqual(queries, rows) && (sides === SIDES || (named && !isFixed(sides)));
  if (!fits || !isFixed(columns) || Number(queries) > MAX_QUERIES) return undefined;
  return { boxes: boxes.name, scores: scores.name, columns, queries, named };
}

/** The masks of queries, [1,queries,height,width], where a graph has them. */
export function findQueryMasks<V extends Output>(outputs: readonly V[], { queries }: Queries): V | undefined {
  return outputs.find((v) => v.dims.length === 4 && isFloat(v) && maybeEqual(v.dims[1], queries));
}

function maybeEqual(a: Dim, b: Dim): boolean {
  return a === b || !isFixed(a) || !isFixed(b);
}

/** What can be told of a graph of queries. */
export interface QueryReading {
  readonly confidence: number;
  readonly evidence: readonly string[];
  readonly params: Partial<QueryParams>;
}

/** Undefined where the graph is no transformer. */
export function readQueryGraph(signature: Signature, found: Queries, probe?: Probe): QueryReading | undefined {
  const samples = countOperators(signature, 'GridSample');
  const attention = countOperators(signature, 'Softmax', 'Attention', 'MultiHeadAttention');
  if (!found.named && samples === 0 && attention < LEAST_ATTENTION) return undefined;
  const told = tellActivation(signature, found, probe);
  const seen = `boxes and scores of queries, ${found.columns} columns`;
  if (!told) {
    const hint = 'nothing tells a softmax with no object in the last column from sigmoids: params.activation';
    return { confidence: 0.4, evidence: [seen, hint], params: {} };
  }
  // RT-DETR and what follows it choose queries among the encoder's cells, and sample in the decoder alone.
  const chosen = told.activation === 'sigmoid' && countOperators(signature, 'TopK') > 0;
  const realTime = chosen && samples <= MOST_DECODER_SAMPLES;
  const unit = realTime && !isVisionTransformer(signature) && found.columns !== COCO_COLUMNS;
  const pixels = unit
    ? 'queries chosen in the graph, a convolutional backbone: RT-DETR or D-FINE, pixels from 0 to 1'
    : 'pixels normalised with ImageNet statistics, as for DETR';
  return {
    confidence: found.named ? 0.85 : 0.65,
    evidence: [seen, told.evidence, pixels],
    params: {
      activation: told.activation,
      normalization: unit ? 'unit' : 'imagenet',
      resize: realTime ? 'stretch' : 'scale',
    },
  };
}

/** Whether the backbone is a ViT, such as DINOv2 in RF-DETR and DINOv3 in DEIMv2. */
export function isVisionTransformer(signature: Signature): boolean {
  return countOperators(signature, 'Erf', 'Gelu') >= LEAST_GELU;
}

interface Activation {
  readonly activation: QueryParams['activation'];
  readonly evidence: string;
}

function tellActivation(signature: Signature, found: Queries, probe: Probe | undefined): Activation | undefined {
  if (countOperators(signature, 'GridSample') > 0) {
    return { activation: 'sigmoid', evidence: 'GridSample: deformable attention, trained with sigmoids' };
  }
  if (DETR_COLUMNS.includes(found.columns))
    return { activation: 'softmax', evidence: 'COCO’s categories and no object' };
  if (found.columns === 1) return { activation: 'sigmoid', evidence: 'a single column, no room for no object' };
  // Conditional DETR, DAB-DETR: boxes are offsets from the inverse sigmoid of a point.
  if (countOperators(signature, 'Log') > 0) {
    return { activation: 'sigmoid', evidence: 'Log: boxes from reference points, trained with sigmoids' };
  }
  const seen = probe?.outputs[found.scores];
  return seen && seeActivation(toFloats(seen), found.columns);
}

/**
 * By what the queries say of a picture of no meaning: a softmax chooses its last column, no object, and sigmoids, trained
 * with focal loss, deny every class.
 */
function seeActivation(scores: Float32Array, columns: number): Activation | undefined {
  const rows = scores.length / columns;
  let [last, none] = [0, 0];
  for (let at = 0; at < scores.length; at += columns) {
    const best = argmax(scores, at, columns);
    if (scores[at + best]! <= 0) none++;
    else if (best === columns - 1) last++;
  }
  if (last > rows / 2) return { activation: 'softmax', evidence: 'most queries choose the last column: no object' };
  if (none > 0.9 * rows) return { activation: 'sigmoid', evidence: 'nearly all queries deny every class' };
  return undefined;
}

export function queryInput(signature: Signature, { normalization, resize }: QueryParams): InputSpec {
  return imageInputSpec(signature, {
    // No letterbox where the size is fixed: DETR was trained on borders only with a mask that tells of them.
    fit: 'stretch',
    defaultSize: { width: 640, height: 640 },
    ...(resize === 'scale' && {
      // facebookresearch/detr: datasets/coco.py, make_coco_transforms.
      dynamic: { mode: 'scale', shortest: 800, longest: 1333, multiple: 1, anchor: 'top-left', enlarge: true },
    }),
    ...normalizations[normalization],
  });
}

/** The number of classes that queries choose from. */
export function countQueryClasses(signature: Signature, { activation }: QueryParams): number {
  const columns = findQueries(signature.outputs)?.columns ?? 0;
  return Math.max(0, activation === 'softmax' ? columns - 1 : columns);
}

/** The best boxes; their sources are the queries. @throws RangeError where the outputs are not those of queries. */
export function decodeQueries(outputs: Tensors, { activation }: QueryParams, input: Size, limits: Limits): Selection {
  const found = findQueries(namedOutputs(outputs));
  if (!found) throw unexpectedOutputs(outputs, 'boxes [1,queries,4] and scores [1,queries,classes]');
  const boxes = toFloats(outputs[found.boxes]!);
  const scores = toFloats(outputs[found.scores]!);
  const { columns } = found;
  const candidates = new Candidates(limits);
  if (activation === 'softmax') {
    for (let i = 0; i < scores.length / columns; i++) {
      const row = softmax(scores.subarray(i * columns, (i + 1) * columns));
      const best = argmax(row, 0, columns - 1);
      addCentered(candidates, boxes, SIDES * i, input, row[best]!, best, i);
    }
    return candidates.top();
  }
  const least = activation === 'sigmoid' ? logit(limits.scoreThreshold) : limits.scoreThreshold;
  // A query may stand for several classes: the references take the best of all pairs.
  for (let at = 0; at < scores.length; at++) {
    const score = scores[at]!;
    if (!(score >= least)) continue;
    const classId = at % columns;
    const i = (at - classId) / columns;
    addCentered(candidates, boxes, SIDES * i, input, activation === 'sigmoid' ? sigmoid(score) : score, classId, i);
  }
  return candidates.top();
}

/** Outputs as a signature would have them. */
export function namedOutputs(outputs: Tensors): Output[] {
  return Object.entries(outputs).map(([name, { dtype, dims }]) => ({ name, dtype, dims }));
}

/** Adds a box of cx, cy, w, h in 0–1 of the input. @param at where it begins in `data`. */
export function addCentered(
  candidates: Candidates,
  data: Float32Array,
  at: number,
  { width, height }: Size,
  score: number,
  classId: number,
  source: number,
): void {
  if (!candidates.wants(score)) return;
  const [x, y, halfWidth, halfHeight] = [data[at]!, data[at + 1]!, data[at + 2]! / 2, data[at + 3]! / 2];
  const [left, right] = [(x - halfWidth) * width, (x + halfWidth) * width];
  candidates.add(left, (y - halfHeight) * height, right, (y + halfHeight) * height, score, classId, source);
}
