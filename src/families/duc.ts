import { z } from 'zod';
import { isFixed, type ValueInfo } from '../vision/signature.ts';
import { toFloats } from '../vision/tensor.ts';
import type { Size } from '../vision/types.ts';
import { defineFamily } from './define.ts';
import { fixedInputSize, imageInputSpec, isFloat, isOne, soleOutput, unexpectedOutputs } from './graph.ts';

/** Input pixels for each cell of the features. */
const STRIDE = 8;
/** Cells of the map that each of them is spread over, along either axis. */
const SPREAD = 4;

export const duc = defineFamily({
  task: 'semantic-segmentation',
  title: 'Dense upsampling convolution (ResNet-DUC)',
  reference: 'onnx/models: validated/vision/object_detection_segmentation/duc/dependencies (arXiv:1702.08502)',
  params: z.strictObject({}),
  defaults: { scoreThreshold: 0, iouThreshold: 1, maxDetections: 1 },

  recognise(signature) {
    const size = fixedInputSize(signature);
    const output = soleOutput(signature);
    if (!size || !output || !isSpread(output, size)) return undefined;
    return { confidence: 0.85, evidence: [`scores of ${output.dims[1]} classes, ${SPREAD}×${SPREAD} for each cell`] };
  },

  // Means of the training set, in RGB order.
  input: (signature) =>
    imageInputSpec(signature, {
      fit: 'stretch',
      defaultSize: { width: 800, height: 800 },
      mean: [122.675, 116.669, 104.008],
    }),

  classes(signature) {
    const channels = soleOutput(signature)?.dims[1];
    return isFixed(channels) ? channels : 0;
  },

  decode(outputs, { input }) {
    const output = Object.values(outputs).find((tensor) => isSpread(tensor, input));
    if (!output) throw unexpectedOutputs(outputs, 'scores [1,classes,4·4·H/8·W/8]');
    return unfold(toFloats(output), output.dims[1]!, input.width / STRIDE, input.height / STRIDE);
  },
});

/** Scores [classes, SPREAD, SPREAD, rows, columns] to a map: cell (y, x) gives the square at (4y, 4x). */
function unfold(data: Float32Array, classes: number, columns: number, rows: number) {
  const [width, height] = [columns * SPREAD, rows * SPREAD];
  const map = new Float32Array(classes * width * height);
  let from = 0;
  for (let c = 0; c < classes; c++) {
    for (let v = 0; v < SPREAD; v++) {
      for (let u = 0; u < SPREAD; u++) {
        for (let y = 0; y < rows; y++) {
          let at = (c * height + y * SPREAD + v) * width + u;
          for (let x = 0; x < columns; x++, at += SPREAD) map[at] = data[from++]!;
        }
      }
    }
  }
  return { kind: 'scores' as const, width, height, data: map };
}

function isSpread(value: Pick<ValueInfo, 'dtype' | 'dims'>, { width, height }: Size): boolean {
  const [one, classes, cells] = value.dims;
  const whole = width % STRIDE === 0 && height % STRIDE === 0;
  const expected = ((width / STRIDE) * (height / STRIDE) * SPREAD * SPREAD) as number;
  return (
    value.dims.length === 3 &&
    isFloat(value) &&
    whole &&
    isOne(one) &&
    isFixed(classes) &&
    classes <= 256 &&
    cells === expected
  );
}
