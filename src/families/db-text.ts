import { z } from 'zod';
import { Candidates } from '../vision/candidates.ts';
import { connectedComponents } from '../vision/components.ts';
import { meanInside, outset } from '../vision/quads.ts';
import {
  convexHull,
  depthInside,
  halfExtents,
  minAreaRect,
  type RotatedRect,
  rectCorners,
} from '../vision/rotated-rect.ts';
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
/** What grown regions must be wider than others at the least: `min_size + 2`. */
const GROWTH = 2;
/** Of sines and cosines, which must not cost a whole cell. */
const NOISE = 1e-4;

export const dbText = defineFamily({
  task: 'instance-segmentation',
  title: 'DB text detection (PP-OCR)',
  reference:
    'PaddlePaddle/PaddleOCR: ppocr/postprocess/db_postprocess.py, deploy configs of PP-OCRv4; arXiv:1911.08947',
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
    const hulls = findHulls(map, width, height, params.threshold);
    const candidates = new Candidates(limits);
    const rects = hulls.map((hull, i) => {
      const core = minAreaRect(hull);
      if (Math.min(core.width, core.height) < params.minSide) return undefined;
      // Whole cells, for OpenCV fills and Clipper offsets no other polygons.
      const cells = rectCorners(core).map((v) => Math.trunc(v + NOISE));
      const score = meanInside(map, width, height, cells);
      if (!candidates.wants(score)) return undefined;
      const rect = unclip(core, cells, params.unclipRatio);
      if (Math.min(rect.width, rect.height) < params.minSide + GROWTH) return undefined;
      const half = halfExtents(rect);
      const [left, right] = [(rect.centerX - half.x) * scaleX, (rect.centerX + half.x) * scaleX];
      const [top, bottom] = [(rect.centerY - half.y) * scaleY, (rect.centerY + half.y) * scaleY];
      candidates.add(left, top, right, bottom, score, 0, i);
      return rect;
    });
    const selection = candidates.top();
    const chosen = Array.from(selection.sources, (i) => rects[i]!);
    const corners = chosen.flatMap(rectCorners).map((v, i) => v * (i % 2 === 0 ? scaleX : scaleY));
    return { ...selection, corners: Float32Array.from(corners), masks: rectMasks(chosen) };
  },
});

function isMap(value: Pick<ValueInfo, 'dtype' | 'dims'>): boolean {
  return isFloat(value) && value.dims.length === 4 && isOne(value.dims[0]) && value.dims[1] === 1;
}

/** The convex hull of each region, as the cells at its corners: PaddleOCR measures from cell to cell. */
function findHulls(map: Float32Array, width: number, height: number, threshold: number): number[][] {
  const { count, labels } = connectedComponents(width, height, (cell) => map[cell]! > threshold);
  const ends = Array.from({ length: count }, (): number[] => []);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; ) {
      const label = labels[y * width + x]!;
      const start = x;
      while (x < width && labels[y * width + x] === label) x++;
      ends[label - 1]?.push(start, y, x - 1, y);
    }
  }
  return ends.map(convexHull);
}

/** Moves every side outwards by area · ratio / perimeter, equation 10 of the paper, to whole cells. */
function unclip({ width, height }: RotatedRect, cells: readonly number[], ratio: number): RotatedRect {
  const distance = (width * height * ratio) / (2 * (width + height));
  return minAreaRect(convexHull(outset(cells, distance).map(Math.round)));
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
