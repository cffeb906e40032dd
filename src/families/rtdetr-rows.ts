import { z } from 'zod';
import { Candidates } from '../vision/candidates.ts';
import { argmax, sigmoid } from '../vision/scores.ts';
import { isFixed, type Probe, type ValueInfo } from '../vision/signature.ts';
import { toFloats } from '../vision/tensor.ts';
import { countNames } from './class-numbers.ts';
import { defineFamily, type Recognition } from './define.ts';
import {
  countOperators,
  findImageInput,
  imageInputSpec,
  isFloat,
  isOne,
  soleOutput,
  unexpectedOutputs,
} from './graph.ts';
import { normalizations } from './normalization.ts';
import { addCentered } from './queries.ts';
import { readMetadata } from './ultralytics.ts';

/** cx, cy, w, h in 0–1 of the input, before the classes. */
const SIDES = 4;
/** Three times num_queries of the published models. */
const MAX_ROWS = 900;

export const rtdetrRows = defineFamily({
  task: 'detection',
  title: 'RT-DETR of Ultralytics',
  reference:
    'ultralytics/ultralytics: ultralytics/nn/modules/head.py (RTDETRDecoder), ultralytics/models/rtdetr/predict.py',
  params: z.strictObject({
    /** What makes a probability of a class's number; `none` where the graph has done so. */
    activation: z.enum(['none', 'sigmoid']).default('none'),
  }),
  defaults: { scoreThreshold: 0.25, iouThreshold: 0.7, maxDetections: 300 },

  recognise(signature, probe): Recognition | undefined {
    const output = soleOutput(signature);
    const columns = output?.dims[2];
    if (!output || !isRows(output) || !isFixed(columns) || !findImageInput(signature)) return undefined;
    const { description = '' } = signature.metadata;
    const isNamed = /rt-?detr/i.test(description);
    const deformable = countOperators(signature, 'GridSample') > 0;
    if (!deformable && !isNamed) return undefined;
    const { task } = readMetadata(signature);
    const names = countNames(signature);
    const evidence = [deformable ? 'GridSample: deformable attention' : `metadata: ${description}`];
    if (task !== undefined && (task !== 'detect' || names !== columns - SIDES)) return undefined;
    // With two classes these are as wide as the rows of a YOLO end to end.
    if (task !== undefined && (names !== 2 || isNamed)) {
      return { confidence: 0.95, evidence: [...evidence, `Ultralytics metadata: task ${task}`] };
    }
    // Nothing else tells rows from columns.
    const rows = output.dims[1];
    if (isFixed(rows) && rows < columns) return undefined;
    evidence.push(`rows of a box and ${columns - SIDES} classes`);
    const activation = seeActivation(output, columns, probe);
    if (!activation) return { confidence: 0.4, evidence };
    const scores = activation === 'none' ? 'probabilities' : 'logits';
    return {
      confidence: 0.75,
      evidence: [...evidence, `boxes within 0…1, scores are ${scores}`],
      params: { activation },
    };
  },

  // LetterBox with scale_fill in RTDETRPredictor.pre_transform.
  input: (signature) => {
    const { size = { width: 640, height: 640 } } = readMetadata(signature);
    return imageInputSpec(signature, { fit: 'stretch', defaultSize: size, ...normalizations.unit });
  },

  classes(signature) {
    const columns = soleOutput(signature)?.dims[2];
    return isFixed(columns) ? Math.max(0, columns - SIDES) : 0;
  },

  decode(outputs, { params, input, limits }) {
    const output = Object.values(outputs).find(({ dims }) => dims.length === 3 && dims[2]! > SIDES);
    if (!output) throw unexpectedOutputs(outputs, `rows of a box and its classes: [1,queries,${SIDES} + classes]`);
    const data = toFloats(output);
    const columns = output.dims[2]!;
    const candidates = new Candidates(limits);
    for (let i = 0, at = 0; at < data.length; i++, at += columns) {
      const best = argmax(data, at + SIDES, columns - SIDES);
      const value = data[at + SIDES + best]!;
      const score = params.activation === 'sigmoid' ? sigmoid(value) : value;
      addCentered(candidates, data, at, input, score, best, i);
    }
    return candidates.top();
  },
});

function isRows({ dtype, dims }: ValueInfo): boolean {
  const [batch, rows, columns] = dims;
  if (dims.length !== 3 || !isFloat({ dtype }) || !isOne(batch)) return false;
  return !(Number(rows) > MAX_ROWS) && Number(columns) > SIDES;
}

/** Undefined without a look at the numbers, and where boxes leave the picture (pixels) or a class is always whole (a number). */
function seeActivation(output: ValueInfo, columns: number, probe: Probe | undefined) {
  const seen = probe?.outputs[output.name];
  if (!seen) return undefined;
  const data = toFloats(seen);
  // float16 may overshoot a little.
  const within = (value: number) => value >= -1e-3 && value <= 1.001;
  if (!data.every((value, i) => i % columns >= SIDES || within(value))) return undefined;
  if (data.every((value, i) => i % columns !== columns - 1 || Number.isInteger(value))) return undefined;
  return data.every(within) ? 'none' : 'sigmoid';
}
