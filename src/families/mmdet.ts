import { defineFamily } from './define.ts';
import { MMDET_CONVENTION, mmdetInput, mmdetParams, readMmdet, recogniseMmdet } from './mmdet-graph.ts';
import { selectSuppressed } from './suppressed.ts';

export const mmdet = defineFamily({
  task: 'detection',
  title: 'MMDetection’s R-CNNs, RetinaNet, FCOS, RTMDet and others, exported by MMDeploy',
  reference: 'open-mmlab/mmdeploy: mmdeploy/codebase/mmdet/deploy/object_detection_model.py',
  params: mmdetParams,
  defaults: { scoreThreshold: 0.3, iouThreshold: 0.5, maxDetections: 100 },
  recognise: (signature) => recogniseMmdet(signature, false),
  input: mmdetInput,
  classes: (_, { classes }) => classes,
  decode: (outputs, { limits }) => selectSuppressed(readMmdet(outputs, false), MMDET_CONVENTION, limits),
});
