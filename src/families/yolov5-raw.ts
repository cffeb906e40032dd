import { z } from 'zod';
import { sigmoid } from '../vision/scores.ts';
import type { Probe, Signature } from '../vision/signature.ts';
import { toFloats } from '../vision/tensor.ts';
import { BOX_COLUMNS, columnsOf, findGrids, MOST_CONCATS, readHeads, V3, V4 } from './darknet-heads.ts';
import { defineFamily } from './define.ts';
import { countOperators, fixedInputSize } from './graph.ts';
import { STRIDES, STRIDES_P6, yoloInput } from './ultralytics.ts';
import { selectObjects } from './yolov5.ts';

/** Of YOLOv5's models of 1280 pixels (models/yolov5s6.yaml) and YOLOv7-w6, e6, d6, e6e (cfg/deploy/yolov7-w6.yaml). */
const P6 = [
  [19, 27, 44, 40, 38, 94],
  [96, 68, 86, 152, 180, 137],
  [140, 301, 303, 264, 238, 542],
  [436, 615, 739, 380, 925, 792],
];
const mutable = (anchors: readonly (readonly number[])[]) => anchors.map((head) => [...head]);

export const yolov5Raw = defineFamily({
  task: 'detection',
  title: 'YOLOv5 and YOLOv7, raw heads with anchors',
  reference:
    'WongKinYiu/yolov7: models/yolo.py (Detect), cfg/deploy; ultralytics/yolov5: models/yolo.py, models/*.yaml',
  params: z.strictObject({
    /** Width and height of each anchor in input pixels, head by head from the finest to the coarsest. */
    anchors: z.array(z.array(z.number().positive()).min(2)).min(1).default(mutable(V3)),
    /** Whether the graph has put its numbers through a sigmoid. */
    activated: z.boolean().default(false),
    /** Whether the objectness alone is the score: YOLOv7 leaves the only class untrained. */
    objectnessOnly: z.boolean().default(false),
  }),
  defaults: { scoreThreshold: 0.25, iouThreshold: 0.45, maxDetections: 300 },

  recognise(signature, probe) {
    const size = fixedInputSize(signature, probe);
    const grids = size && findGrids(signature.outputs, size);
    const strides = grids?.map(({ stride }) => stride).join();
    const large = strides === STRIDES_P6.join();
    if (!grids || (!large && strides !== STRIDES.join())) return undefined;
    const columns = columnsOf(grids, large ? P6 : V3);
    const leaky = countOperators(signature, 'LeakyRelu') > 0;
    // Darknet's heads decode in another way, and YOLOX's and YOLOv4's in the graph.
    if (!columns || countOperators(signature, 'Exp', 'Softplus', 'Mish') > 0) return undefined;
    if (leaky && countOperators(signature, 'Concat') <= MOST_CONCATS) return undefined;
    const { anchors, evidence } = chooseAnchors(signature, large);
    const activated = isActivated(signature, probe);
    return {
      // Other data sets may have had anchors fitted to them, which no graph tells; other detectors have three maps, too.
      confidence: columns === BOX_COLUMNS + 80 && countOperators(signature, 'Concat') > 0 ? 0.8 : 0.4,
      evidence: [`grids at strides ${strides} of three anchors, ${columns} numbers each`, evidence],
      params: {
        anchors: mutable(anchors),
        activated,
        objectnessOnly: columns === BOX_COLUMNS + 1 && !('stride' in signature.metadata),
      },
    };
  },

  input: yoloInput,

  classes(signature, { anchors }) {
    const size = fixedInputSize(signature);
    return Math.max(0, columnsOf((size && findGrids(signature.outputs, size)) ?? [], anchors) - BOX_COLUMNS);
  },

  decode(outputs, { params, input, limits }) {
    const heads = readHeads(outputs, input, params.anchors);
    const { columns } = heads[0]!;
    const activate = params.activated ? (x: number) => x : sigmoid;
    const rows = heads.reduce((sum, head) => sum + (head.width * head.height * head.anchors.length) / 2, 0);
    const data = new Float32Array(rows * columns);
    let to = 0;
    for (const { data: from, width, height, anchors, cellStep, anchorStep, columnStep } of heads) {
      const stride = input.width / width;
      for (let anchor = 0; anchor < anchors.length / 2; anchor++) {
        for (let cell = 0; cell < width * height; cell++, to += columns) {
          const at = cell * cellStep + anchor * anchorStep;
          const value = (column: number) => activate(from[at + column * columnStep]!);
          const objectness = value(4);
          data[to + 4] = objectness;
          // The rest of the row stays zero.
          if (!(objectness >= limits.scoreThreshold)) continue;
          data[to] = (value(0) * 2 - 0.5 + (cell % width)) * stride;
          data[to + 1] = (value(1) * 2 - 0.5 + Math.floor(cell / width)) * stride;
          data[to + 2] = (value(2) * 2) ** 2 * anchors[2 * anchor]!;
          data[to + 3] = (value(3) * 2) ** 2 * anchors[2 * anchor + 1]!;
          for (let column = BOX_COLUMNS; column < columns; column++) data[to + column] = value(column);
        }
      }
    }
    return selectObjects({ data, rows, columns, classes: params.objectnessOnly ? 0 : columns - BOX_COLUMNS }, limits);
  },
});

/** YOLOv7 and YOLOv7-x pool eight times: to go down and for the pyramid; YOLOv5 three times, YOLOv7-tiny six. */
function chooseAnchors(signature: Signature, large: boolean) {
  if (large) return { anchors: P6, evidence: 'four heads: anchors of YOLOv5-P6 and YOLOv7-w6' };
  if (countOperators(signature, 'MaxPool') >= 8) return { anchors: V4, evidence: 'eight poolings: anchors of YOLOv7' };
  return { anchors: V3, evidence: 'anchors of YOLOv5 and YOLOv7-tiny' };
}

function isActivated(signature: Signature, probe: Probe | undefined): boolean {
  if (probe) {
    const seen = Object.values(probe.outputs);
    // float16 may overshoot a little.
    return seen.every((tensor) => toFloats(tensor).every((value) => value >= -1e-3 && value <= 1.001));
  }
  return signature.outputs.every(({ name }) => signature.lastOperators?.[name] === 'Sigmoid');
}
