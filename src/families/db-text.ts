import { z } from 'zod';
import { Candidates } from '../vision/candidates.ts';
import { connectedComponents } from '../vision/components.ts';
import { convexHull, depthInside, halfExtents, minAreaRect, type RotatedRect } from '../vision/rotated-rect.ts';
import type { ValueInfo } from '../vision/signature.ts';
import { toFloats } from '../vision/tensor.ts';
import type { MaskGrids } from '../vision/types.ts';
import { defineFamily } from './define.ts';
import {
  countOperators,
  findImageInput,
  imageInputSpec,
  isFloat,
  isOne,
  soleOutput,
  unexpectedOutputs,
} from './graph.ts';
import { normalizations } from './normalization.ts';

/** Cells along each side of a region's mask: a rectangle's edges are straight, so that few are enough. */
const MASK_CELLS = 32;

export const dbText = defineFamily({
  task: 'instance-segmentation',
  title: 'DB text detection (PP-OCR)',
  reference:
    'arXiv:1911.08947; PaddlePaddle/PaddleOCR: ppocr/postprocess/db_postprocess.py, deploy configs of PP-OCRv4',
  checked: 'reading',
  params: z.strictObject({
    /** A pixel is text where its probability exceeds this. */
    threshold: z.number().min(0).max(1).default(0.3),
    /** How far regions, which the network learns shrunken, grow: by area · ratio / perimeter. */
    unclipRatio: z.number().min(0).default(1.5),
    /** Regions narrower than this are dropped, in pixels of the map. */
    minSide: z.number().min(0).default(3),
    /** Longest side of the input, for graphs that take any size. */
    longest: z.int().min(32).max(8192).default(960),
  }),
  defaults: { scoreThreshold: 0.6, iouThreshold: 1, maxDetections: 1000 },

  recognise(signature) {
    const output = soleOutput(signature);
    const input = findImageInput(signature);
    if (!input || !output || !isMap(output)) return undefined;
    // The head: two transposed convolutions, then the only sigmoid.
    if (countOperators(signature, 'Sigmoid') !== 1 || countOperators(signature, 'ConvTranspose') !== 2)
      return undefined;
    const evidence = ['one probability map after two transposed convolutions'];
    // U-shaped networks that find other things take pictures of one size.
    if (input.width) return { confidence: 0.4, evidence };
    return { confidence: 0.75, evidence: [...evidence, 'pictures of any size'] };
  },

  // PaddleOCR decodes pictures to BGR and applies the ImageNet statistics, which are in RGB order, as they are.
  input(signature, { longest }) {
    const spec = imageInputSpec(signature, {
      fit: 'stretch',
      defaultSize: { width: longest, height: longest },
      color: 'bgr',
      ...normalizations.imagenet,
    });
    return findImageInput(signature)?.width ? spec : { ...spec, resize: { mode: 'limit', longest, multiple: 32 } };
  },

  classes: () => ['text'],

  decode(outputs, { params, input, limits }) {
    const output = Object.values(outputs).find(isMap);
    if (!output) throw unexpectedOutputs(outputs, 'a probability map [1,1,H,W]');
    const [, , height, width] = output.dims as [number, number, number, number];
    const map = toFloats(output);
    const [scaleX, scaleY] = [input.width / width, input.height / height];
    const regions = findRegions(map, width, height, params.threshold);
    const candidates = new Candidates(limits);
    const rects = regions.map(({ corners, score }, i) => {
      if (!candidates.wants(score)) return undefined;
      const core = minAreaRect(convexHull(corners));
      if (Math.min(core.width, core.height) < params.minSide) return undefined;
      const rect = unclip(core, params.unclipRatio);
      const half = halfExtents(rect);
      const [left, right] = [(rect.centerX - half.x) * scaleX, (rect.centerX + half.x) * scaleX];
      const [top, bottom] = [(rect.centerY - half.y) * scaleY, (rect.centerY + half.y) * scaleY];
      candidates.add(left, top, right, bottom, score, 0, i);
      return rect;
    });
    const selection = candidates.top();
    return { ...selection, masks: rectMasks(Array.from(selection.sources, (i) => rects[i]!)) };
  },
});

function isMap(value: Pick<ValueInfo, 'dtype' | 'dims'>): boolean {
  return isFloat(value) && value.dims.length === 4 && isOne(value.dims[0]) && value.dims[1] === 1;
}

interface Region {
  /** x, y of the corners of its runs of pixels, which have the hull of all its pixels. */
  readonly corners: number[];
  /** Mean probability. */
  readonly score: number;
}

function findRegions(map: Float32Array, width: number, height: number, threshold: number): Region[] {
  const { count, labels } = connectedComponents(width, height, (cell) => map[cell]! > threshold);
  const regions = Array.from({ length: count }, () => ({ corners: [] as number[], sum: 0, pixels: 0 }));
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; ) {
      const label = labels[y * width + x]!;
      const start = x;
      const region = regions[label - 1];
      for (; x < width && labels[y * width + x] === label; x++) if (region) region.sum += map[y * width + x]!;
      if (!region) continue;
      region.pixels += x - start;
      region.corners.push(start, y, x, y, start, y + 1, x, y + 1);
    }
  }
  return regions.map(({ corners, sum, pixels }) => ({ corners, score: sum / pixels }));
}

/** Moves every side outwards by area · ratio / perimeter, equation 10 of the paper. */
function unclip(rect: RotatedRect, ratio: number): RotatedRect {
  const { width, height } = rect;
  const distance = (width * height * ratio) / (2 * (width + height));
  return { ...rect, width: width + 2 * distance, height: height + 2 * distance };
}

/** Masks whose scores are depths inside the rectangles, over the rectangles' upright boxes. */
function rectMasks(rects: readonly RotatedRect[]): MaskGrids {
  return {
    width: MASK_CELLS,
    height: MASK_CELLS,
    region: 'box',
    threshold: 0,
    grid(i) {
      const rect = rects[i]!;
      const half = halfExtents(rect);
      const position = (cell: number) => ((cell + 0.5) / MASK_CELLS) * 2 - 1;
      return Float32Array.from({ length: MASK_CELLS * MASK_CELLS }, (_, cell) => {
        const x = rect.centerX + position(cell % MASK_CELLS) * half.x;
        const y = rect.centerY + position(Math.floor(cell / MASK_CELLS)) * half.y;
        return depthInside(rect, x, y);
      });
    },
  };
}
