import { z } from 'zod';
import { findCellBoxes, holdTheirCells, selectCellBoxes, valuesOf } from './cell-boxes.ts';
import { defineFamily } from './define.ts';
import { countOperators, findImageInput, fixedInputSize, unexpectedOutputs } from './graph.ts';
import { normalizations } from './normalization.ts';
import { yoloInput } from './ultralytics.ts';

export const yoloNas = defineFamily({
  task: 'detection',
  title: 'YOLO-NAS, suppression outside the graph',
  reference:
    'Deci-AI/super-gradients: src/super_gradients/training/models/detection_models/yolo_nas/dfl_heads.py, pp_yolo_e/post_prediction_callback.py, training/processing/processing.py',
  params: z.strictObject({
    /** `none` where the graph divides by 255 itself. */
    normalization: z.enum(['none', 'unit']).default('unit'),
  }),
  defaults: { scoreThreshold: 0.25, iouThreshold: 0.7, maxDetections: 300 },

  recognise(signature, probe) {
    const size = fixedInputSize(signature, probe);
    const found = size && findCellBoxes(signature.outputs, size);
    if (!found || found.classesFirst || signature.inputs.length > 1) return undefined;
    const params = { normalization: findImageInput(signature)?.dtype === 'uint8' ? 'none' : 'unit' };
    const evidence = [`boxes and scores of ${found.cells} cells at strides ${found.strides.join(', ')}`];
    if (!probe) return { confidence: 0.4, evidence, params };
    if (!holdTheirCells(found, probe.outputs, size)) return undefined;
    evidence.push('boxes lie around their cells');
    // PP-YOLOE has this shape too, sigmoids in every activation, and pixels normalised in another way.
    const plain = countOperators(signature, 'Relu') > 0 && countOperators(signature, 'Sigmoid') === 1;
    if (!plain) return { confidence: 0.45, evidence, params };
    return {
      confidence: 0.85,
      evidence: [...evidence, 'activations are Relu, a sigmoid for the scores alone'],
      params,
    };
  },

  // The published models bring the longer side to 636 within 640.
  input: (signature, { normalization }) => ({ ...yoloInput(signature), ...normalizations[normalization] }),

  classes(signature) {
    const size = fixedInputSize(signature);
    return (size && findCellBoxes(signature.outputs, size)?.classes) ?? 0;
  },

  decode(outputs, { input, limits }) {
    const found = findCellBoxes(valuesOf(outputs), input);
    if (!found || found.classesFirst) throw unexpectedOutputs(outputs, "YOLO-NAS's [1,cells,4] and [1,cells,classes]");
    return selectCellBoxes(found, outputs, limits);
  },
});
