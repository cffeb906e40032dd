import { areaOfRuns } from '../../vision/rle.ts';
import { boundaryWidth, rleErode } from '../../vision/rle-boundary.ts';
import { intersectRuns } from '../../vision/rle-overlap.ts';
import { boxIou } from '../iou.ts';
import { oks, oksKernel } from '../oks.ts';
import type { CocoData, CocoParams, Masks } from './types.ts';

/**
 * How alike detection row d and truth row g are, in [0, 1]; −1 for masks of different image sizes. Values below the
 * smallest threshold may come back as 0.
 */
export type Similarity = (d: number, g: number) => number;

/** @throws RangeError when `data` lacks what `params.iouType` compares. */
export function similarityOf(data: CocoData, params: CocoParams, smallest: number): Similarity {
  const { truths, detections } = data;
  switch (params.iouType) {
    case 'bbox':
      return (d, g) => boxIou(detections.boxes, d, truths.boxes, g, truths.crowd[g] === 1);
    case 'segm':
      return maskSimilarity(masksOf(detections.masks), masksOf(truths.masks), truths.crowd, smallest);
    case 'boundary': {
      const found = masksOf(detections.masks);
      const labelled = masksOf(truths.masks);
      const ofMasks = maskSimilarity(found, labelled, truths.crowd, smallest);
      const ofBoundaries = boundarySimilarity(found, labelled, params.dilationRatio);
      return (d, g) => {
        const iou = ofMasks(d, g);
        // boundary-iou-api compares crowds by their masks alone.
        const isDecided = truths.crowd[g] === 1 || iou < smallest || iou <= 0;
        return isDecided ? iou : Math.min(iou, ofBoundaries(d, g));
      };
    }
    case 'keypoints':
      return poseSimilarity(data, params, smallest);
  }
}

function masksOf(masks: Masks | undefined): Masks {
  if (!masks) throw new RangeError('the data was loaded without masks');
  return masks;
}

function maskSimilarity(a: Masks, b: Masks, crowd: Uint8Array, smallest: number): Similarity {
  return (d, g) => {
    const shareable = boxOverlap(a.boxes, d, b.boxes, g);
    if (shareable === 0) return 0;
    if (a.widths[d] !== b.widths[g] || a.heights[d] !== b.heights[g]) return -1;
    const areaA = a.areas[d]!;
    const areaB = b.areas[g]!;
    const isCrowd = crowd[g] === 1;
    // No more pixels can be shared than the boxes share or the smaller mask has.
    const most = Math.min(shareable, areaA, areaB);
    if (most / (isCrowd ? areaA : areaA + areaB - most) < smallest) return 0;
    const shared = intersect(a, d, b, g);
    return shared === 0 ? 0 : shared / (isCrowd ? areaA : areaA + areaB - shared);
  };
}

/** The area that the boxes of two masks share, in pixels. */
function boxOverlap(a: Float64Array, i: number, b: Float64Array, j: number): number {
  const [at, bt] = [4 * i, 4 * j];
  const width = Math.min(a[at]! + a[at + 2]!, b[bt]! + b[bt + 2]!) - Math.max(a[at]!, b[bt]!);
  if (width <= 0) return 0;
  const height = Math.min(a[at + 1]! + a[at + 3]!, b[bt + 1]! + b[bt + 3]!) - Math.max(a[at + 1]!, b[bt + 1]!);
  return height <= 0 ? 0 : width * height;
}

function intersect(a: Masks, d: number, b: Masks, g: number): number {
  return intersectRuns(a.runs, a.offsets[d]!, a.offsets[d + 1]!, b.runs, b.offsets[g]!, b.offsets[g + 1]!);
}

/** A boundary is a mask less its inside, so pixels of boundaries are counted without ever drawing them. */
function boundarySimilarity(a: Masks, b: Masks, ratio: number): Similarity {
  const insideOfA = insides(a, ratio);
  const insideOfB = insides(b, ratio);
  return (d, g) => {
    const innerA = insideOfA(d);
    const innerB = insideOfB(g);
    const [startA, endA, startB, endB] = [a.offsets[d]!, a.offsets[d + 1]!, b.offsets[g]!, b.offsets[g + 1]!];
    const shared =
      intersectRuns(a.runs, startA, endA, b.runs, startB, endB) -
      intersectRuns(innerA, 0, innerA.length, b.runs, startB, endB) -
      intersectRuns(a.runs, startA, endA, innerB, 0, innerB.length) +
      intersectRuns(innerA, 0, innerA.length, innerB, 0, innerB.length);
    if (shared === 0) return 0;
    const areaA = a.areas[d]! - areaOfRuns(innerA, 0, innerA.length);
    return shared / (areaA + b.areas[g]! - areaOfRuns(innerB, 0, innerB.length) - shared);
  };
}

/** Eroded masks, made when first asked for. */
function insides(masks: Masks, ratio: number): (i: number) => Uint32Array {
  const made: (Uint32Array | undefined)[] = [];
  return (i) => {
    made[i] ??= erode(masks, i, ratio);
    return made[i];
  };
}

function erode({ runs, offsets, widths, heights }: Masks, i: number, ratio: number): Uint32Array {
  const rle = { width: widths[i]!, height: heights[i]!, counts: runs.subarray(offsets[i]!, offsets[i + 1]!) };
  return rleErode(rle, boundaryWidth(rle.width, rle.height, ratio)).counts;
}

function poseSimilarity({ truths, detections }: CocoData, params: CocoParams, smallest: number): Similarity {
  // Without categories COCO compares no poses at all, and every score is 0.
  if (!params.useCategories) return () => 0;
  const { keypoints: poses, count } = detections;
  const { keypoints: labelled, boxes, areas } = truths;
  if (!poses || !labelled) throw new RangeError('the data was loaded without keypoints');
  const k = params.sigmas.length;
  for (const [what, points, n] of [
    ['truths', labelled, truths.count] as const,
    ['detections', poses, count] as const,
  ]) {
    if (points.length !== 3 * k * n)
      throw new RangeError(`${k} sigmas for ${points.length / n / 3} keypoints of ${what}`);
  }
  const kernel = oksKernel(params.sigmas);
  return (d, g) => oks(kernel, poses, d, labelled, g, boxes, areas, smallest);
}
