import { toFloats } from '../vision/tensor.ts';
import { defineFamily } from './define.ts';
import { findImageInput, imageInputSpec, isFloat, isOne, soleOutput, unexpectedOutputs } from './graph.ts';
import { selectSuppressed } from './suppressed.ts';
import { tfParams } from './tf-graph.ts';

/** Picture, ymin, xmin, ymax, xmax, score, class. */
const COLUMNS = 7;

export const efficientdetRows = defineFamily({
  task: 'detection',
  title: 'EfficientDet (google/automl), suppression in the graph',
  reference:
    'google/automl: efficientdet/hparams_config.py, inference.py; onnx/tensorflow-onnx: tutorials/efficientdet.ipynb',
  checked: 'reading',
  params: tfParams,
  defaults: { scoreThreshold: 0.3, iouThreshold: 0.5, maxDetections: 100 },

  recognise(signature) {
    const output = soleOutput(signature);
    const input = findImageInput(signature);
    if (output?.dims.length !== 3 || output.dims[2] !== COLUMNS || !isOne(output.dims[0]) || !isFloat(output))
      return undefined;
    if (input?.layout !== 'nhwc' || input.dtype !== 'uint8' || signature.inputs.length > 1) return undefined;
    const seen = `rows of ${COLUMNS} numbers from a picture of bytes, channels last`;
    return { confidence: 0.85, evidence: [seen, "classes of COCO's label map (assumed)"] };
  },

  // The graph scales and normalises by itself.
  input: (signature) =>
    imageInputSpec(signature, {
      fit: 'top-left',
      defaultSize: { width: 512, height: 512 },
      dynamic: { mode: 'scale', longest: 1536, multiple: 1, anchor: 'top-left', enlarge: false },
    }),

  classes: (_, { classes }) => classes,

  decode(outputs, { limits }) {
    const output = Object.values(outputs).find(({ dims }) => dims.length === 3 && dims[2] === COLUMNS);
    if (!output) throw unexpectedOutputs(outputs, `EfficientDet's [1,n,${COLUMNS}]`);
    const boxes = toFloats(output);
    const column = (k: number) => Float32Array.from({ length: output.dims[1]! }, (_, i) => boxes[COLUMNS * i + k]!);
    const convention = { order: [2, 1, 4, 3], columns: COLUMNS, unitX: 1, unitY: 1, firstLabel: 1 } as const;
    return selectSuppressed({ boxes, scores: column(5), labels: column(6) }, convention, limits);
  },
});
