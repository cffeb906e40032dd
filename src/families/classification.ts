import { z } from 'zod';
import { sigmoid, softmax } from '../vision/scores.ts';
import { isFixed, type Signature, type ValueInfo } from '../vision/signature.ts';
import { toFloats } from '../vision/tensor.ts';
import { defineFamily } from './define.ts';
import {
  findImageInput,
  imageInputSpec,
  isFloat,
  isOne,
  type Preprocessing,
  soleOutput,
  unexpectedOutputs,
} from './graph.ts';
import { guessNormalization, type Normalization, normalizationSchema, normalizations } from './normalization.ts';

/** Heads as wide as ImageNet's, without and with a background class first. */
const IMAGENET_CLASSES = [1000, 1001];

export const classification = defineFamily({
  task: 'classification',
  title: 'Image classification',
  reference:
    'pytorch/vision: references/classification/presets.py; tensorflow/models: research/slim; ultralytics/ultralytics: ultralytics/data/augment.py, classify_transforms',
  params: z.strictObject({
    /**
     * What turns outputs into probabilities. `auto` leaves a distribution as it is, which logits never are by chance,
     * and takes the softmax of anything else.
     */
    activation: z.enum(['auto', 'none', 'softmax', 'sigmoid']).default('auto'),
    normalization: normalizationSchema.default('imagenet'),
  }),
  defaults: { scoreThreshold: 0, iouThreshold: 1, maxDetections: 5 },

  recognise(signature) {
    const output = soleOutput(signature);
    if (!output || !findImageInput(signature) || !isScores(output)) return undefined;
    const classes = output.dims[1];
    if (!isFixed(classes) || classes < 2) return undefined;
    if (signature.metadata.task === 'classify') {
      const evidence = ['Ultralytics metadata: task classify'];
      return { confidence: 0.95, evidence, params: { activation: 'none', normalization: 'unit' } };
    }
    const { normalization, evidence } = guessNormalization(signature);
    return {
      // A row of numbers may be an embedding just as well.
      confidence: IMAGENET_CLASSES.includes(classes) ? 0.85 : 0.4,
      evidence: [`one row of ${classes} scores`, evidence],
      params: { normalization },
    };
  },

  input: (signature, { normalization }) =>
    imageInputSpec(signature, {
      fit: fitOf(signature, normalization),
      defaultSize: { width: 224, height: 224 },
      ...normalizations[normalization],
    }),

  classes(signature) {
    const classes = soleOutput(signature)?.dims[1];
    return isFixed(classes) ? classes : 0;
  },

  decode(outputs, { params }) {
    const output = Object.values(outputs).find(isScores);
    if (!output) throw unexpectedOutputs(outputs, 'a row of scores [1,classes]');
    const raw = toFloats(output).subarray(0, output.dims[1]!);
    // Numbers that are none say nothing about their class.
    return { scores: activate(raw, params.activation).map((s) => (s > 0 ? Math.min(s, 1) : 0)) };
  },
});

/**
 * Ultralytics fits the shorter side; torchvision's models were scored on the middle 224 of 256 pixels. TensorFlow's are
 * used on the whole picture (google-coral/pycoral: examples/classify_image.py).
 */
function fitOf({ metadata }: Signature, normalization: Normalization): Preprocessing['fit'] {
  if (metadata.task === 'classify') return { crop: 1 };
  return normalization === 'imagenet' ? { crop: 224 / 256 } : 'stretch';
}

function activate(raw: Float32Array, activation: 'auto' | 'none' | 'softmax' | 'sigmoid'): Float32Array {
  if (activation === 'sigmoid') return raw.map(sigmoid);
  return activation === 'softmax' || (activation === 'auto' && !isDistribution(raw)) ? softmax(raw) : raw;
}

/** The tolerance covers 8-bit quantisation of a thousand probabilities. */
function isDistribution(values: Float32Array): boolean {
  return values.every((v) => v >= 0 && v <= 1) && Math.abs(values.reduce((a, b) => a + b, 0) - 1) < 0.05;
}

/** [1,classes], or [1,classes,1,1] before a flattening that some exports leave out. */
function isScores(value: Pick<ValueInfo, 'dtype' | 'dims'>): boolean {
  const { dims } = value;
  const flat = dims.length === 2 || (dims.length === 4 && dims[2] === 1 && dims[3] === 1);
  return isFloat(value) && flat && isOne(dims[0]);
}
