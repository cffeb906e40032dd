import { defineFamily } from './define.ts';
import { unexpectedOutputs } from './graph.ts';
import { readSuppressed, selectSuppressed } from './suppressed.ts';
import {
  countTorchvisionClasses,
  recogniseTorchvision,
  torchvisionConvention,
  torchvisionInput,
  torchvisionParams,
} from './torchvision-graph.ts';

export const torchvision = defineFamily({
  task: 'detection',
  title: 'torchvision Faster R-CNN, RetinaNet, FCOS, SSD and SSDLite',
  reference: 'pytorch/vision: torchvision/models/detection',
  params: torchvisionParams,
  // What the graph has suppressed and cut is given as it is; R-CNNs keep scores from 0.05.
  defaults: { scoreThreshold: 0.3, iouThreshold: 0.5, maxDetections: 100 },

  recognise: (signature) => recogniseTorchvision(signature, ({ others }) => others.length === 0),
  input: torchvisionInput,
  classes: countTorchvisionClasses,

  decode(outputs, { params, limits }) {
    const found = readSuppressed(outputs);
    if (!found) throw unexpectedOutputs(outputs, "torchvision's boxes [n,4], scores [n] and integer labels [n]");
    return selectSuppressed(found, torchvisionConvention(params), limits);
  },
});
