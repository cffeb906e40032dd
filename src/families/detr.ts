import { defineFamily } from './define.ts';
import { findImageInput } from './graph.ts';
import {
  countQueryClasses,
  decodeQueries,
  findQueries,
  findQueryMasks,
  queryInput,
  queryParams,
  readQueryGraph,
} from './queries.ts';

export const detr = defineFamily({
  task: 'detection',
  title: 'DETR, YOLOS, Conditional and Deformable DETR, RF-DETR; RT-DETR and D-FINE of Hugging Face',
  reference:
    'facebookresearch/detr: models/detr.py (PostProcess); huggingface/transformers: models/*/image_processing_*.py (post_process_object_detection); roboflow/rf-detr: rfdetr/models/lwdetr.py (PostProcess)',
  params: queryParams,
  // Hugging Face's and RF-DETR's threshold; no duplicates to suppress.
  defaults: { scoreThreshold: 0.5, iouThreshold: 0.7, maxDetections: 300 },

  recognise(signature, probe) {
    const found = findQueries(signature.outputs);
    if (!found || findQueryMasks(signature.outputs, found) || !findImageInput(signature)) return undefined;
    return readQueryGraph(signature, found, probe);
  },

  input: queryInput,
  classes: countQueryClasses,
  decode: (outputs, { params, input, limits }) => decodeQueries(outputs, params, input, limits),
});
