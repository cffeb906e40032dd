import { defineFamily } from './define.ts';
import { selectSuppressed } from './suppressed.ts';
import { readTf, recogniseTf, tfConvention, tfInput, tfParams } from './tf-graph.ts';

export const tfDetection = defineFamily({
  task: 'detection',
  title: 'TensorFlow Object Detection API (SSD, Faster R-CNN, EfficientDet, CenterNet)',
  reference: 'tensorflow/models: research/object_detection/exporter.py, exporter_lib_v2.py',
  params: tfParams,
  defaults: { scoreThreshold: 0.3, iouThreshold: 0.6, maxDetections: 100 },
  recognise: (signature) => recogniseTf(signature, false),
  input: tfInput,
  classes: (_, { classes }) => classes,
  decode: (outputs, { input, limits }) => selectSuppressed(readTf(outputs), tfConvention(input), limits),
});
