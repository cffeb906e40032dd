import { toFloats } from '../vision/tensor.ts';
import { defineFamily } from './define.ts';
import { findImageInput, unexpectedOutputs } from './graph.ts';
import {
  countQueryClasses,
  decodeQueries,
  findQueries,
  findQueryMasks,
  namedOutputs,
  queryInput,
  queryParams,
  readQueryGraph,
} from './queries.ts';

export const detrSeg = defineFamily({
  task: 'instance-segmentation',
  title: 'DETR and RF-DETR with masks',
  reference:
    'facebookresearch/detr: models/segmentation.py (PostProcessSegm); roboflow/rf-detr: rfdetr/models/lwdetr.py (PostProcess)',
  params: queryParams,
  defaults: { scoreThreshold: 0.5, iouThreshold: 0.7, maxDetections: 300 },

  recognise(signature, probe) {
    const found = findQueries(signature.outputs);
    const masks = found && findQueryMasks(signature.outputs, found);
    if (!masks || !findImageInput(signature)) return undefined;
    const reading = readQueryGraph(signature, found, probe);
    if (!reading) return undefined;
    const evidence = [...reading.evidence, `a mask for each query: ${masks.name}`];
    // Three outputs that fit each other are surer than two, and than the map of scores that one of them resembles.
    return { ...reading, evidence, confidence: reading.confidence > 0.5 ? 0.95 : reading.confidence };
  },

  input: queryInput,
  classes: countQueryClasses,

  decode(outputs, { params, input, limits }) {
    const values = namedOutputs(outputs);
    const found = findQueries(values);
    const name = found && findQueryMasks(values, found)?.name;
    if (!name) throw unexpectedOutputs(outputs, 'boxes, scores and masks [1,queries,height,width] of queries');
    const selection = decodeQueries(outputs, params, input, limits);
    const logits = toFloats(outputs[name]!);
    const [height, width] = outputs[name]!.dims.slice(-2) as [number, number];
    const area = width * height;
    // Both references leave masks uncut by their boxes.
    const windows = Float32Array.from(
      { length: selection.boxes.length },
      (_, k) => [0, 0, input.width, input.height][k % 4]!,
    );
    const grid = (i: number) => logits.subarray(selection.sources[i]! * area, (selection.sources[i]! + 1) * area);
    return { ...selection, masks: { width, height, region: 'input', windows, threshold: 0, grid } };
  },
});
